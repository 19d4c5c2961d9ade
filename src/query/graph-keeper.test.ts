/** The kept graph against one that is made from all spans at once: any order of arrival, repeats, restarts, and deaths in the middle of a write. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { nativeBytes } from '../../test/support/native-bytes.ts';
import { type CallGraph, mergeGraphs, serviceEdges } from '../analysis/call-graph.ts';
import { type CallSpan, KIND } from '../analysis/call-spans.ts';
import { hexId, pair } from '../analysis/drawn-spans-world.ts';
import { peerOf } from '../analysis/peer.ts';
import { TABLES } from '../base/names.ts';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { seededChance } from '../host/seeded-chance.ts';
import { columnsOf } from '../store/columns-on-demand.ts';
import { openEmbedded } from '../store/embedded.ts';
import type { Engine } from '../store/engine.ts';
import { migrate } from '../store/migrations.ts';
import { applyRetention } from '../store/retention.ts';
import { freezeWhole, SegmentColumns, transcode } from '../transcode/transcode.ts';
import { jsonToProtobuf } from '../wire/json.ts';
import type { CycleAlert } from './api-alerts.ts';
import { GraphKeeper } from './graph-keeper.ts';
import { newestEdges, stretchOf } from './graph-spans.ts';
import { readGraph } from './graph-windows.ts';

const ROUNDS = Number(process.env['CLEW_GRAPH_ROUNDS'] ?? 1);
/** A whole minute. */
const BASE_S = 1_767_355_200;
const MINUTE_NS = 60_000_000_000;

let directory: string;
let engine: Engine;
let keeper: GraphKeeper;
let segments = 0;

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-graph-'));
  engine = await openEmbedded({ path: path.join(directory, 'store') });
  await migrate(engine);
});
afterAll(async () => {
  await engine.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

/** Dies, as a process does, at the given insert into a table of the graph: nothing after it happens. */
function mortal(deathAt: number): Engine {
  let inserts = 0;
  return {
    ...engine,
    insertNative: (insert) =>
      inserts++ < deathAt ? engine.insertNative(insert) : Promise.reject(new Error('the process is dead')),
  };
}

async function startKeeper(on: Engine = engine, onCycle: (cycle: CycleAlert) => void = () => {}): Promise<GraphKeeper> {
  keeper = new GraphKeeper({
    engine: on,
    disk: nodeDisk,
    clock: systemClock,
    directory: path.join(directory, 'graph'),
    shareMax: 1,
    // Some windows are full, some are not.
    spansAtOnce: 30,
    onCycle,
  });
  await keeper.start();
  return keeper;
}

interface Sent extends CallSpan {
  readonly attributes: Readonly<Record<string, string>>;
}

/** Traces over two minutes that touch, with everything that pairing looks at. */
function drawTraces(random: () => number, count: number): Sent[] {
  const pick = (n: number): number => Math.floor(random() * n);
  return Array.from({ length: count }, (_, i): Sent => {
    const trace = pick(Math.ceil(count / 8));
    const kind = pick(6);
    const isRoot = random() < 0.2;
    const attributes: Record<string, string> = {};
    for (const key of [
      'db.system',
      'server.address',
      'messaging.destination.name',
      'network.peer.address',
      'network.peer.port',
    ]) {
      if (random() < 0.2) attributes[key] = `${key.slice(0, 2)}${pick(2)}`;
    }
    return {
      traceId: (trace + 1).toString(16).padStart(32, '0'),
      spanId: hexId(random() < 0.95 ? i + 1 : 1 + pick(count)),
      parentSpanId: isRoot ? '' : hexId(1 + Math.max(0, i - pick(16))),
      kind,
      service: `s${pick(5)}`,
      operation: `o${pick(3)}`,
      startNs: (trace % 3) * MINUTE_NS + Math.floor(random() * 2 * MINUTE_NS),
      durationNs: pick(2_000_000_000),
      failed: random() < 0.2,
      ...peerOf(kind, isRoot, (key) => attributes[key] ?? ''),
      attributes,
      isCounted: true,
    };
  });
}

const otlpOf = (span: Sent): object => ({
  resource: { attributes: [{ key: 'service.name', value: { stringValue: span.service } }] },
  scopeSpans: [
    {
      spans: [
        {
          traceId: span.traceId,
          spanId: span.spanId,
          ...(span.parentSpanId === '' ? {} : { parentSpanId: span.parentSpanId }),
          name: span.operation,
          kind: span.kind,
          startTimeUnixNano: String(BigInt(BASE_S) * 1_000_000_000n + BigInt(span.startNs)),
          endTimeUnixNano: String(BigInt(BASE_S) * 1_000_000_000n + BigInt(span.startNs + span.durationNs)),
          status: span.failed ? { code: 2 } : {},
          attributes: Object.entries(span.attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })),
        },
      ],
    },
  ],
});

/** What the loader does with one sealed segment. `isTold`: the process lives until the keeper is told. */
async function load(spans: readonly Sent[], isTold = true): Promise<void> {
  const columns = new SegmentColumns();
  const body = jsonToProtobuf('traces', Buffer.from(JSON.stringify({ resourceSpans: spans.map(otlpOf) })));
  expect(transcode(columns, 'traces', body, '', 0n).kind).toBe('ok');
  const segment = path.join(directory, `segment${++segments}`);
  fs.mkdirSync(segment);
  const tables: { table: string; file: string }[] = [];
  for (const frozen of freezeWhole(columns)) {
    const { table, columns: names } = frozen;
    await columnsOf(engine).ensure(table, names);
    fs.writeFileSync(path.join(segment, table), nativeBytes(frozen));
    await engine.insertNative({
      table,
      columns: names,
      path: path.join(segment, table),
      token: `${segments}/${table}`,
    });
    tables.push({ table, file: table });
  }
  if (isTold) await keeper.segmentLoaded({ tables }, segment);
}

function kept(level: 'service' | 'operation'): Promise<CallGraph> {
  return readGraph(engine, { first: 0, last: 2 ** 32 - 1, version: keeper.state().version }, level);
}

/** In one form: re-entrances of windows joined, edges in order. */
const plain = (graph: CallGraph): CallGraph => mergeGraphs([graph]);

async function expectGraphOf(spans: readonly Sent[]): Promise<void> {
  await keeper.idle();
  const whole = mergeGraphs([pair(spans)]);
  expect(plain(await kept('operation'))).toEqual(whole);
  expect((await kept('service')).edges).toEqual(serviceEdges(whole.edges));
}

function shuffled<T>(random: () => number, list: readonly T[]): T[] {
  return list.map((item) => [random(), item] as const).sort(([a], [b]) => a - b).map(([, item]) => item); // biome-ignore format: one step a word
}

describe('stretches of time', () => {
  const seconds = [
    { second: 10, spans: 100 },
    { second: 12, spans: 300 },
    { second: 13, spans: 0 },
    { second: 14, spans: 100 },
  ];
  const range = [10_500_000_000n, 15_000_000_000n] as const;

  test('follow one another from end to end, with equally many spans', () => {
    const stretches = Array.from({ length: 5 }, (_, part) => stretchOf(seconds, range, part, 5));
    expect(stretches).toEqual([
      [10_500_000_000n, 12_000_000_000n],
      [12_000_000_000n, 12_333_333_333n],
      [12_333_333_333n, 12_666_666_666n],
      [12_666_666_666n, 14_000_000_000n],
      [14_000_000_000n, 15_000_000_000n],
    ]);
  });

  test('do not leave the range, though a second does', () => {
    expect(stretchOf([{ second: 10, spans: 4 }], [10_900_000_000n, 10_950_000_000n], 1, 4)).toEqual([
      10_900_000_000n,
      10_900_000_000n,
    ]);
    expect(stretchOf([], range, 0, 1)).toEqual([...range]);
  });
});

describe('the kept graph', () => {
  beforeEach(async () => {
    for (const table of [TABLES.traces, TABLES.traceIds, 'clew_graph_windows', 'clew_graph_edges']) {
      await engine.command(`TRUNCATE TABLE ${table}`);
    }
  });
  afterEach(() => keeper.close());

  test(`is that of all spans after any order of segments, repeats, restarts and deaths (${ROUNDS} rounds)`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const random = seededChance(100 + round);
      const spans = drawTraces(random, 120);
      const repeats = spans.filter(() => random() < 0.1);
      const rest = shuffled(random, [...spans, ...repeats]);
      const all: Sent[] = [];
      await startKeeper();
      while (rest.length > 0) {
        const segment = rest.splice(0, 1 + Math.floor(random() * 40));
        all.push(...segment);
        const fate = random();
        await load(segment, fate < 0.8);
        if (fate > 0.6) {
          // The process dies: at once, or at one of its next writes. Another one starts.
          await keeper.close();
          await startKeeper(mortal(Math.floor(random() * 4)));
          await new Promise((resolve) => setTimeout(resolve, 30));
          await keeper.close();
          await startKeeper();
        } else if (fate < 0.2) await expectGraphOf(all);
      }
      await expectGraphOf(all);
      const before = plain(await kept('operation'));
      await keeper.rebuild(BASE_S, BASE_S + 600);
      expect(plain(await kept('operation'))).toEqual(before);
      await engine.command('TRUNCATE TABLE clew_graph_windows');
      await engine.command('TRUNCATE TABLE clew_graph_edges');
      await keeper.rebuild(0, 2 ** 32 - 1);
      expect(plain(await kept('operation'))).toEqual(before);
      for (const table of [TABLES.traces, TABLES.traceIds]) await engine.command(`TRUNCATE TABLE ${table}`);
      await keeper.rebuild(0, 2 ** 32 - 1);
      expect((await kept('operation')).edges).toEqual([]);
      await keeper.close();
    }
  }, 120_000);

  const call = (id: number, client: string, server: string, atS: number): Sent[] =>
    [
      { id, parent: 0, service: client, kind: KIND.client },
      { id: id + 1, parent: id, service: server, kind: KIND.server },
    ].map(({ id: span, parent, service, kind }) => ({
      traceId: id.toString(16).padStart(32, '0'),
      spanId: hexId(span),
      parentSpanId: parent === 0 ? '' : hexId(parent),
      kind,
      service,
      operation: 'work',
      startNs: atS * 1e9,
      durationNs: 1000,
      failed: false,
      peer: '',
      isDatabase: false,
      isCounted: true,
      attributes: {},
    }));

  test('joins sides that arrive apart on both sides of a minute', async () => {
    await startKeeper();
    const [clientSide, serverSide] = call(1, 'a', 'b', 59.9);
    const late = { ...serverSide, startNs: 60.1e9 };
    await load([late]);
    await keeper.idle();
    expect((await kept('service')).unpairedServers).toBe(1);
    await load([clientSide]);
    await expectGraphOf([clientSide, late]);
    expect((await kept('service')).edges.length).toBe(1);
  });

  test('ends at once although it would rest for long', async () => {
    keeper = new GraphKeeper({
      engine,
      disk: nodeDisk,
      clock: systemClock,
      directory: path.join(directory, 'graph'),
      shareMax: 0.0001,
    });
    await keeper.start();
    await load(call(1, 'a', 'b', 0));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = performance.now();
    await keeper.close();
    expect(performance.now() - before).toBeLessThan(2000);
  });

  test('goes with its spans when retention drops their day', async () => {
    await startKeeper();
    await load(call(1, 'a', 'b', 0));
    await keeper.idle();
    expect((await kept('service')).edges.length).toBe(1);
    await applyRetention(engine, { traces: { days: 1 } }, (BASE_S + 3 * 86_400) * 1000);
    expect(await kept('service')).toMatchObject({ edges: [], unpairedServers: 0 });
  });

  test('notices a call that closes a cycle, once, and not one that was there at the start', async () => {
    const nowS = Math.floor(Date.now() / 1000) - BASE_S;
    const alerts: CycleAlert[] = [];
    await startKeeper(engine, (alert) => alerts.push(alert));
    await load([...call(1, 'a', 'b', nowS), ...call(11, 'b', 'c', nowS)]);
    await keeper.idle();
    expect(alerts).toEqual([]);
    await load(call(21, 'c', 'a', nowS));
    await load(call(31, 'a', 'b', nowS));
    await keeper.idle();
    expect(alerts).toEqual([{ services: ['a', 'b', 'c'], client: 'c', server: 'a', traceId: '15'.padStart(32, '0') }]);
    expect(keeper.state().watch.summary()).toEqual({
      count: 1,
      longest: 3,
      meanLength: 3,
      services: 3,
      truncated: false,
    });
    await keeper.close();
    await startKeeper(engine, (alert) => alerts.push(alert));
    await keeper.idle();
    expect(alerts.length).toBe(1);
    expect(keeper.state().watch.cycles()).toEqual([{ services: ['a', 'b', 'c'], noticedMs: null }]);
  });

  test('tells of a cycle that is longer than those that are listed, and of one in a tangle', async () => {
    const nowS = Math.floor(Date.now() / 1000) - BASE_S;
    const alerts: CycleAlert[] = [];
    await startKeeper(engine, (alert) => alerts.push(alert));
    const ring = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const tangle = ['p', 'q', 'r', 's', 't', 'u'];
    const pairs = tangle.flatMap((client) => tangle.map((server) => [client, server] as const));
    const known = pairs.filter(([client, server]) => client !== server && `${client}${server}` !== 'pq');
    await load([
      ...ring.slice(1).flatMap((server, i) => call(10 * i + 1, ring[i], server, nowS)),
      ...known.flatMap(([client, server], i) => call(1000 + 10 * i, client, server, nowS)),
    ]);
    await keeper.idle();
    const before = alerts.length;
    expect(keeper.state().watch.summary().truncated).toBe(true);
    await load([...call(3001, 'h', 'a', nowS), ...call(3011, 'p', 'q', nowS), ...call(3021, 'p', 'z', nowS)]);
    await keeper.idle();
    expect(alerts.slice(before).map(({ services }) => services.join(''))).toEqual(['abcdefgh', 'pq']);
  });

  test('sees every new call in some look at the newest ones, however many there are', async () => {
    await startKeeper();
    // A call an eighth of a second for eight seconds, each between services of its own, and one whose sides lie seven seconds apart.
    const near = Array.from({ length: 64 }, (_, i) => call(10 * i + 1, `c${i}`, `s${i}`, i / 8));
    const [client, server] = call(1001, 'far', 'away', 0);
    await load([...near.flat(), client, { ...server, startNs: 7e9 }]);
    const [from, to] = [BigInt(BASE_S) * 1_000_000_000n, BigInt(BASE_S + 8) * 1_000_000_000n];
    const nameOf = ({ client, server }: { client: string; server: string }): string => `${client}-${server}`;
    const look = async (turn: number, spansAtOnce?: number): Promise<string[]> =>
      (await newestEdges(engine, from, to, turn, spansAtOnce)).edges.map(nameOf);
    const whole = await look(0);
    expect(whole.length).toBe(65);
    // Four looks see all that there is in four parts.
    const inFour = await Promise.all([5, 6, 7, 8].map((turn) => look(turn, 40)));
    expect(inFour.flat().sort()).toEqual([...whole].sort());
    expect(Math.max(...inFour.map((edges) => edges.length))).toBeLessThan(40);
    const seen = new Set<string>();
    for (let turn = 0; turn < 48; turn++) {
      const edges = await look(turn, 30);
      if (turn % 8 !== 7) {
        expect(edges.length).toBeGreaterThan(8);
        expect(edges.length).toBeLessThan(16);
        expect(edges).not.toContain('far-away');
      }
      for (const edge of edges) seen.add(edge);
      // Five stretches of time show all that lie near one another.
      if (turn === 4) expect(seen.size).toBe(64);
    }
    expect([...seen].sort()).toEqual(whole.sort());
  });

  test('tells of a cycle while the window of the call that closes it still waits to be paired', async () => {
    const nowS = Math.floor(Date.now() / 1000) - BASE_S;
    const alerts: CycleAlert[] = [];
    keeper = new GraphKeeper({
      engine,
      disk: nodeDisk,
      clock: systemClock,
      directory: path.join(directory, 'graph'),
      // The first pairing is followed by a rest that outlasts the test.
      shareMax: 0.00001,
      onCycle: (alert) => alerts.push(alert),
    });
    await keeper.start();
    await load(call(1, 'a', 'b', nowS));
    await keeper.idle();
    await load([...call(11, 'b', 'c', nowS), ...call(21, 'c', 'a', nowS)]);
    while (alerts.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(alerts.map(({ services }) => services)).toEqual([['a', 'b', 'c']]);
    expect(keeper.state().pending.length).toBeGreaterThan(0);
    expect((await kept('service')).edges.map(({ client }) => client)).toEqual(['a']);
  });
});
