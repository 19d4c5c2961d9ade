import { type CallSpans, CallSpansBuilder } from '../analysis/call-spans.ts';
import { DATABASE_KEYS, PEER_ADDRESS, PEER_KEYS, PEER_PORT, USER } from '../analysis/peer.ts';
import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';

/** Windows are named by their first second, as ClickHouse's DateTime: those that begin in [0, 2^32). */
export const WINDOW_SECONDS = LIMITS.graphWindowMs / 1000;

/** First second of the window that a Unix second lies in. */
export const windowOf = (second: number): number => second - (second % WINDOW_SECONDS);

/** What of a window is paired at once: of `parts` parts of its traces the one with this number. */
export interface WindowPart {
  readonly window: number;
  readonly part: number;
  readonly parts: number;
}

/**
 * Reads the spans of a window (counted) and, of the same traces, those of the windows before and after it (not counted): everything that the
 * window's part of the graph depends on.
 */
export async function readWindowPart(engine: Engine, { window, part, parts }: WindowPart): Promise<CallSpans> {
  const options = {
    params: {
      part,
      parts,
      before: nanosOf(window - WINDOW_SECONDS),
      start: nanosOf(window),
      end: nanosOf(window + WINDOW_SECONDS),
      after: nanosOf(window + 2 * WINDOW_SECONDS),
    },
    settings: { max_threads: 1 },
    timeoutMs: LIMITS.queryTimeMsMax,
  };
  const [own, around] = await Promise.all([engine.query(OWN_SPANS, options), engine.query(SPANS_AROUND, options)]);
  const spans = new CallSpansBuilder(own.rows.length + around.rows.length);
  for (const row of own.rows) addRow(spans, row, true);
  for (const row of around.rows) addRow(spans, row, false);
  return spans.finish();
}

const nanosOf = (second: number): string => (BigInt(second) * 1_000_000_000n).toString();

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
const AROUND = `((Timestamp >= ${BEFORE} AND Timestamp < ${START}) OR (Timestamp >= ${END} AND Timestamp < ${AFTER}))`;
const IN_PART = 'cityHash64(TraceId) % {parts:UInt32} = {part:UInt32}';

/** Numbers as Float64, so that JSON holds them as numbers: exact below 2^53. */
const COLUMNS = `TraceId, SpanId, ParentSpanId, ${KIND_NUMBER}, ServiceName, SpanName,
  toFloat64(toUnixTimestamp64Nano(Timestamp) - {start:Int64}), toFloat64(Duration), toUInt8(StatusCode = 'Error')`;

const OWN_SPANS = `SELECT ${COLUMNS}, ${PEER}, toUInt8(${IS_DATABASE}) FROM otel_traces WHERE ${IN_WINDOW} AND ${IN_PART}`;

const SPANS_AROUND = `SELECT ${COLUMNS} FROM otel_traces WHERE ${AROUND} AND ${IN_PART}
  AND TraceId IN (SELECT TraceId FROM otel_traces WHERE ${IN_WINDOW} AND ${IN_PART})`;
