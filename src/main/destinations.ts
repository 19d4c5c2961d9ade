import { crc32c } from '../base/crc32c.ts';
import { LIMITS } from '../base/limits.ts';
import { readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import type { Destination } from '../send/forwarder.ts';
import { GrpcTransport } from '../send/grpc-transport.ts';
import { HttpTransport } from '../send/http-transport.ts';
import { parseTarget, type Target } from '../send/target.ts';
import type { TlsTrust, Transport, TransportOptions } from '../send/transport.ts';
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
    headers: headersOf(settings['send.headers']),
    tls,
    connectionAgeMsMax: LIMITS.connectionAgeMsMax,
  };
  const policy = { retriesMax: settings['send.retriesMax'], expiresMs: Number.POSITIVE_INFINITY };
  return settings.forward.map((url) => {
    const target = parseTarget(url);
    if ('problem' in target) throw new Error(target.problem);
    return { name: nameOf(target), url, policy, connect: () => transportTo(target, options) };
  });
}

function transportTo(target: Target, options: TransportOptions): Transport {
  return target.transport === 'http' ? new HttpTransport(target, options) : new GrpcTransport(target, options);
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

function headersOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

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
