import { type CallSpans, CallSpansBuilder } from '../analysis/call-spans.ts';
import { DATABASE_KEYS, PEER_ADDRESS, PEER_KEYS, PEER_PORT, USER } from '../analysis/peer.ts';
import { LIMITS } from '../base/limits.ts';
import { GRAPH_SCRATCH } from '../base/names.ts';
import type { Engine } from '../store/engine.ts';

/** Windows are named by their first second, as ClickHouse's DateTime: those that begin in [0, 2^32). */
export const WINDOW_SECONDS = LIMITS.graphWindowMs / 1000;

/** First second of the window that a Unix second lies in. */
export const windowOf = (second: number): number => second - (second % WINDOW_SECONDS);

/**
 * Reads the spans of a window (counted) and, of the same traces, those of the windows before and after it (not counted): everything that the
 * window's part of the graph depends on. A full window comes in parts, each with whole traces.
 */
export async function* windowParts(
  engine: Engine,
  window: number,
  spansAtOnce: number = LIMITS.graphSpansAtOnce,
): AsyncGenerator<CallSpans> {
  const params = {
    before: nanosOf(window - WINDOW_SECONDS),
    start: nanosOf(window),
    end: nanosOf(window + WINDOW_SECONDS),
    after: nanosOf(window + 2 * WINDOW_SECONDS),
  };
  // What is kept in the background takes one core at most.
  const options = { settings: { max_threads: 1 }, timeoutMs: LIMITS.queryTimeMsMax };
  const counted = await engine.query(`SELECT count() FROM otel_traces WHERE ${IN_WINDOW}`, { ...options, params });
  const parts = Math.max(1, Math.ceil(Number(counted.rows[0][0]) / spansAtOnce));
  if (parts === 1) {
    const own = await engine.query(OWN_SPANS, { ...options, params });
    const around = await engine.query(SPANS_AROUND, { ...options, params });
    yield spansOf(own.rows, around.rows);
    return;
  }
  await engine.command(SCRATCH_TABLE);
  try {
    for (let first = 0; first < parts; first += PARTS_AT_ONCE) {
      const end = Math.min(parts, first + PARTS_AT_ONCE);
      await engine.command(`TRUNCATE TABLE ${GRAPH_SCRATCH}`);
      const group = { ...options, params: { ...params, parts, firstPart: first, endPart: end } };
      await engine.command(`INSERT INTO ${GRAPH_SCRATCH} ${OWN_PARTS}`, group);
      await engine.command(`INSERT INTO ${GRAPH_SCRATCH} ${PARTS_AROUND}`, group);
      for (let part = first; part < end; part++) {
        const own = await engine.query(partStatement(1), { ...options, params: { part } });
        const around = await engine.query(partStatement(0), { ...options, params: { part } });
        yield spansOf(own.rows, around.rows);
      }
    }
  } finally {
    await engine.command(`DROP TABLE IF EXISTS ${GRAPH_SCRATCH}`);
  }
}

/** Calls between two services, some of them. */
export interface SeenEdge {
  readonly client: string;
  readonly server: string;
  readonly calls: number;
  readonly slowestTraceId: string;
}

export interface NewestEdges {
  readonly edges: readonly SeenEdge[];
  /** There are more spans than looks one after the other can see, in LIMITS.graphPeekPartsMax parts. */
  readonly isSample: boolean;
}

/**
 * Which services call which, of the spans that begin between two moments: parents of another service, and servers below clients, as pairing
 * has it. Joined in the database, because only a few edges are wanted of very many spans: 60,000 take a tenth of the time that reading them
 * does. Where there are more than `spansAtOnce`, `turn` says which of them: a part of the traces, so that looks one after the other see all. Where
 * there are so many that looks cannot keep up, mostly those of a stretch of time, for the order of the table keeps all others unread (200,000 of
 * 1.4 million spans: 120 ms of processor time instead of 440, Intel Xeon), and now and then a part of the traces, for calls whose two sides lie
 * further apart than a stretch is long.
 */
export async function newestEdges(
  engine: Engine,
  startNs: bigint,
  endNs: bigint,
  turn: number,
  spansAtOnce: number = LIMITS.graphPeekSpans,
): Promise<NewestEdges> {
  const params = { start: startNs.toString(), end: endNs.toString() };
  const options = { settings: { max_threads: 1 }, timeoutMs: LIMITS.queryTimeMsMax };
  const counted = await engine.query(SPANS_BY_SECOND, { ...options, params });
  const seconds = counted.rows.map(([second, spans]) => ({ second: Number(second), spans: Number(spans) }));
  const spans = seconds.reduce((sum, second) => sum + second.spans, 0);
  const parts = Math.max(1, Math.ceil(spans / spansAtOnce));
  const isSample = parts > LIMITS.graphPeekPartsMax;
  const byTrace = isSample ? Math.floor(turn / TURNS_BY_TRACE) : turn;
  const isByTrace = !isSample || turn % TURNS_BY_TRACE === TURNS_BY_TRACE - 1;
  const [from, to] = isByTrace
    ? [startNs, endNs]
    : stretchOf(seconds, [startNs, endNs], (turn - byTrace) % parts, parts);
  const part = isByTrace && parts > 1 ? `AND ${PART} = {part:UInt32}` : '';
  const side = (id: string): string =>
    `(SELECT TraceId, ${id} AS Id, ServiceName AS Service, SpanKind AS Kind FROM otel_traces WHERE ${IN_WINDOW} ${part} AND ${id} != '')`;
  const sql = `SELECT toString(c.Service) AS Client, toString(s.Service) AS Server, toFloat64(count()) AS Calls, any(s.TraceId) AS Example
    FROM ${side('ParentSpanId')} AS s INNER JOIN ${side('SpanId')} AS c ON s.TraceId = c.TraceId AND s.Id = c.Id
    WHERE c.Service != s.Service OR (s.Kind IN ('Server', 'Consumer') AND c.Kind IN ('Client', 'Producer')) GROUP BY Client, Server`;
  const looked = { start: from.toString(), end: to.toString(), parts, part: byTrace % parts };
  const { rows } = await engine.query(sql, { ...options, params: looked });
  const edges = rows.map(([client, server, calls, traceId]) => ({
    client: String(client),
    server: String(server),
    calls: Number(calls),
    slowestTraceId: String(traceId),
  }));
  return { edges, isSample };
}

/** One look in so many at a sample is at whole traces. */
const TURNS_BY_TRACE = 8;

/**
 * The `part`-th of `parts` stretches of [from, to) in which equally many spans begin, as far as counts of whole seconds (ascending) tell.
 */
export function stretchOf(
  seconds: readonly { readonly second: number; readonly spans: number }[],
  [from, to]: readonly [bigint, bigint],
  part: number,
  parts: number,
): readonly [bigint, bigint] {
  const all = seconds.reduce((sum, { spans }) => sum + spans, 0);
  const momentOf = (edge: number): bigint => {
    let left = (all * edge) / parts;
    for (const { second, spans } of seconds) {
      if (left < spans) {
        const moment = BigInt(second) * 1_000_000_000n + BigInt(Math.floor((left / spans) * 1e9));
        return moment < from ? from : moment > to ? to : moment;
      }
      left -= spans;
    }
    return to;
  };
  return [part === 0 ? from : momentOf(part), part === parts - 1 ? to : momentOf(part + 1)];
}

/** Parts that are laid out at once: the attributes of a window are read once for so many. */
const PARTS_AT_ONCE = 10;

const nanosOf = (second: number): string => (BigInt(second) * 1_000_000_000n).toString();

type Rows = readonly (readonly unknown[])[];

function spansOf(own: Rows, around: Rows): CallSpans {
  const spans = new CallSpansBuilder(own.length + around.length);
  for (const row of own) addRow(spans, row, true);
  for (const row of around) addRow(spans, row, false);
  return spans.finish();
}

function addRow(spans: CallSpansBuilder, row: readonly unknown[], isCounted: boolean): void {
  spans.add({
    traceId: row[0] as string,
    spanId: row[1] as string,
    parentSpanId: row[2] as string,
    kind: row[3] as number,
    service: row[4] as string,
    operation: row[5] as string,
    startNs: row[6] as number,
    durationNs: row[7] as number,
    failed: row[8] === 1,
    peer: isCounted ? (row[9] as string) : '',
    isDatabase: isCounted && row[10] === 1,
    isCounted,
  });
}

const KIND_NUMBER =
  "toUInt8(greatest(indexOf(['Unspecified','Internal','Server','Client','Producer','Consumer'], toString(SpanKind)), 1) - 1)";

const attribute = (key: string): string => `SpanAttributes['${key}']`;

/** The first of the keys that has a value, as peerOf finds it. */
function firstOf(keys: readonly string[], otherwise = "''"): string {
  const cases = keys.flatMap((key) => {
    const value = attribute(key);
    const port = attribute(PEER_PORT);
    const named = key === PEER_ADDRESS ? `if(${port} = '', ${value}, concat(${value}, ':', ${port}))` : value;
    return [`${value} != ''`, named];
  });
  return `multiIf(${[...cases, otherwise].join(', ')})`;
}

const IS_DATABASE = `(SpanKind = 'Client' AND (${DATABASE_KEYS.map((key) => `${attribute(key)} != ''`).join(' OR ')}))`;

/** The twin of peerOf in src/analysis/peer.ts. */
const PEER = `multiIf(
  ${IS_DATABASE}, ${firstOf(PEER_KEYS.database)},
  SpanKind = 'Client', ${firstOf(PEER_KEYS.client)},
  SpanKind = 'Producer' OR (SpanKind = 'Consumer' AND ParentSpanId = ''), ${firstOf(PEER_KEYS.queue)},
  SpanKind = 'Server' AND ParentSpanId = '', ${firstOf(PEER_KEYS.server, `'${USER}'`)},
  '')`;

const START = 'fromUnixTimestamp64Nano({start:Int64})';
const END = 'fromUnixTimestamp64Nano({end:Int64})';
const BEFORE = 'fromUnixTimestamp64Nano({before:Int64})';
const AFTER = 'fromUnixTimestamp64Nano({after:Int64})';
const IN_WINDOW = `Timestamp >= ${START} AND Timestamp < ${END}`;
const SPANS_BY_SECOND = `SELECT toUnixTimestamp(Timestamp) AS Second, count() FROM otel_traces WHERE ${IN_WINDOW} GROUP BY Second ORDER BY Second`;
const AROUND = `((Timestamp >= ${BEFORE} AND Timestamp < ${START}) OR (Timestamp >= ${END} AND Timestamp < ${AFTER}))`;
/** Numbers as Float64, so that JSON holds them as numbers: exact below 2^53. */
const COLUMNS = `TraceId, SpanId, ParentSpanId, ${KIND_NUMBER}, ServiceName, SpanName,
  toFloat64(toUnixTimestamp64Nano(Timestamp) - {start:Int64}), toFloat64(Duration), toUInt8(StatusCode = 'Error')`;

const OWN_SPANS = `SELECT ${COLUMNS}, ${PEER}, toUInt8(${IS_DATABASE}) FROM otel_traces WHERE ${IN_WINDOW}`;

const SPANS_AROUND = `SELECT ${COLUMNS} FROM otel_traces WHERE ${AROUND}
  AND TraceId IN (SELECT TraceId FROM otel_traces WHERE ${IN_WINDOW})`;

const SCRATCH_TABLE = `CREATE TABLE IF NOT EXISTS ${GRAPH_SCRATCH} (
  Part UInt32, Own UInt8, TraceId String, SpanId String, ParentSpanId String, Kind UInt8,
  Service LowCardinality(String), Operation LowCardinality(String), Start Float64, Duration Float64, Failed UInt8, Peer String, IsDatabase UInt8
) ENGINE = Memory SETTINGS compress = 1`;

const PART = 'toUInt32(cityHash64(TraceId) % {parts:UInt32})';
const IN_GROUP = `${PART} >= {firstPart:UInt32} AND ${PART} < {endPart:UInt32}`;

const OWN_PARTS = `SELECT ${PART}, 1, ${COLUMNS}, ${PEER}, toUInt8(${IS_DATABASE}) FROM otel_traces WHERE ${IN_WINDOW} AND ${IN_GROUP}`;

const PARTS_AROUND = `SELECT ${PART}, 0, ${COLUMNS}, '', 0 FROM otel_traces WHERE ${AROUND} AND ${IN_GROUP}
  AND TraceId IN (SELECT TraceId FROM ${GRAPH_SCRATCH} WHERE Own = 1)`;

const partStatement = (
  own: 0 | 1,
): string => `SELECT TraceId, SpanId, ParentSpanId, Kind, Service, Operation, Start, Duration, Failed, Peer, IsDatabase
  FROM ${GRAPH_SCRATCH} WHERE Part = {part:UInt32} AND Own = ${own}`;
