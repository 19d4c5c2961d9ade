import type { Facet, LogRecord, OtlpSpan, OtlpTrace, Page, TraceSummary } from '../../../src/query/api.ts';
import type { TraceComparison } from '../../../src/query/api-compare.ts';
import { type MadeTrace, makeShopTrace, seededChance } from './shop.ts';

/** Answers of the API about the made-up shop, computed in memory: traces and logs. */

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const STATUSES = ['Unset', 'Ok', 'Error'];
const NOT_SHOP_ATTRIBUTES = new Set(['thread.id', 'exception.stacktrace']);

interface FlatSpan {
  readonly service: string;
  readonly span: OtlpSpan;
  readonly startMs: number;
  readonly durationNs: number;
  readonly attributes: ReadonlyMap<string, string>;
}

export interface ShopData {
  readonly traces: readonly {
    readonly made: MadeTrace;
    readonly summary: TraceSummary;
    readonly spans: readonly FlatSpan[];
  }[];
  readonly logs: readonly LogRecord[];
}

/** `count` traces spread over the hour before `nowMs`, newest first, with their logs. */
export function makeShop(count: number, nowMs: number): ShopData {
  const chance = seededChance(2026);
  const traces = Array.from({ length: count }, (_, number) => {
    // More in the second half of the hour, as when a morning begins.
    const made = makeShopTrace(number, nowMs - 3_600_000 * chance() ** 1.4 - 2_000);
    const spans = flatten(made.otlp);
    return { made, spans, summary: summarize(made, spans) };
  }).sort((a, b) => b.made.startMs - a.made.startMs);
  return {
    traces,
    logs: traces
      .flatMap(({ spans }) => spans.flatMap((span) => logsOf(span, chance)))
      .sort((a, b) => (a.timeUnixNano < b.timeUnixNano ? 1 : -1)),
  };
}

function flatten(trace: OtlpTrace): readonly FlatSpan[] {
  return trace.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = textOf(resource?.attributes?.[0]?.value);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service,
        span,
        startMs: Number(BigInt(span.startTimeUnixNano ?? '0') / 1000n) / 1000,
        durationNs: Number(BigInt(span.endTimeUnixNano ?? '0') - BigInt(span.startTimeUnixNano ?? '0')),
        attributes: new Map((span.attributes ?? []).map(({ key, value }) => [key, textOf(value)])),
      })),
    );
  });
}

function textOf(
  value: { stringValue?: string; intValue?: string; boolValue?: boolean; doubleValue?: number | string } | undefined,
): string {
  return String(value?.stringValue ?? value?.intValue ?? value?.boolValue ?? value?.doubleValue ?? '');
}

function summarize(made: MadeTrace, spans: readonly FlatSpan[]): TraceSummary {
  const root = spans.find(({ span }) => span.parentSpanId === undefined) ?? spans[0];
  const starts = spans.map(({ span }) => BigInt(span.startTimeUnixNano ?? '0'));
  const ends = spans.map(({ span }) => BigInt(span.endTimeUnixNano ?? '0'));
  const start = least(starts);
  const services = [...new Set(spans.map(({ service }) => service))].map((service) => {
    const own = spans.filter((one) => one.service === service);
    const durationNano = String(Math.round(own.reduce((sum, { durationNs }) => sum + durationNs, 0)));
    return { service, spans: own.length, errors: own.filter(failed).length, durationNano };
  });
  return {
    traceId: made.traceId,
    rootService: root.service,
    rootOperation: root.span.name ?? '',
    hasRoot: root.span.parentSpanId === undefined,
    startTimeUnixNano: String(start),
    durationNano: String(-least(ends.map((end) => -end)) - start),
    spanCount: spans.length,
    errorCount: spans.filter(failed).length,
    services: services.sort((a, b) => b.spans - a.spans),
  };
}

function least(values: readonly bigint[]): bigint {
  return [...values].sort((a, b) => (a < b ? -1 : 1))[0];
}

function failed({ span }: FlatSpan): boolean {
  return span.status?.code === 2;
}

function logsOf(flat: FlatSpan, chance: () => number): readonly LogRecord[] {
  const { span, service } = flat;
  if (!failed(flat) && chance() < 0.72) return [];
  const say = (severityNumber: number, severityText: string, body: string, share: number): LogRecord => ({
    timeUnixNano: String(BigInt(span.startTimeUnixNano ?? '0') + BigInt(Math.round(flat.durationNs * share))),
    observedTimeUnixNano: span.endTimeUnixNano ?? '0',
    severityNumber,
    severityText,
    service,
    eventName: '',
    body,
    traceId: span.traceId,
    spanId: span.spanId,
    flags: 1,
    attributes: {
      'code.function.name': 'handle',
      'thread.id': flat.attributes.get('thread.id') ?? '',
      route: flat.attributes.get('http.route') ?? '',
    },
    resourceAttributes: { 'service.name': service, 'service.version': '2.14.0', 'host.name': 'node-3' },
    scopeName: 'pino',
  });
  if (failed(flat)) return [say(17, 'ERROR', `${span.name} failed: card issuer did not answer within 3000 ms`, 0.95)];
  const ms = (flat.durationNs / 1e6).toFixed(1);
  if (flat.durationNs > 150e6) return [say(13, 'WARN', `${span.name} took ${ms} ms, the objective is 150 ms`, 0.99)];
  return [
    chance() < 0.4
      ? say(5, 'DEBUG', `cache miss for ${span.name}, reading through`, 0.2)
      : say(9, 'INFO', `${span.name} answered in ${ms} ms`, 0.98),
  ];
}

/** Milliseconds of a time as a request gives it. */
export function timeOf(text: string | null, fallback: number, nowMs: number): number {
  const relative = /^now(?:-(\d+)([smhd]))?$/.exec(text ?? '');
  if (relative === null) return text === null ? fallback : Number(text);
  const unit = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 }[relative[2] ?? 's'] ?? 0;
  return nowMs - Number(relative[1] ?? 0) * unit;
}

function durationOf(text: string | null, fallback: number): number {
  const match = /^([\d.]+)(ns|us|ms|s|m)$/.exec(text ?? '');
  if (match === null) return fallback;
  return Number(match[1]) * ({ ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9 }[match[2]] ?? 1);
}

function spanMatches(params: URLSearchParams, nowMs: number): (span: FlatSpan) => boolean {
  const from = timeOf(params.get('start'), 0, nowMs);
  const to = timeOf(params.get('end'), nowMs, nowMs);
  const pairs = params.getAll('attribute').map((pair) => /^(.+?)(!?)=(.*)$/s.exec(pair)?.slice(1) ?? [pair, '', '']);
  const excluded = new Set(params.getAll('exclude'));
  const asked = (name: string, value: string) => params.get(name) === null || params.get(name) === value;
  const least = durationOf(params.get('minDuration'), 0);
  const most = durationOf(params.get('maxDuration'), Number.POSITIVE_INFINITY);
  return ({ service, span, startMs, durationNs, attributes }) =>
    startMs >= from &&
    startMs <= to &&
    durationNs >= least &&
    durationNs <= most &&
    asked('service', service) &&
    asked('operation', span.name ?? '') &&
    asked('status', STATUSES[span.status?.code ?? 0].toLowerCase()) &&
    asked('kind', KINDS[span.kind ?? 0].toLowerCase()) &&
    fieldsOf({ service, span }).every((field) => !excluded.has(field.join('='))) &&
    pairs.every(([key, not, value]) => (attributes.get(key) === value) === (not === ''));
}

function fieldsOf({ service, span }: Pick<FlatSpan, 'service' | 'span'>): (readonly [string, string])[] {
  const status = STATUSES[span.status?.code ?? 0];
  return [
    ['service', service],
    ['operation', span.name ?? ''],
    ['status', status.toLowerCase()],
    ['kind', KINDS[span.kind ?? 0].toLowerCase()],
  ];
}

/** How the selected traces differ from the others, field by field. */
export function compareTraces(data: ShopData, params: URLSearchParams, nowMs: number): TraceComparison {
  const matches = spanMatches(params, nowMs);
  const found = data.traces.filter(({ spans }) => spans.some(matches)).slice(0, Number(params.get('limit') ?? 1000));
  const within = (value: number, from: string, to: string): boolean =>
    value >= Number(params.get(from) ?? 0) / 1e6 && value <= Number(params.get(to) ?? Number.POSITIVE_INFINITY) / 1e6;
  const isChosen = ({ summary }: ShopData['traces'][number]): boolean =>
    within(Number(summary.startTimeUnixNano) / 1e6, 'selectedStart', 'selectedEnd') &&
    Number(summary.durationNano) >= durationOf(params.get('selectedMinDuration'), 0) &&
    Number(summary.durationNano) <= durationOf(params.get('selectedMaxDuration'), Number.POSITIVE_INFINITY);
  const chosen = found.filter(isChosen);
  const counts = new Map<
    string,
    { field: string; attribute: boolean; value: string; selected: number; rest: number }
  >();
  for (const trace of found) {
    const items = trace.spans.flatMap((span) => [
      ...fieldsOf(span).map(([field, value]) => ({ field, attribute: false, value })),
      ...[...span.attributes].map(([field, value]) => ({ field, attribute: true, value })),
    ]);
    for (const [key, item] of new Map(items.map((item) => [JSON.stringify(item), item]))) {
      const count = counts.get(key) ?? { ...item, selected: 0, rest: 0 };
      if (isChosen(trace)) count.selected++;
      else count.rest++;
      counts.set(key, count);
    }
  }
  const others = found.length - chosen.length;
  const differing = ({ selected, rest }: { selected: number; rest: number }): number =>
    Math.abs(selected / chosen.length - rest / others);
  const ranked = [...counts.values()].sort((a, b) => differing(b) - differing(a)).slice(0, 60);
  const fields = [...new Set(ranked.map(({ field, attribute }) => `${attribute} ${field}`))].slice(0, 12);
  const items = fields.map((name) => {
    const values = ranked.filter(({ field, attribute }) => `${attribute} ${field}` === name).slice(0, 6);
    return { field: values[0].field, attribute: values[0].attribute, difference: differing(values[0]), values };
  });
  return { selected: chosen.length, rest: others, truncated: false, items };
}

/** A page of `items`: the cursor is the place of its first. */
export function pageOf<T>(items: readonly T[], params: URLSearchParams): Page<T> {
  const from = Number(params.get('cursor') ?? 0);
  const limit = Number(params.get('limit') ?? 100);
  return { items: items.slice(from, from + limit), next: from + limit < items.length ? String(from + limit) : null };
}

export function findTraces(data: ShopData, params: URLSearchParams, nowMs: number): Page<TraceSummary> {
  const matches = spanMatches(params, nowMs);
  return pageOf(
    data.traces.filter(({ spans }) => spans.some(matches)).map(({ summary }) => summary),
    params,
  );
}

export function traceFacets(data: ShopData, params: URLSearchParams, nowMs: number): Page<Facet> {
  const counts = new Map<string, Map<string, number>>();
  const count = (field: string, value: string) => {
    const values = counts.get(field) ?? new Map<string, number>();
    counts.set(field, values.set(value, (values.get(value) ?? 0) + 1));
  };
  const matching = data.traces.flatMap(({ spans }) => spans.filter(spanMatches(params, nowMs)));
  for (const one of matching) {
    count('service', one.service);
    count('operation', one.span.name ?? '');
    count('status', STATUSES[one.span.status?.code ?? 0]);
    count('kind', KINDS[one.span.kind ?? 0]);
    for (const [key, value] of one.attributes) if (!NOT_SHOP_ATTRIBUTES.has(key)) count(`@${key}`, value);
  }
  const items = [...counts].map(([field, values]) => ({
    field: field.replace('@', ''),
    attribute: field.startsWith('@'),
    values: [...values]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 10)
      .map(([value, n]) => ({ value, count: n })),
  }));
  return { items, next: null };
}

/** Counts over time of what `select` picks, in `buckets` steps over the asked range. */
function histogramOf<T>(
  items: readonly T[],
  msOf: (item: T) => number,
  params: URLSearchParams,
  nowMs: number,
  empty: () => Record<string, number>,
  add: (into: Record<string, number>, item: T) => void,
) {
  const from = timeOf(params.get('start'), nowMs - 3_600_000, nowMs);
  const to = timeOf(params.get('end'), nowMs, nowMs);
  const stepMs = Math.max(1, Math.ceil((to - from) / Number(params.get('buckets') ?? 60)));
  const buckets = Array.from({ length: Math.ceil((to - from) / stepMs) }, empty);
  for (const item of items) {
    const bucket = buckets[Math.floor((msOf(item) - from) / stepMs)];
    if (bucket !== undefined) add(bucket, item);
  }
  const start = (index: number) => `${Math.round(from + index * stepMs)}000000`;
  return { stepNano: `${stepMs}000000`, buckets, start };
}

export function traceHistogram(data: ShopData, params: URLSearchParams, nowMs: number) {
  const spans = data.traces.flatMap((trace) => trace.spans.filter(spanMatches(params, nowMs)));
  const found = histogramOf(
    spans,
    ({ startMs }) => startMs,
    params,
    nowMs,
    () => ({ spans: 0, errors: 0 }),
    (into, span) => {
      into['spans']++;
      if (failed(span)) into['errors']++;
    },
  );
  return {
    stepNano: found.stepNano,
    buckets: found.buckets.map((bucket, i) => ({ startTimeUnixNano: found.start(i), ...bucket })),
  };
}

const SEVERITY_LEAST = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 } as const;

function filterLogs(data: ShopData, params: URLSearchParams, nowMs: number): readonly LogRecord[] {
  const from = timeOf(params.get('start'), 0, nowMs);
  const to = timeOf(params.get('end'), nowMs, nowMs);
  const least = SEVERITY_LEAST[(params.get('severity') ?? 'trace') as keyof typeof SEVERITY_LEAST] ?? 0;
  const text = (params.get('text') ?? '').toLowerCase();
  const asked = (name: string, value: string) => params.get(name) === null || params.get(name) === value;
  const pairs = params
    .getAll('attribute')
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const);
  return data.logs.filter((record) => {
    const ms = Number(record.timeUnixNano.slice(0, -6));
    return (
      ms >= from &&
      ms <= to &&
      record.severityNumber >= least &&
      record.body.toLowerCase().includes(text) &&
      asked('service', record.service) &&
      asked('traceId', record.traceId) &&
      asked('spanId', record.spanId) &&
      pairs.every(([key, value]) => (record.attributes[key] ?? record.resourceAttributes[key]) === value)
    );
  });
}

export function findLogs(data: ShopData, params: URLSearchParams, nowMs: number): Page<LogRecord> {
  return pageOf(filterLogs(data, params, nowMs), params);
}

export function logHistogram(data: ShopData, params: URLSearchParams, nowMs: number) {
  const empty = () => ({ unset: 0, trace: 0, debug: 0, info: 0, warn: 0, error: 0, fatal: 0 });
  const names = Object.keys(SEVERITY_LEAST);
  const found = histogramOf(
    filterLogs(data, params, nowMs),
    ({ timeUnixNano }) => Number(timeUnixNano.slice(0, -6)),
    params,
    nowMs,
    empty,
    (into, record) => {
      into[names[Math.floor((record.severityNumber - 1) / 4)]]++;
    },
  );
  return {
    stepNano: found.stepNano,
    buckets: found.buckets.map((counts, i) => ({ startTimeUnixNano: found.start(i), counts })),
  };
}
