import dns from 'node:dns/promises';
import net from 'node:net';
import { crc32cText } from '../base/crc32c.ts';
import type { HopTarget } from '../base/fleet.ts';
import { LIMITS } from '../base/limits.ts';
import { systemClock } from '../host/clock.ts';
import { readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { spread, withoutAddress } from '../send/addresses.ts';
import type { BalancerName } from '../send/balance/balancer.ts';
import type { Destination } from '../send/forwarder.ts';
import { GrpcTransport } from '../send/grpc-transport.ts';
import type { Check } from '../send/health.ts';
import { HttpTransport } from '../send/http-transport.ts';
import type { Link } from '../send/link.ts';
import { type Lookup, Names } from '../send/names.ts';
import { pacer } from '../send/paced-transport.ts';
import { Peers } from '../send/peers.ts';
import { type PoolTargets, TargetPool } from '../send/pool.ts';
import { type NamedTarget, parseTarget, type Target, targetsIn } from '../send/target.ts';
import type { TlsTrust, Transport, TransportOptions } from '../send/transport.ts';
import type { Packing } from '../wire/packing.ts';
import { readHeaders } from './setting-values.ts';
import type { Settings } from './settings.ts';

/** A destination with what people know it by. */
export interface NamedDestination extends Destination {
  readonly url: string;
  /** What is known of each of its targets at the moment. */
  readonly targets: () => HopTarget[];
}

export interface Destinations {
  readonly destinations: readonly NamedDestination[];
  /** Begins to ask the targets about their health, telling them what `report` gives. */
  readonly start: (report: () => Promise<Uint8Array>) => void;
  readonly stop: () => void;
  /** Chooses among the targets of every destination in another way from now on. */
  readonly balance: (name: BalancerName) => void;
}

/** What destinations need of the world beside the configuration. */
export interface DestinationsWorld {
  readonly lookup: Lookup;
  readonly report: (text: string) => void;
}

const systemLookup: Lookup = (host) => dns.lookup(host, { all: true });

/** The destinations of the configuration. Rejects when a TLS file cannot be read. */
export async function destinationsOf(
  settings: Settings,
  { lookup = systemLookup, report = () => {} }: Partial<DestinationsWorld> = {},
): Promise<Destinations> {
  const tls = await trustOf(settings);
  const common = {
    encoding: settings['send.encoding'],
    headers: readHeaders(settings['send.headers']),
    tls,
    connectionAgeMsMax: LIMITS.connectionAgeMsMax,
  };
  const peers = new Peers({
    clock: systemClock,
    chance: Math.random,
    reaches,
    connect: (url, link) =>
      transportTo(targetOf(url), { ...common, packing: 'none', timeoutMs: LIMITS.healthTimeoutMs }, link),
  });
  const connect = (url: string, link: Link): Transport => {
    const options: TransportOptions = {
      ...common,
      timeoutMs: settings['send.timeout'],
      get packing() {
        return packingFor(settings['send.compression'], peers.answerOf(url)?.encodings);
      },
    };
    return transportTo(targetOf(url), options, link);
  };
  const entries = settings.forward.map((entry) => ({ entry, targets: targetsOf(entry) }));
  const hosts = entries.flatMap(({ targets }) => targets.map(({ url }) => targetOf(url).host));
  const names = new Names({ hosts, lookup, clock: systemClock, report });
  await names.start(LIMITS.healthTimeoutMs);
  const pools: Pool[] = [];
  const alone: string[] = [];
  const destinations = entries.map(({ entry, targets }) => {
    const [only] = targets;
    if (targets.length === 1 && only !== undefined && net.isIP(targetOf(only.url).host) !== 0) {
      alone.push(only.url);
      return { ...direct(settings, only.url, connect, peers), url: entry };
    }
    const now = (): PoolTargets => poolTargets(spread(targets, (url) => names.addressesOf(targetOf(url).host)));
    const pool = poolOf(settings, now(), connect, peers, report);
    pools.push({ pool, now });
    return pooled(settings, entry, targets, pool, peers);
  });
  names.onChange = () => {
    for (const { pool, now } of pools) pool.change(now());
    peers.forgetAllBut(new Set([...alone, ...pools.flatMap(({ pool }) => pool.urls)]));
  };
  const stop = (): void => {
    names.stop();
    peers.stop();
    for (const { pool } of pools) pool.stop();
  };
  const start = (report: () => Promise<Uint8Array>): void => {
    peers.report = report;
    for (const url of alone) peers.watch(url);
  };
  const balance = (name: BalancerName): void => {
    for (const { pool } of pools) pool.balance(name);
  };
  return { destinations, start, stop, balance };
}

interface Pool {
  readonly pool: TargetPool;
  /** The targets that it has now. */
  readonly now: () => PoolTargets;
}

/** The configuration was checked when it was read. */
function targetsOf(entry: string): readonly NamedTarget[] {
  const targets = targetsIn(entry);
  if ('problem' in targets) throw new Error(targets.problem);
  return targets;
}

const poolTargets = (targets: readonly NamedTarget[]): PoolTargets => ({
  urls: targets.map(({ url }) => url),
  priorities: targets.map(({ priority }) => priority),
  weights: targets.map(({ weight }) => weight),
});

type Connect = (url: string, link: Link) => Transport;

/** `auto`: zstd for a Clew that has said that it unpacks it, gzip for every other receiver. */
function packingFor(setting: Settings['send.compression'], encodings: readonly string[] | undefined): Packing {
  if (setting !== 'auto') return setting ?? 'none';
  return encodings?.includes('zstd') ? 'zstd' : 'gzip';
}

const policyOf = (settings: Settings): Destination['policy'] => ({
  retriesMax: settings['send.retriesMax'],
  expiresMs: Number.POSITIVE_INFINITY,
});

/** One pace for all lanes of one destination. */
const paceOf = (settings: Settings): ReturnType<typeof pacer> =>
  pacer(
    {
      requestsPerSecondMax: settings['send.requestsPerSecondMax'],
      bytesPerSecondMax: settings['send.bytesPerSecondMax'],
    },
    systemClock,
  );

/** A destination of one target at one address: there is nothing to choose. */
function direct(settings: Settings, url: string, connect: Connect, peers: Peers): NamedDestination {
  const targets = (): HopTarget[] => {
    const instance = peers.answerOf(url)?.instance ?? '';
    return [{ url, instance, share: 1, ...peers.stateOf(url) }];
  };
  const paced = paceOf(settings);
  return {
    name: nameOf(targetOf(url)),
    url,
    policy: policyOf(settings),
    connect: (_lane, _pin, link) => paced(connect(url, link)),
    targets,
  };
}

function poolOf(
  settings: Settings,
  targets: PoolTargets,
  connect: Connect,
  peers: Peers,
  report: (text: string) => void,
): TargetPool {
  return new TargetPool({
    ...targets,
    balancer: settings['send.balancer'],
    failover: settings['send.failover'],
    connect,
    check: (url) => peers.check(url),
    instanceOf: (url) => peers.answerOf(url)?.instance,
    report,
    clock: systemClock,
  });
}

function pooled(
  settings: Settings,
  entry: string,
  targets: readonly NamedTarget[],
  pool: TargetPool,
  peers: Peers,
): NamedDestination {
  const urls = targets.map(({ url }) => url).sort();
  const [only = ''] = urls;
  const paced = paceOf(settings);
  return {
    name: urls.length === 1 ? nameOf(targetOf(only)) : `group-${crc32cText(Buffer.from(urls.join('|')))}`,
    url: entry,
    policy: policyOf(settings),
    connect: (lane, pin, link) => paced(pool.connect(lane, pin, link)),
    targets: () => pool.states().map((state) => ({ ...state, instance: peers.answerOf(state.url)?.instance ?? '' })),
  };
}

/** The target of a URL, with or without one of its addresses. */
function targetOf(text: string): Target {
  const { url, address } = withoutAddress(text);
  const target = parseTarget(url);
  if ('problem' in target) throw new Error(target.problem);
  return { ...target, address };
}

/** Whether a target can be connected to, and how long that takes: all that OTLP lets one ask of any receiver. */
function reaches(url: string): Promise<Check> {
  const { host, port, address } = targetOf(url);
  const startedMs = systemClock.monotonicMs();
  return new Promise((resolve) => {
    const socket = net.connect({ host: address === '' ? host : address, port, timeout: LIMITS.healthTimeoutMs });
    const end = (check: Check): void => {
      socket.destroy();
      resolve(check);
    };
    socket.once('connect', () => end({ kind: 'passed', tookMs: systemClock.monotonicMs() - startedMs }));
    socket.once('timeout', () => end({ kind: 'failed', reason: `no connection within ${LIMITS.healthTimeoutMs} ms` }));
    socket.once('error', (error) => end({ kind: 'failed', reason: error.message }));
  });
}

function transportTo(target: Target, options: TransportOptions, link: Link): Transport {
  return target.transport === 'http'
    ? new HttpTransport(target, options, link)
    : new GrpcTransport(target, options, link);
}

/** The same place has the same name, whatever else changes: positions and the streams that a Clew remembers hang on it. */
function nameOf({ transport, host, port, path }: Target): string {
  const readable = host
    .toLowerCase()
    .replaceAll(/[^0-9a-z.-]/g, '-')
    .slice(0, NAME_CHARS_MAX);
  const exact = crc32cText(Buffer.from(`${transport} ${host} ${port} ${path}`));
  return `${readable}-${port}-${exact}`;
}

const NAME_CHARS_MAX = 60;

async function trustOf(settings: Settings): Promise<TlsTrust> {
  const read = async (key: 'send.tls.ca' | 'send.tls.cert' | 'send.tls.key'): Promise<Buffer | undefined> => {
    const path = settings[key];
    if (path === null) return undefined;
    if ((await nodeDisk.size(path)) === undefined) throw new Error(`${key}: ${path} does not exist`);
    return Buffer.from(await readWhole(nodeDisk, path));
  };
  const [ca, cert, key] = [await read('send.tls.ca'), await read('send.tls.cert'), await read('send.tls.key')];
  return {
    minVersion: settings['tls.minVersion'],
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
