import type { MetricKind, MetricSeries } from './api.ts';
import { attributeFilters, type Parameters, type TimeRange } from './parameters.ts';
import { everyPlace } from './places.ts';
import { badParameter } from './problem.ts';
import { Conditions } from './sql-text.ts';

/** What is known of a metric before its points are read. */
export interface MetricFacts {
  readonly kind: MetricKind;
  readonly unit: string;
  readonly points: number;
  readonly series: number;
  /** From the first to the last point, nanoseconds. */
  readonly spanNanos: bigint;
  /** Of a sum: it only grows, unless it begins anew. */
  readonly isMonotonic: boolean;
}

/** What one request asks of one metric. */
export interface MetricQuestion {
  readonly name: string;
  readonly facts: MetricFacts;
  readonly range: TimeRange;
  readonly step: bigint;
  readonly chosen: string;
  readonly groupBy: readonly string[];
  readonly parameters: Parameters;
}

const FUNCTIONS: Readonly<Record<MetricKind, readonly string[]>> = {
  gauge: ['avg', 'min', 'max', 'last'],
  sum: ['rate', 'increase', 'last'],
  histogram: ['p50', 'p90', 'p95', 'p99', 'avg', 'rate', 'heatmap'],
  exponentialHistogram: ['p50', 'p90', 'p95', 'p99', 'avg', 'rate', 'heatmap'],
  summary: ['avg', 'rate'],
};
const DEFAULT_FUNCTION: Readonly<Record<MetricKind, string>> = {
  gauge: 'avg',
  sum: 'rate',
  histogram: 'p95',
  exponentialHistogram: 'p95',
  summary: 'avg',
};

/** Steps of a chart unless asked for otherwise. */
const STEPS_DEFAULT = 120n;
const STEPS_MAX = 1_000n;

const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;
/** Widths of a step that people count in. */
const STEPS: readonly bigint[] = [
  ...[1n, 2n, 5n, 10n, 15n, 20n, 30n].map((count) => count * SECOND),
  ...[1n, 2n, 5n, 10n, 15n, 20n, 30n].map((count) => count * MINUTE),
  ...[1n, 2n, 4n, 6n, 12n, 24n, 48n, 168n, 720n].map((count) => count * HOUR),
];

/** Reads what a request asks of the metric; an ApiError names the parameter that does not fit it. */
export function readQuestion(name: string, facts: MetricFacts, parameters: Parameters): MetricQuestion {
  const range = parameters.range();
  const isUpAndDown = facts.kind === 'sum' && !facts.isMonotonic;
  const chosen = parameters.text('function') ?? (isUpAndDown ? 'last' : DEFAULT_FUNCTION[facts.kind]);
  const functions = FUNCTIONS[facts.kind];
  if (!functions.includes(chosen))
    throw badParameter('function', chosen, `a ${facts.kind} has ${functions.join(', ')}`);
  const step = parameters.duration('step') ?? defaultStep(range, facts);
  if (step <= 0n || (range.end - range.start) / step > STEPS_MAX) {
    throw badParameter('step', parameters.text('step') ?? '', `must cut the range into at most ${STEPS_MAX} steps`);
  }
  return { name, facts, range, step, chosen, groupBy: parameters.all('groupBy'), parameters };
}

/**
 * Wide enough for each series to have a point in every step: with narrower ones, sums over series would count those that happen to have a
 * point there. The usual interval between points is known from their number; a fifth more allows for late ones.
 */
function defaultStep(range: TimeRange, { points, series, spanNanos }: MetricFacts): bigint {
  const gaps = BigInt(Math.max(0, points - series));
  const interval = gaps === 0n ? 0n : (spanNanos * BigInt(Math.max(1, series)) * 6n) / (gaps * 5n);
  const asked = range.end - range.start;
  const least = asked / STEPS_DEFAULT;
  const wanted = interval > least ? interval : least;
  const width =
    asked < STEPS_DEFAULT * SECOND && wanted < SECOND ? wanted : STEPS.find((candidate) => candidate >= wanted);
  const step = width ?? wanted;
  return step < asked ? (step > 0n ? step : 1n) : asked;
}

/** Cumulative points need the one before them: points of this long before the range are read, too. */
export function lookBack(question: MetricQuestion): bigint {
  const least = 5n * MINUTE;
  return question.step > least ? question.step : least;
}

/** The points of the question from `start` on, without those that say "no value was recorded" (flag 1). */
export function conditionsOf(question: MetricQuestion, start: bigint = question.range.start): Conditions {
  const { parameters, range, name } = question;
  const conditions = new Conditions();
  conditions.within('TimeUnix', { start: start > 0n ? start : 0n, end: range.end });
  conditions.equals('MetricName', name);
  conditions.equals('ServiceName', parameters.text('service'));
  for (const filter of attributeFilters(parameters)) {
    conditions.attribute(filter, everyPlace([{ map: 'Attributes' }, { map: 'ResourceAttributes' }], filter.key));
  }
  conditions.add('bitAnd(Flags, 1) = 0');
  return conditions;
}

/** Number of the step that a point falls into; negative before the range. */
export function stepColumn(question: MetricQuestion, conditions: Conditions): string {
  const start = conditions.value(BigInt.asIntN(64, question.range.start).toString(), 'Int64');
  const step = conditions.value(question.step.toString(), 'Int64');
  return `toInt64(floor((toUnixTimestamp64Nano(TimeUnix) - ${start}) / ${step}))`;
}

/** Values of the group-by keys: `service`, or an attribute of the point or else of the resource. */
export function labelsColumn(question: MetricQuestion, conditions: Conditions): string {
  const labels = question.groupBy.map((key) => {
    if (key === 'service' || key === 'service.name') return 'ServiceName';
    const text = conditions.value(key, 'String');
    return `if(mapContains(Attributes, ${text}), Attributes[${text}], ResourceAttributes[${text}])`;
  });
  return `CAST([${labels.join(', ')}], 'Array(String)')`;
}

/** What makes two points the same series: everything but time and value. */
export const SERIES = 'cityHash64(ServiceName, toString(ResourceAttributes), ScopeName, toString(Attributes))';

/** Values by labels (as JSON) and step. */
export type Groups = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** Groups as series with a point for every step: null where there is none. Largest groups first, `max` of them. */
export function seriesOf(question: MetricQuestion, groups: Groups, max: number): MetricSeries['series'] {
  const { range, step, groupBy } = question;
  const steps = Number((range.end - range.start + step - 1n) / step);
  const weight = (points: ReadonlyMap<number, number>): number =>
    [...points.values()].reduce((sum, value) => sum + Math.abs(value), 0);
  const ordered = [...groups].map(([key, points]) => ({ key, points, weight: weight(points) }));
  ordered.sort((a, b) => b.weight - a.weight);
  return ordered.slice(0, max).map(({ key, points }) => {
    const values = JSON.parse(key) as string[];
    return {
      labels: Object.fromEntries(groupBy.map((name, i) => [name, values[i]])),
      points: Array.from({ length: steps }, (_, i) => [stepMs(question, i), points.get(i) ?? null] as const),
    };
  });
}

/** Unix milliseconds at which a step begins. */
export function stepMs({ range, step }: MetricQuestion, number: number): number {
  return Number((range.start + BigInt(number) * step) / 1_000_000n);
}
