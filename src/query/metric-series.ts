import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { MetricKind, MetricSeries } from './api.ts';
import { heatmapOf, increments } from './histogram.ts';
import { bucketPoints, histogramGroups, histogramStatement } from './metric-histograms.ts';
import { numberStatement } from './metric-numbers.ts';
import {
  conditionsOf,
  lookBack,
  type MetricFacts,
  type MetricQuestion,
  readQuestion,
  SERIES,
  seriesOf,
  stepMs,
} from './metric-question.ts';
import { KIND_TABLES, KINDS } from './metrics.ts';
import { rowsOf } from './otlp-rows.ts';
import type { Parameters } from './parameters.ts';
import { notFound } from './problem.ts';
import { Conditions, type Statement, statementOptions } from './sql-text.ts';

const EXEMPLARS_MAX = 200;

/** Series of one metric over time, with the function of the request. */
export async function metricSeries(
  engine: Engine,
  parameters: Parameters,
  name: string,
  signal?: AbortSignal,
): Promise<MetricSeries> {
  const ask = async ({ sql, params }: Statement) => rowsOf(await engine.query(sql, statementOptions(params, signal)));
  const facts = await readFacts(ask, parameters, name);
  if (facts === undefined) throw notFound(`no points of metric ${name} in this time range`);
  const question = readQuestion(name, facts, parameters);
  const isHistogram = facts.kind === 'histogram' || facts.kind === 'exponentialHistogram';
  const [answer, exemplars] = await Promise.all([
    isHistogram ? histogramSeries(ask, question) : numberSeries(ask, question),
    facts.kind === 'summary' ? [] : readExemplars(ask, question),
  ]);
  const { kind, unit } = facts;
  return { name, kind, unit, function: question.chosen, stepNano: question.step.toString(), ...answer, exemplars };
}

type Ask = (statement: Statement) => Promise<ReturnType<typeof rowsOf>>;
type Answer = Pick<MetricSeries, 'series' | 'heatmap' | 'truncated'>;

/** What there is of the metric in the range. A name with several kinds is answered for the kind with most points. */
async function readFacts(ask: Ask, parameters: Parameters, name: string): Promise<MetricFacts | undefined> {
  const conditions = new Conditions();
  conditions.within('TimeUnix', parameters.range());
  conditions.equals('MetricName', name);
  conditions.equals('ServiceName', parameters.text('service'));
  const parts = KINDS.map(
    (kind) => `SELECT '${kind}' AS Kind, any(MetricUnit) AS Unit, count() AS Points, uniq(${SERIES}) AS Series,
      toUnixTimestamp64Nano(max(TimeUnix)) - toUnixTimestamp64Nano(min(TimeUnix)) AS Span,
      ${kind === 'sum' ? 'max(toUInt8(IsMonotonic))' : 'toUInt8(0)'} AS Monotonic
      FROM ${KIND_TABLES[kind]} WHERE ${conditions.text()}`,
  );
  const sql = `SELECT * FROM (${parts.join(' UNION ALL ')}) WHERE Points > 0 ORDER BY Points DESC LIMIT 1`;
  const [row] = await ask({ sql, params: conditions.params });
  if (row === undefined) return undefined;
  return {
    kind: row.text('Kind') as MetricKind,
    unit: row.text('Unit'),
    points: row.number('Points'),
    series: row.number('Series'),
    spanNanos: BigInt(row.text('Span')),
    isMonotonic: row.number('Monotonic') === 1,
  };
}

async function numberSeries(ask: Ask, question: MetricQuestion): Promise<Answer> {
  const { sql, params } = numberStatement(question);
  const rows = await ask({ sql: `${sql} LIMIT ${LIMITS.metricPointsMax + 1}`, params });
  const groups = new Map<string, Map<number, number>>();
  for (const row of rows.slice(0, LIMITS.metricPointsMax)) {
    const key = JSON.stringify(row.get('Labels'));
    const points = groups.get(key) ?? new Map<number, number>();
    groups.set(key, points);
    const value = Number(row.get('V'));
    if (Number.isFinite(value)) points.set(row.number('Step'), value);
  }
  const truncated = rows.length > LIMITS.metricPointsMax || groups.size > LIMITS.metricSeriesMax;
  return { series: seriesOf(question, groups, LIMITS.metricSeriesMax), truncated };
}

async function histogramSeries(ask: Ask, question: MetricQuestion): Promise<Answer> {
  const rows = await ask(histogramStatement(question, LIMITS.histogramPointsMax));
  const points = bucketPoints(question.facts.kind, rows.slice(0, LIMITS.histogramPointsMax));
  const sinceMs = Number((question.range.start - lookBack(question)) / 1_000_000n);
  const added = increments(points, Math.max(1, sinceMs)).filter(({ step }) => step >= 0);
  const hasMore = rows.length > LIMITS.histogramPointsMax;
  if (question.chosen === 'heatmap') {
    return { series: [], heatmap: heatmapOf(added, (step) => stepMs(question, step)), truncated: hasMore };
  }
  const groups = histogramGroups(question.chosen, added);
  const truncated = hasMore || groups.size > LIMITS.metricSeriesMax;
  return { series: seriesOf(question, groups, LIMITS.metricSeriesMax), truncated };
}

async function readExemplars(ask: Ask, question: MetricQuestion): Promise<MetricSeries['exemplars']> {
  const conditions = conditionsOf(question);
  const sql = `SELECT toUnixTimestamp64Milli(Time) AS Ms, Value, TraceId, SpanId FROM (
      SELECT arrayJoin(arrayZip(Exemplars.TimeUnix, Exemplars.Value, Exemplars.TraceId, Exemplars.SpanId)) AS E,
        E.1 AS Time, E.2 AS Value, E.3 AS TraceId, E.4 AS SpanId
      FROM ${KIND_TABLES[question.facts.kind]} WHERE ${conditions.text()} AND notEmpty(Exemplars.TimeUnix)
    ) WHERE TraceId != '' AND isFinite(Value) ORDER BY Time DESC LIMIT ${EXEMPLARS_MAX}`;
  const rows = await ask({ sql, params: conditions.params });
  return rows.map((row) => ({
    timeMs: row.number('Ms'),
    value: row.number('Value'),
    traceId: row.text('TraceId'),
    spanId: row.text('SpanId'),
  }));
}
