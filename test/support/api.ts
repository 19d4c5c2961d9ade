/** The API over a real embedded ClickHouse, filled through the transcoder as the receivers do it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Signal } from '../../src/base/signal.ts';
import { systemClock } from '../../src/host/clock.ts';
import { nodeDisk } from '../../src/host/node-disk.ts';
import type { Status } from '../../src/query/api.ts';
import type { FleetNode } from '../../src/query/api-fleet.ts';
import { GraphKeeper } from '../../src/query/graph-keeper.ts';
import { GuardDesk } from '../../src/query/guard-desk.ts';
import { LockDesk } from '../../src/query/locks.ts';
import { type ApiOptions, startApi } from '../../src/query/server.ts';
import { attributeKeysOf } from '../../src/store/attribute-keys.ts';
import { columnsOf } from '../../src/store/columns-on-demand.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import type { Engine } from '../../src/store/engine.ts';
import { migrate } from '../../src/store/migrations.ts';
import { freezeWhole, SegmentColumns, transcode } from '../../src/transcode/transcode.ts';
import { jsonToProtobuf } from '../../src/wire/json.ts';
import { nativeBytes } from './native-bytes.ts';

export interface TestApi {
  readonly engine: Engine;
  readonly graph: GraphKeeper;
  readonly guard: GuardDesk;
  readonly locks: LockDesk;
  readonly url: string;
  /** Stores one request, given as OTLP/JSON. */
  store(signal: Signal, request: object, baggage?: string): Promise<void>;
  /** Stores requests, given as protobuf, as one segment. */
  storeProtobuf(signal: Signal, bodies: readonly Uint8Array[], baggage?: string): Promise<void>;
  /** The answer's body as JSON; throws with it when the status is not `status`. */
  get<T>(path: string, status?: number): Promise<T>;
  close(): Promise<void>;
}

/** What the API takes for the present: 2026-01-02T12:00:00Z. */
export const NOW = 1_767_355_200_000_000_000n;

/** Opens an API on a port of its own. `options` replace those of an API without token, UI and status. */
export async function openTestApi(options: Partial<ApiOptions> = {}): Promise<TestApi> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-api-'));
  const engine = await openEmbedded({ path: path.join(directory, 'store') });
  await migrate(engine);
  await attributeKeysOf(engine).read();
  const { graph, guard } = await openGraph(engine, directory);
  const locks = new LockDesk({ engine, clock: systemClock, report: () => undefined });
  const api = await startApi({
    engine,
    guard,
    locks,
    graph,
    host: '127.0.0.1',
    port: 0,
    uiDirectory: null,
    now: () => NOW,
    alerts: () => ({ alerts: [], receivers: [] }),
    status: async () => ({ version: 'test' }) as Status,
    fleet: async () => ({ role: 'all' }) as FleetNode,
    metricsText: async () => 'clew_build_info 1\n',
    ready: () => ({ ready: true, reasons: [] }),
    ...options,
  });
  const url = `http://127.0.0.1:${api.port}`;
  let segments = 0;

  async function storeProtobuf(signal: Signal, bodies: readonly Uint8Array[], baggage = ''): Promise<void> {
    const columns = new SegmentColumns();
    for (const body of bodies) {
      const result = transcode(columns, signal, body, baggage, NOW);
      if (result.kind !== 'ok') throw new Error(result.message);
    }
    segments++;
    const tables: { table: string; file: string }[] = [];
    for (const frozen of freezeWhole(columns)) {
      const { table, columns: names, keys } = frozen;
      await columnsOf(engine).ensure(table, names);
      await attributeKeysOf(engine).ensure(table, names, keys);
      const file = path.join(directory, `${table}.native`);
      fs.writeFileSync(file, nativeBytes(frozen));
      await engine.insertNative({ table, columns: names, path: file, token: `${segments}/${table}` });
      tables.push({ table, file: path.basename(file) });
    }
    await graph.segmentLoaded({ tables }, directory);
  }

  return {
    engine,
    locks,
    graph,
    guard,
    url,
    storeProtobuf,
    store: (signal, request, baggage) =>
      storeProtobuf(signal, [jsonToProtobuf(signal, Buffer.from(JSON.stringify(request)))], baggage),
    async get<T>(target: string, status = 200): Promise<T> {
      const response = await fetch(url + target);
      const text = await response.text();
      if (response.status !== status) throw new Error(`${response.status} from ${target}: ${text}`);
      return JSON.parse(text) as T;
    },
    async close() {
      await api.close();
      await guard.close();
      await graph.close();
      await engine.close();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function openGraph(engine: Engine, directory: string): Promise<Pick<TestApi, 'graph' | 'guard'>> {
  const clock = { ...systemClock, unixNano: () => NOW };
  const graph = new GraphKeeper({
    engine,
    disk: nodeDisk,
    clock,
    directory: path.join(directory, 'graph'),
  });
  await graph.start();
  const guard = await GuardDesk.open({
    disk: nodeDisk,
    clock,
    directory,
    watch: graph.state().watch,
    report: () => {},
  });
  return { graph, guard };
}
