import net from 'node:net';
import { crc32c } from '../base/crc32c.ts';
import { LIMITS } from '../base/limits.ts';
import { systemClock } from '../host/clock.ts';
import { readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import type { Destination } from '../send/forwarder.ts';
import { GrpcTransport } from '../send/grpc-transport.ts';
import type { Check } from '../send/health.ts';
import { HttpTransport } from '../send/http-transport.ts';
import type { Link } from '../send/link.ts';
import { TargetPool } from '../send/pool.ts';
import { parseTarget, type Target } from '../send/target.ts';
import type { TlsTrust, Transport, TransportOptions } from '../send/transport.ts';
import { readHeaders } from './setting-values.ts';
import type { Settings } from './settings.ts';

/** A destination with what people know it by. */
export interface NamedDestination extends Destination {
  readonly url: string;
}

/** The destinations of the configuration. Rejects when a TLS file cannot be read. */
export async function destinationsOf(settings: Settings): Promise<NamedDestination[]> {
  const tls = await trustOf(settings);
  const options: TransportOptions = {
    packing: settings['send.compression'] ?? 'none',
    timeoutMs: settings['send.timeout'],
    headers: readHeaders(settings['send.headers']),
    tls,
    connectionAgeMsMax: LIMITS.connectionAgeMsMax,
  };
  const policy = { retriesMax: settings['send.retriesMax'], expiresMs: Number.POSITIVE_INFINITY };
  return settings.forward.map((entry) => {
    const urls = entry.split('|');
    const [first] = urls;
    const connect = (url: string, link: Link): Transport => transportTo(targetOf(url), options, link);
    if (urls.length === 1 && first !== undefined) {
      return {
        name: nameOf(targetOf(first)),
        url: entry,
        policy,
        connect: (_lane, _pin, link) => connect(first, link),
      };
    }
    const { 'send.balancer': balancer, 'send.failover': failover } = settings;
    const pool = new TargetPool({ urls, balancer, failover, connect, check: reaches, clock: systemClock });
    const name = `group-${crc32c(Buffer.from([...urls].sort().join('|')))
      .toString(16)
      .padStart(8, '0')}`;
    return { name, url: entry, policy, connect: (lane, pin, link) => pool.connect(lane, pin, link) };
  });
}

/** The configuration was checked when it was read. */
function targetOf(url: string): Target {
  const target = parseTarget(url);
  if ('problem' in target) throw new Error(target.problem);
  return target;
}

/** Whether a target can be connected to, and how long that takes: all that OTLP lets one ask of any receiver. */
function reaches(url: string): Promise<Check> {
  const { host, port } = targetOf(url);
  const startedMs = systemClock.monotonicMs();
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: LIMITS.healthTimeoutMs });
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
  const exact = crc32c(Buffer.from(`${transport} ${host} ${port} ${path}`))
    .toString(16)
    .padStart(8, '0');
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
