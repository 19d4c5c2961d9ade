import type { CallEdge, CallGraph, Connection, Reentrance } from '../analysis/call-graph.ts';
import { GRAPH_TABLES } from '../base/names.ts';
import type { Disk } from '../host/disk.ts';
import type { Engine } from '../store/engine.ts';
import { WINDOW_SECONDS } from './graph-spans.ts';
import { NativeRows } from './native-rows.ts';
import { rowsOf } from './otlp-rows.ts';
import { statementOptions } from './sql-text.ts';

/** A window of the graph on its way into the store. */
export interface StoredWindow {
  /** First second. */
  readonly window: number;
  readonly version: number;
  /** Spans that it was made from: another number in the store says that it is out of date. */
  readonly spans: number;
  readonly graph: CallGraph;
}

/** Writes a window under its version: the edges, then the row that makes them count. A crash between the two leaves the older version in force. */
export async function writeWindow(
  engine: Engine,
  disk: Disk,
  directory: string,
  { window, version, spans, graph }: StoredWindow,
): Promise<void> {
  if (graph.edges.length > 0) {
    await insert(engine, disk, directory, GRAPH_TABLES.edges, version, edgeRows(window, version, graph.edges));
  }
  const rows = new NativeRows(1);
  rows.uint32('Window', 'DateTime', [window]);
  rows.uint64('Version', [version]);
  rows.uint64('Spans', [spans]);
  rows.uint64('UnpairedClients', [graph.unpairedClients]);
  rows.uint64('UnpairedServers', [graph.unpairedServers]);
  rows.uint64('Duplicates', [graph.duplicates]);
  rows.text('Reentrances', [JSON.stringify(graph.reentrances)]);
  await insert(engine, disk, directory, GRAPH_TABLES.windows, version, rows);
}

function edgeRows(window: number, version: number, edges: readonly CallEdge[]): NativeRows {
  const rows = new NativeRows(edges.length);
  const histograms = edges.map((edge) => [...edge.histogram].sort(([a], [b]) => a - b));
  const texts = (name: string, of: (edge: CallEdge) => string): void => rows.text(name, edges.map(of));
  const numbers = (name: string, of: (edge: CallEdge) => number): void => rows.uint64(name, edges.map(of));
  rows.uint32('Window', 'DateTime', new Array<number>(edges.length).fill(window));
  numbers('Version', () => version);
  texts('Client', (edge) => edge.client);
  texts('ClientOperation', (edge) => edge.clientOperation);
  texts('Server', (edge) => edge.server);
  texts('ServerOperation', (edge) => edge.serverOperation);
  texts('Connection', (edge) => edge.connection);
  numbers('Calls', (edge) => edge.calls);
  numbers('Failed', (edge) => edge.failed);
  numbers('WaitNs', (edge) => edge.waitNs);
  numbers('ServerNs', (edge) => edge.serverNs);
  rows.uint64s(
    'WaitBuckets',
    histograms.map((list) => list.map(([bucket]) => bucket)),
  );
  rows.uint64s(
    'WaitCounts',
    histograms.map((list) => list.map(([, count]) => count)),
  );
  numbers('SlowestNs', (edge) => edge.slowestNs);
  texts('SlowestTraceId', (edge) => edge.slowestTraceId);
  return rows;
}

async function insert(
  engine: Engine,
  disk: Disk,
  directory: string,
  table: string,
  version: number,
  rows: NativeRows,
): Promise<void> {
  const path = `${directory}/${table}.native`;
  const file = await disk.open(path, 'replace');
  try {
    await file.write(rows.chunks());
  } finally {
    await file.close();
  }
  await engine.insertNative({ table, columns: rows.names, path, token: `${table}/${version}` });
  await disk.remove(path);
}

/** Which windows of the kept graph a question is about. */
export interface WindowRange {
  /** First seconds of the first and the last window. */
  readonly first: number;
  readonly last: number;
  /** Windows written under later versions are still being written. */
  readonly version: number;
}

export type GraphLevel = 'service' | 'operation';

/** Reads the graph of a range of windows. */
export async function readGraph(
  engine: Engine,
  range: WindowRange,
  level: GraphLevel,
  signal?: AbortSignal,
): Promise<CallGraph> {
  const options = statementOptions({ first: range.first, last: range.last, version: String(range.version) }, signal);
  const [edges, windows] = await Promise.all([
    engine.query(edgesStatement(level), options),
    engine.query(WINDOWS_STATEMENT, options),
  ]);
  const rows = rowsOf(windows);
  const sum = (name: string): number => rows.reduce((total, row) => total + row.number(name), 0);
  return {
    edges: rowsOf(edges).map(edgeOf),
    reentrances: rows.flatMap((row) => JSON.parse(row.text('Reentrances')) as Reentrance[]),
    unpairedClients: sum('UnpairedClients'),
    unpairedServers: sum('UnpairedServers'),
    duplicates: sum('Duplicates'),
  };
}

const IN_RANGE =
  'Window >= toDateTime({first:UInt32}) AND Window <= toDateTime({last:UInt32}) AND Version <= {version:UInt64}';

/** The newest version of each window. */
const CURRENT = `SELECT Window, max(Version) FROM ${GRAPH_TABLES.windows} WHERE ${IN_RANGE} GROUP BY Window`;

const WINDOWS_STATEMENT = `SELECT argMax(UnpairedClients, Version) AS UnpairedClients, argMax(UnpairedServers, Version) AS UnpairedServers,
  argMax(Duplicates, Version) AS Duplicates, argMax(Reentrances, Version) AS Reentrances
  FROM ${GRAPH_TABLES.windows} WHERE ${IN_RANGE} GROUP BY Window ORDER BY Window`;

function edgesStatement(level: GraphLevel): string {
  const [from, to] = level === 'operation' ? ['ClientOperation', 'ServerOperation'] : ["''", "''"];
  return `SELECT Client, ${from} AS FromOperation, Server, ${to} AS ToOperation, Connection,
  sum(Calls) AS SumCalls, sum(Failed) AS SumFailed, sum(WaitNs) AS SumWait, sum(ServerNs) AS SumServer,
  sumMap(WaitBuckets, WaitCounts) AS Histogram, max(SlowestNs) AS MaxSlowest,
  argMin(SlowestTraceId, (-toInt64(SlowestNs), SlowestTraceId)) AS SlowestTrace
  FROM ${GRAPH_TABLES.edges} WHERE ${IN_RANGE} AND (Window, Version) IN (${CURRENT})
  GROUP BY Client, FromOperation, Server, ToOperation, Connection
  ORDER BY Client, FromOperation, Server, ToOperation, Connection`;
}

function edgeOf(row: ReturnType<typeof rowsOf>[number]): CallEdge {
  const [buckets, counts] = row.list('Histogram') as readonly (readonly unknown[])[];
  return {
    client: row.text('Client'),
    clientOperation: row.text('FromOperation'),
    server: row.text('Server'),
    serverOperation: row.text('ToOperation'),
    connection: row.text('Connection') as Connection,
    calls: row.number('SumCalls'),
    failed: row.number('SumFailed'),
    waitNs: row.number('SumWait'),
    serverNs: row.number('SumServer'),
    histogram: new Map(buckets.map((bucket, i) => [Number(bucket), Number(counts[i])])),
    slowestNs: row.number('MaxSlowest'),
    slowestTraceId: row.text('SlowestTrace'),
  };
}

/** Windows whose stored spans are not as many as their graph was made from; newest first. */
export async function staleWindows(engine: Engine, first: number, last: number): Promise<number[]> {
  const statement = `SELECT Window, sum(Stored) AS Stored, sum(Known) AS Known FROM (
      SELECT intDiv(toUnixTimestamp64Nano(Timestamp), {width:Int64}) * {seconds:Int64} AS Window, count() AS Stored, 0 AS Known
        FROM otel_traces WHERE Timestamp >= toDateTime({first:UInt32}) AND Timestamp < toDateTime({end:UInt32}) GROUP BY Window
      UNION ALL
      SELECT toInt64(toUnixTimestamp(\`Window\`)) AS Window, 0 AS Stored, argMax(Spans, Version) AS Known
        FROM ${GRAPH_TABLES.windows} WHERE \`Window\` >= toDateTime({first:UInt32}) AND \`Window\` <= toDateTime({last:UInt32}) GROUP BY \`Window\`
    ) GROUP BY Window HAVING Stored != Known ORDER BY Window DESC`;
  const end = Math.min(last + WINDOW_SECONDS, 2 ** 32 - 1);
  const params = { first, last, end, width: String(BigInt(WINDOW_SECONDS) * 1_000_000_000n), seconds: WINDOW_SECONDS };
  const { rows } = await engine.query(statement, { params, settings: { max_threads: 1 } });
  return rows.map(([window]) => Number(window));
}

export async function spansIn(engine: Engine, window: number): Promise<number> {
  const sql =
    'SELECT count() FROM otel_traces WHERE Timestamp >= toDateTime({start:UInt32}) AND Timestamp < toDateTime({end:UInt32})';
  const { rows } = await engine.query(sql, { params: { start: window, end: window + WINDOW_SECONDS } });
  return Number(rows[0][0]);
}

export async function newestVersion(engine: Engine): Promise<number> {
  const sql = `SELECT greatest((SELECT max(Version) FROM ${GRAPH_TABLES.windows}), (SELECT max(Version) FROM ${GRAPH_TABLES.edges}))`;
  return Number((await engine.query(sql)).rows[0][0]);
}

/** First and last window of each edge between services, and an example of its traces. */
export interface EdgeLife {
  readonly client: string;
  readonly server: string;
  readonly first: number;
  readonly last: number;
  /** In the newest of its minutes, or on average over those before the start. */
  readonly callsPerMinute: number;
  readonly traceId: string;
}

/** All edges of the kept graph with their lives, among windows up to `version`. */
export async function edgeLives(engine: Engine, version: number): Promise<EdgeLife[]> {
  const range = { first: 0, last: 2 ** 32 - 1, version: String(version) };
  const sql = `SELECT Client, Server, toUnixTimestamp(min(Window)) AS First, toUnixTimestamp(max(Window)) AS Last, sum(Calls) / uniqExact(Window) AS PerMinute, any(SlowestTraceId) AS Example
    FROM ${GRAPH_TABLES.edges} WHERE ${IN_RANGE} AND (Window, Version) IN (${CURRENT}) GROUP BY Client, Server ORDER BY Client, Server`;
  return rowsOf(await engine.query(sql, { params: range })).map((row) => ({
    client: row.text('Client'),
    server: row.text('Server'),
    first: row.number('First'),
    last: row.number('Last'),
    callsPerMinute: row.number('PerMinute'),
    traceId: row.text('Example'),
  }));
}
