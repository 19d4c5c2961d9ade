import type { SecureContextOptions } from 'node:tls';
import { type Clock, systemClock } from '../host/clock.ts';
import { type Disk, errorText, readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';

export interface TlsOptions {
  /** PEM: certificate, with its chain. */
  readonly certFile: string;
  readonly keyFile: string;
  /** PEM: when set, clients must show a certificate that one of these signed (mutual TLS). */
  readonly clientCaFile?: string;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

export interface ServerTls extends SecureContextOptions {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/** Reads the files. Rejects with the name of the file that cannot be read. */
export async function readTls(options: TlsOptions, disk: Disk = nodeDisk): Promise<ServerTls> {
  const mutual = options.clientCaFile !== undefined;
  return {
    cert: await readPem(disk, options.certFile, 'certificate'),
    key: await readPem(disk, options.keyFile, 'key'),
    ...(options.clientCaFile === undefined ? {} : { ca: await readPem(disk, options.clientCaFile, 'client CA') }),
    minVersion: options.minVersion ?? 'TLSv1.2',
    requestCert: mutual,
    rejectUnauthorized: mutual,
  };
}

/** No PEM file of a server is larger. */
const PEM_BYTES_MAX = 1024 * 1024;

async function readPem(disk: Disk, file: string, what: string): Promise<Buffer> {
  try {
    const bytes = await readWhole(disk, file, PEM_BYTES_MAX);
    if (bytes.length === 0) throw new Error('it is absent or empty');
    return Buffer.from(bytes);
  } catch (error) {
    throw new Error(`TLS ${what} file ${file} cannot be read: ${errorText(error)}`);
  }
}

/** How often the files are read: certificates change every few weeks, and they are a few kilobytes. */
const LOOK_MS = 2_000;

/**
 * Reads the files again and again and calls `apply` when their content has changed. Broken ones are reported once, and what was before stays
 * in use. Returns what ends the watching.
 */
export function watchTls(
  options: TlsOptions,
  initial: ServerTls,
  apply: (tls: ServerTls) => void,
  onReport: (text: string) => void,
  { disk = nodeDisk, clock = systemClock }: { disk?: Disk; clock?: Clock } = {},
): () => void {
  let ended = false;
  let cancel = (): void => undefined;
  let seen = fingerprint(initial);
  let problem = '';
  const look = async (): Promise<void> => {
    try {
      const now = await readTls(options, disk);
      if (ended || fingerprint(now) === seen) return;
      seen = fingerprint(now);
      apply(now);
      problem = '';
      onReport('TLS certificate reloaded');
    } catch (error) {
      if (errorText(error) === problem) return;
      problem = errorText(error);
      onReport(`TLS certificate not reloaded, the old one stays: ${problem}`);
    }
  };
  const schedule = (): void => {
    cancel = clock.after(LOOK_MS, () => void look().then(() => (ended ? undefined : schedule())));
  };
  schedule();
  return () => {
    ended = true;
    cancel();
  };
}

const fingerprint = ({ cert, key, ca }: ServerTls): string => [cert, key, ca].map(String).join('\n');
