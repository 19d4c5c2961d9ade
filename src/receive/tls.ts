import fs from 'node:fs';
import type { SecureContextOptions } from 'node:tls';

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

/** Reads the files. Throws with the name of the file that cannot be read. */
export function readTls(options: TlsOptions): ServerTls {
  const mutual = options.clientCaFile !== undefined;
  return {
    cert: readPem(options.certFile, 'certificate'),
    key: readPem(options.keyFile, 'key'),
    ...(options.clientCaFile === undefined ? {} : { ca: readPem(options.clientCaFile, 'client CA') }),
    minVersion: options.minVersion ?? 'TLSv1.2',
    requestCert: mutual,
    rejectUnauthorized: mutual,
  };
}

function readPem(file: string, what: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    throw new Error(
      `TLS ${what} file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** How often the files are looked at: certificates change every few weeks, and a stat costs nothing. */
const LOOK_MS = 2_000;

/**
 * Watches the files and calls `apply` with their content when one of them changes. A broken new certificate is reported, and the old one
 * stays in use. Returns what ends the watching.
 */
export function watchTls(
  options: TlsOptions,
  apply: (tls: ServerTls) => void,
  onReport: (text: string) => void,
): () => void {
  const files = [
    options.certFile,
    options.keyFile,
    ...(options.clientCaFile === undefined ? [] : [options.clientCaFile]),
  ];
  const stamp = (): string =>
    files
      .map((file) => {
        const stat = fs.statSync(file, { throwIfNoEntry: false });
        return stat === undefined ? 'absent' : `${stat.mtimeMs}:${stat.size}:${stat.ino}`;
      })
      .join(' ');
  let last = stamp();
  const timer = setInterval(() => {
    const now = stamp();
    if (now === last) return;
    last = now;
    try {
      apply(readTls(options));
      onReport('TLS certificate reloaded');
    } catch (error) {
      onReport(
        `TLS certificate not reloaded, the old one stays: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
