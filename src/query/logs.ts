import { TABLES } from '../base/names.ts';
import { readSingle } from '../columns/signature.ts';
import type { Engine } from '../store/engine.ts';
import type { LogHistogram, LogRecord, Page } from './api.ts';
import {
  attributesOf,
  envelopesOf,
  MAPS_AS_PAIRS,
  omitDefaults,
  RESOURCE_COLUMNS,
  type Row,
  rowsOf,
} from './otlp-rows.ts';
import { attributeFilters, type Parameters, readCursor, writeCursor } from './parameters.ts';
import { placesOf } from './places.ts';
import { Conditions, statementOptions, unsignedNanos } from './sql-text.ts';
import { bucketOf, readBuckets, stepOf } from './trace-overview.ts';

/** Names of the parameters that filter log records. */
export const LOG_FILTERS: readonly string[] = [
  'service',
  'severity',
  'text',
  'attribute',
  'traceId',
  'spanId',
  'start',
  'end',
];

const SEVERITIES = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
/** The first severity number of each name (OpenTelemetry logs data model). */
const FIRST_NUMBER: Readonly<Record<(typeof SEVERITIES)[number], number>> = {
  trace: 1,
  debug: 5,
  info: 9,
  warn: 13,
  error: 17,
  fatal: 21,
};

const ATTRIBUTE_PLACES = [
  { map: 'LogAttributes', hashes: 'LogAttributeHashes' },
  { map: 'ResourceAttributes', hashes: 'ResourceAttributeHashes' },
];

/** The filters of a log search as conditions on otel_logs. */
function logConditions(engine: Engine, parameters: Parameters): Conditions {
  const conditions = new Conditions();
  const range = parameters.range();
  conditions.within('Timestamp', range);
  conditions.equals('ServiceName', parameters.text('service'));
  conditions.equals('TraceId', parameters.hexadecimal('traceId', 32));
  conditions.equals('SpanId', parameters.hexadecimal('spanId', 16));
  const severity = parameters.oneOf('severity', SEVERITIES);
  if (severity !== undefined) conditions.add(`SeverityNumber >= ${FIRST_NUMBER[severity]}`);
  for (const attribute of attributeFilters(parameters))
    conditions.attribute(attribute, placesOf(engine, TABLES.logs, ATTRIBUTE_PLACES, attribute.key));
  addText(conditions, parameters.text('text'));
  return conditions;
}

/** Words are found through the text index, each as a whole word; text in double quotes is found anywhere, as it is. Case does not matter. */
function addText(conditions: Conditions, text: string | undefined): void {
  for (const [, phrase, word] of (text ?? '').matchAll(/"([^"]+)"|([^\s"]+)/g)) {
    if (phrase !== undefined) {
      conditions.add(`position(lower(Body), lower(${conditions.value(phrase, 'String')})) > 0`);
      continue;
    }
    const tokens = word
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u)
      .filter((token) => token !== '');
    const plain = tokens.every((token) => /^[a-z0-9]+$/.test(token));
    if (plain)
      for (const token of tokens) conditions.add(`hasToken(lower(Body), ${conditions.value(token, 'String')})`);
    if (!plain || tokens.length !== 1 || tokens[0] !== word.toLowerCase()) {
      conditions.add(`positionCaseInsensitiveUTF8(Body, ${conditions.value(word, 'String')}) > 0`);
    }
  }
}

const LOG_COLUMNS = [
  'toUnixTimestamp64Nano(Timestamp) AS Time',
  'toUnixTimestamp64Nano(ObservedTimestamp) AS Observed',
  'if(SeverityNumberWide != 0, SeverityNumberWide, toInt32(SeverityNumber)) AS Severity',
  'SeverityText',
  'ServiceName',
  'EventName',
  'Body',
  'BodyType',
  'TraceId',
  'SpanId',
  'Flags',
  'TimeUnset',
  'DroppedAttributesCount',
  'LogAttributes',
  'LogAttributesTypes',
  ...RESOURCE_COLUMNS,
];

/** The next page begins before this time, or at it behind `skip` records. */
interface Cursor {
  readonly time: string;
  readonly skip: number;
}

function isCursor(value: unknown): value is Cursor {
  if (value === null || typeof value !== 'object' || !('time' in value) || !('skip' in value)) return false;
  return typeof value.time === 'string' && /^-?\d{1,19}$/.test(value.time) && Number.isSafeInteger(value.skip);
}

async function readLogs(
  engine: Engine,
  parameters: Parameters,
  limit: number,
  cursor: Cursor | undefined,
  signal?: AbortSignal,
): Promise<Row[]> {
  const conditions = logConditions(engine, parameters);
  if (cursor !== undefined) conditions.add(`Timestamp <= ${conditions.time(BigInt(cursor.time))}`);
  const sql = `SELECT ${LOG_COLUMNS.join(', ')} FROM otel_logs WHERE ${conditions.text()}
    ORDER BY Timestamp DESC, TraceId, SpanId, cityHash64(Body) LIMIT ${limit} OFFSET ${cursor?.skip ?? 0}`;
  const options = { ...statementOptions(conditions.params, signal), settings: MAPS_AS_PAIRS };
  return rowsOf(await engine.query(sql, options));
}

/** Log records, newest first. */
export async function searchLogs(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<Page<LogRecord>> {
  const limit = parameters.limit(100);
  const cursor = readCursor(parameters, isCursor);
  const rows = await readLogs(engine, parameters, limit, cursor, signal);
  const last = rows[rows.length - 1];
  if (rows.length < limit || last === undefined) return { items: rows.map(recordOf), next: null };
  const time = last.text('Time');
  const same = rows.filter((row) => row.text('Time') === time).length;
  const skip = same + (cursor?.time === time ? cursor.skip : 0);
  return { items: rows.map(recordOf), next: writeCursor({ time, skip }) };
}

function recordOf(row: Row): LogRecord {
  return {
    timeUnixNano: unsignedNanos(row.get('Time')),
    observedTimeUnixNano: unsignedNanos(row.get('Observed')),
    severityNumber: row.number('Severity'),
    severityText: row.text('SeverityText'),
    service: row.text('ServiceName'),
    eventName: row.text('EventName'),
    body: row.text('Body'),
    traceId: row.text('TraceId'),
    spanId: row.text('SpanId'),
    flags: row.number('Flags'),
    attributes: Object.fromEntries(row.pairs('LogAttributes')),
    resourceAttributes: Object.fromEntries(row.pairs('ResourceAttributes')),
    scopeName: row.text('ScopeName'),
  };
}

/** The same records as OTLP/JSON, every field that arrived. */
export async function logsAsOtlp(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<{ resourceLogs: unknown[] }> {
  const rows = await readLogs(engine, parameters, parameters.limit(1000), undefined, signal);
  const resourceLogs = envelopesOf(rows, { scopes: 'scopeLogs', items: 'logRecords' }, (row) =>
    omitDefaults({
      timeUnixNano: row.number('TimeUnset') === 1 ? undefined : unsignedNanos(row.get('Time')),
      observedTimeUnixNano: unsignedNanos(row.get('Observed')),
      severityNumber: row.number('Severity'),
      severityText: row.text('SeverityText'),
      body: readSingle(row.text('Body'), row.text('BodyType')),
      attributes: attributesOf(row, 'LogAttributes', 'LogAttributesTypes'),
      droppedAttributesCount: row.number('DroppedAttributesCount'),
      flags: row.number('Flags'),
      traceId: row.text('TraceId'),
      spanId: row.text('SpanId'),
      eventName: row.text('EventName'),
    }),
  );
  return { resourceLogs };
}

const BAND_NAMES = ['unset', ...SEVERITIES] as const;

/** Log records over time, by severity. */
export async function logHistogram(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<LogHistogram> {
  const range = parameters.range();
  const step = stepOf(range, readBuckets(parameters));
  const conditions = logConditions(engine, parameters);
  const bucket = bucketOf('Timestamp', conditions, range, step);
  const sql = `SELECT ${bucket} AS Bucket, least(6, intDiv(SeverityNumber + 3, 4)) AS Band, count() AS Records FROM otel_logs
    WHERE ${conditions.text()} GROUP BY Bucket, Band ORDER BY Bucket`;
  const result = await engine.query(sql, statementOptions(conditions.params, signal));
  const counts = new Map<string, Record<(typeof BAND_NAMES)[number], number>>();
  for (const row of rowsOf(result)) {
    const key = row.text('Bucket');
    const sums = counts.get(key) ?? { unset: 0, trace: 0, debug: 0, info: 0, warn: 0, error: 0, fatal: 0 };
    sums[BAND_NAMES[row.number('Band')]] += row.number('Records');
    counts.set(key, sums);
  }
  const buckets = [...counts].map(([bucketNumber, sums]) => ({
    startTimeUnixNano: (range.start + BigInt(bucketNumber) * step).toString(),
    counts: sums,
  }));
  return { stepNano: step.toString(), buckets };
}
