import net from 'node:net';
import { LIMITS } from '../base/limits.ts';
import { type Clock, pause } from '../host/clock.ts';
import { errorCode } from '../host/disk.ts';
import { flagOf, type Settings } from './settings.ts';

const PORT_KEYS = ['grpc.port', 'http.port', 'api.port'] as const;

const USUAL_HOLDERS: Readonly<Record<(typeof PORT_KEYS)[number], string>> = {
  'grpc.port': 'another Clew, an OpenTelemetry Collector or Jaeger',
  'http.port': 'another Clew, an OpenTelemetry Collector or Jaeger',
  'api.port': 'another Clew',
};

/**
 * Why Clew cannot listen as configured, or undefined when it can. Asked before any process is started, so that the answer names the
 * setting. With `waits`, ports that are in use are waited for: a process of the Clew that died just now may still hold them.
 */
export async function listenProblem(settings: Settings, clock: Clock, waits: boolean): Promise<string | undefined> {
  const deadlineMs = clock.monotonicMs() + (waits ? LIMITS.predecessorMsMax : 0);
  for (const key of PORT_KEYS) {
    const port = settings[key];
    if (port === null || port === 0) continue;
    for (;;) {
      const code = await tryToListen(settings.host, port);
      if (code === undefined) break;
      if (code !== 'EADDRINUSE' || clock.monotonicMs() >= deadlineMs)
        return problemText(key, port, settings.host, code);
      await pause(clock, 50);
    }
  }
  return undefined;
}

function problemText(key: (typeof PORT_KEYS)[number], port: number, host: string, code: string): string {
  const flag = flagOf(key);
  if (code === 'EADDRINUSE') {
    return `port ${port} (${key}) on ${host} is in use, perhaps by ${USUAL_HOLDERS[key]}; stop that, or choose another port with ${flag}`;
  }
  if (code === 'EACCES')
    return `port ${port} (${key}) may not be opened by this user; choose one above 1023 with ${flag}`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `${host} (host) is no address of this machine; set it with --host`;
  return `port ${port} (${key}) on ${host} cannot be opened: ${code}`;
}

function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error) => resolve(errorCode(error) || error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** An address as a client of this machine writes it: the wildcard addresses become localhost. */
export function clientHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
