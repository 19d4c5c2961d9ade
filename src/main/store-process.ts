import os from 'node:os';
import path from 'node:path';
import { unreachable } from '../base/assert.ts';
import { DIRECTORIES } from '../base/names.ts';
import { storeParallelism } from '../base/parallelism.ts';
import { formatBytes } from '../base/units.ts';
import { pause, systemClock } from '../host/clock.ts';
import { errorText } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { keepThreadsLow } from '../host/priorities.ts';
import { randomHex } from '../host/random.ts';
import { diskSpace } from '../host/space.ts';
import type { CycleAlert } from '../query/api-alerts.ts';
import type { DeadlockAnswer } from '../query/api-locks.ts';
import { GraphKeeper } from '../query/graph-keeper.ts';
import { GuardDesk } from '../query/guard-desk.ts';
import { LockDesk } from '../query/locks.ts';
import { type ApiOptions, startApi } from '../query/server.ts';
import { bearerCheck } from '../receive/auth.ts';
import { readTls } from '../receive/tls.ts';
import type { EngineOptions } from '../store/open.ts';
import type { RetentionRules } from '../store/retention.ts';
import { openStore, type Store } from '../store/store.ts';
import { prometheusText } from '../vitals/prometheus.ts';
import { Vitals, type VitalsReport } from '../vitals/vitals.ts';
import { AlertDesk } from './alert-desk.ts';
import type { ChannelMessage, Fleet, Start } from './channel.ts';
import { type ChildWork, type ChildWorld, runChild, takePart } from './child.ts';
import { fleetNode, openFleetView } from './fleet-node.ts';
import { graphMetrics } from './graph-metrics.ts';
import { tlsOf } from './receiver-process.ts';
import type { Settings } from './settings.ts';
import { statusOf } from './status.ts';

/** The store process: ClickHouse, the loading of segments, API and UI. */
export function runStore(): void {
  runChild('store', beginStore);
}

async function beginStore(world: ChildWorld): Promise<ChildWork> {
  const { start, log, channel } = world;
  const { settings } = start;
  const lock = await takePart(settings.data, 'store');
  let graph: GraphKeeper | null = null;
  const store = await openStore({
    ...storeOptions(start),
    onInserted: (sealed, directory) => graph?.segmentLoaded(sealed, directory) ?? Promise.resolve(),
    onForgotten: (receiver, segment) => channel.send({ type: 'forgotten', receiver, segment }),
    onDamaged: (receiver, segment) => channel.send({ type: 'rebuild', receiver, segment }),
    report: (text) => log.warn(text),
  });
  keepThreadsLow(PRIORITIES, LOWER_AGAIN_MS);
  const vitals = new Vitals(systemClock);
  const view = await openFleetView(start, (text) => log.warn(text));
  let fleet: Fleet = { type: 'fleet', ready: false, endpoints: { grpc: '', http: '', api: '' }, receivers: [] };
  const report = () => reportOf(start, store, vitals);
  const alerts = new AlertDesk(settings, log, systemClock, () => Number.parseInt(randomHex(4), 16) / 2 ** 32);
  const keeper = await keepGraph(start, store, alerts, (text) => log.warn(text));
  graph = keeper;
  const desks = await openDesks(start, keeper, store, alerts, (text) => log.warn(text));
  const api = await startApi({
    ...(await protection(start)),
    engine: store.engine,
    graph: keeper,
    ...desks.parts,
    alerts: () => alerts.answer(),
    host: settings.host,
    port: settings['api.port'],
    now: () => systemClock.unixNano(),
    uiDirectory: path.join(import.meta.dirname, '../ui'),
    report: (text) => log.warn(text),
    status: async () =>
      statusOf(await report(), {
        startedAtMs: start.startedAtMs,
        dataDirectory: path.resolve(settings.data),
        endpoints: fleet.endpoints,
        configuration: start.configuration,
      }),
    fleet: () => fleetNode(start, vitals, view.nodes()),
    metricsText: async () => prometheusText(await report()) + graphMetrics(keeper.state()) + alerts.metrics(),
    ready: () => ({ ready: fleet.ready, reasons: fleet.ready ? [] : ['not every receiver is up'] }),
  });
  channel.send({ type: 'ready', role: 'store', addresses: [`api:${api.port}`] });
  return {
    take(message) {
      if (message.type === 'fleet') {
        fleet = message;
        vitals.setMembers(message.receivers);
      } else if (message.type === 'backup') {
        void backUp(world, store, message);
      } else if (message.type === 'peer') {
        view.take(message.report);
      } else {
        takeFromReceiver(message, store, vitals);
      }
    },
    async stop() {
      // What the receivers sealed at their end is loaded now if that is quick; else at the next start.
      await Promise.race([store.idle(), pause(systemClock, settings['shutdown.timeout'] * LOAD_SHARE)]);
      await api.close();
      await desks.close();
      alerts.close();
      await keeper.close();
      await view.close();
      await store.close();
      await lock.release();
    },
  };
}

/** What is loaded before the keeper is there, it finds by the number of spans. */
async function keepGraph(
  { settings }: Start,
  store: Store,
  alerts: AlertDesk,
  report: (text: string) => void,
): Promise<GraphKeeper> {
  const directory = path.resolve(settings.data, DIRECTORIES.graph);
  const onCycle = (cycle: CycleAlert): void => alerts.raise('cycle', cycleText(cycle), cycle);
  const keeper = new GraphKeeper({
    engine: store.engine,
    disk: nodeDisk,
    clock: systemClock,
    directory,
    report,
    onCycle,
  });
  await keeper.start();
  return keeper;
}

function cycleText({ services, client, server, traceId }: CycleAlert): string {
  const circle = [...services, services[0]].join(' → ');
  return `a new call, ${client} → ${server}, closes a cycle: ${circle} (for example trace ${traceId})`;
}

/** What keeps a state of its own beside the store: the guard of calls, the locks. */
async function openDesks(
  { settings }: Start,
  keeper: GraphKeeper,
  store: Store,
  alerts: AlertDesk,
  report: (text: string) => void,
) {
  const { watch } = keeper.state();
  const options = { clock: systemClock, report };
  const guard = await GuardDesk.open({ ...options, disk: nodeDisk, directory: settings.data, watch });
  const onConfirmed = (text: string, deadlock: DeadlockAnswer): void => alerts.raise('deadlock', text, deadlock);
  const locks = new LockDesk({ ...options, engine: store.engine, onConfirmed });
  locks.start();
  const close = async (): Promise<void> => {
    await Promise.all([guard.close(), locks.close()]);
  };
  return { parts: { guard, locks }, close };
}

/** TLS and tokens are the same on every port. */
async function protection({ settings, tokens }: Start): Promise<Pick<ApiOptions, 'tls' | 'authorize'>> {
  const tls = tlsOf(settings);
  return {
    ...(tls === undefined ? {} : { tls: await readTls(tls) }),
    ...(tokens.length === 0 ? {} : { authorize: bearerCheck(tokens) }),
  };
}

/**
 * On the scale of nice(1). Where processors are short, taking in goes before loading, or acknowledgements would wait behind inserts, and both go before
 * merging, which is most of the store's work and has time: at half load 1 % of the requests waited for more than 27 ms instead of 61, at full load everything
 * is found as soon as before (1 s). At 5 for loading, a little more is taken in and found 4 s later. The main thread, which hands out the work, keeps its own.
 */
const PRIORITIES = { MergeMutate: 10, '': 3 };
/** ClickHouse makes threads when it needs them. */
const LOWER_AGAIN_MS = 60_000;

/** Of the time for a shutdown, what loading the last segments may take. */
const LOAD_SHARE = 0.2;

function takeFromReceiver(message: Exclude<ChannelMessage, Fleet>, store: Store, vitals: Vitals): void {
  switch (message.type) {
    case 'sealed':
      store.notify(message.receiver, message.segment);
      break;
    case 'vitals':
      vitals.take(message.vitals);
      break;
    case 'hello':
    case 'start':
    case 'ready':
    case 'failed':
    case 'forgotten':
    case 'rebuild':
    case 'shutdown':
    case 'backup':
    case 'backupDone':
    case 'seal':
    case 'sealDone':
    case 'marks':
    case 'claim':
    case 'granted':
    case 'surrender':
    case 'surrendered':
    case 'peer':
      break;
    default:
      unreachable(message);
  }
}

/** How the store of a data directory is opened: by the store process, and by `clew backup` when none runs. */
export function storeOptions({ settings, storePassword }: Pick<Start, 'settings' | 'storePassword'>) {
  return {
    engine: engineOptions(settings, storePassword),
    disk: nodeDisk,
    clock: systemClock,
    journalDirectory: path.join(settings.data, DIRECTORIES.journal),
    retention: retentionRules(settings),
    parallelism: storeParallelism(os.availableParallelism()),
  };
}

function engineOptions(settings: Settings, password: string | null): EngineOptions {
  const url = settings['store.url'];
  if (url === null) return { path: path.join(settings.data, DIRECTORIES.store) };
  const server = { url, database: settings['store.database'], username: settings['store.user'] };
  return password === null ? server : { ...server, password };
}

function retentionRules(settings: Settings): RetentionRules {
  const rule = (signal: 'traces' | 'metrics' | 'logs') => {
    const days = settings[`retention.${signal}.days`];
    const bytes = settings[`retention.${signal}.bytes`];
    return { ...(days === null ? {} : { days }), ...(bytes === null ? {} : { bytes }) };
  };
  return { traces: rule('traces'), metrics: rule('metrics'), logs: rule('logs') };
}

async function reportOf(start: Start, store: Store, vitals: Vitals): Promise<VitalsReport> {
  const { user, system } = process.cpuUsage();
  const [status, disk] = await Promise.all([store.status(), diskSpace(start.settings.data)]);
  return vitals.report({
    version: start.version,
    store: status,
    process: { memoryBytes: process.memoryUsage.rss(), cpuMs: Math.round((user + system) / 1000) },
    disk,
  });
}

async function backUp(
  { channel }: ChildWorld,
  store: Store,
  { id, directory }: Extract<ChannelMessage, { type: 'backup' }>,
): Promise<void> {
  try {
    channel.send({ type: 'backupDone', id, ok: true, report: describeBackup(await store.backup(directory)) });
  } catch (error) {
    channel.send({ type: 'backupDone', id, ok: false, report: errorText(error) });
  }
}

/** One line about a backup that is done. */
export function describeBackup(report: Awaited<ReturnType<Store['backup']>>): string {
  const rows = Object.values(report.rows).reduce((sum, count) => sum + count, 0);
  const bytes = report.files.reduce((sum, file) => sum + file.bytes, 0);
  return `${rows} rows and ${report.segments} waiting segments in ${report.files.length} files, ${formatBytes(bytes)}`;
}
