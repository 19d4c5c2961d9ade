import { formatBytes } from '../base/units.ts';
import { pause, systemClock } from '../host/clock.ts';
import type { FleetDestination, FleetNode } from '../query/api-fleet.ts';
import { askRunning } from './ask.ts';
import type { Secrets } from './secrets.ts';
import type { Settings } from './settings.ts';

const INTERVAL_MS = 1_000;
const CLEAR = '\u001b[H\u001b[2J';

/** `clew top`: what a running Clew does, drawn anew each second on a terminal until Ctrl-C; once where there is no terminal. */
export async function runTop(
  settings: Settings,
  secrets: Secrets,
  isTerminal: boolean,
  print: (text: string) => void,
): Promise<number> {
  // The clock's timers do not keep a process.
  const alive = setInterval(() => {}, 60_000);
  try {
    let before: Seen | undefined;
    for (;;) {
      const now = {
        node: (await askRunning(settings, secrets, '/api/v1/fleet')) as FleetNode,
        atMs: systemClock.monotonicMs(),
      };
      print((isTerminal ? CLEAR : '') + topText(now, before, Number(systemClock.unixNano() / 1_000_000n)));
      if (!isTerminal) return 0;
      before = now;
      await pause(systemClock, INTERVAL_MS);
    }
  } finally {
    clearInterval(alive);
  }
}

interface Seen {
  readonly node: FleetNode;
  readonly atMs: number;
}

/** One picture. `nowMs`: Unix milliseconds, for the age of what waits. */
function topText(now: Seen, before: Seen | undefined, nowMs: number): string {
  const { node } = now;
  const lines = [
    `clew ${node.role} ${node.version}, instance ${node.instance}, since ${node.startedAt}`,
    `journal ${formatBytes(node.journal.bytes)} of ${formatBytes(node.journal.quotaBytes)}, disk ${formatBytes(node.disk.freeBytes)} free`,
    '',
    row('receiver', 'up', 'spans/s', 'points/s', 'logs/s', 'refused', 'repeated', 'p99 ms', 'memory'),
    ...node.receivers.map((receiver) =>
      row(
        String(receiver.receiver),
        receiver.up ? 'yes' : 'NO',
        count(receiver.perSecond.traces),
        count(receiver.perSecond.metrics),
        count(receiver.perSecond.logs),
        count(Object.values(receiver.refused).reduce((sum, refused) => sum + refused, 0)),
        count(receiver.repeated),
        receiver.ackP99Ms.toFixed(1),
        formatBytes(receiver.memoryBytes),
      ),
    ),
  ];
  if (node.sources.length > 0) lines.push('', ...sourceLines(node, nowMs));
  for (const destination of node.destinations) lines.push('', ...destinationLines(destination, now, before, nowMs));
  return `${lines.join('\n')}\n`;
}

/** Sources that fit on a screen. */
const SOURCES_MAX = 20;

function sourceLines({ sources }: FleetNode, nowMs: number): string[] {
  const rows = sources
    .slice(0, SOURCES_MAX)
    .map(
      ({ instance, batches, lastMs }) =>
        `${instance} ${count(batches).padStart(10)} ${seconds(nowMs - lastMs).padStart(10)}`,
    );
  const more = sources.length > SOURCES_MAX ? [`and ${sources.length - SOURCES_MAX} more`] : [];
  return [`${'from'.padEnd(16)} ${'batches'.padStart(10)} ${'last'.padStart(10)}`, ...rows, ...more];
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function destinationLines(destination: FleetDestination, now: Seen, before: Seen | undefined, nowMs: number): string[] {
  const then = before?.node.destinations.find(({ name }) => name === destination.name);
  const elapsed = before === undefined ? 0 : (now.atMs - before.atMs) / 1000;
  const lines = [
    `→ ${destination.url}: ${destination.queuedSegments} segments wait (${formatBytes(destination.queuedBytes)})`,
    row('signal', 'per s', 'received', 'forwarded', 'queued', 'dead', 'dropped', 'lost', 'lag'),
  ];
  for (const account of destination.accounts) {
    const earlier = then?.accounts.find(({ signal }) => signal === account.signal);
    const rate = earlier === undefined || elapsed === 0 ? 0 : (account.forwarded - earlier.forwarded) / elapsed;
    const lanes = destination.lanes.filter(({ signal }) => signal === account.signal);
    const received = Math.max(0, ...lanes.map(({ receivedMs }) => receivedMs));
    const lag = account.queued === 0 || received === 0 ? '-' : seconds(nowMs - received);
    const { signal, forwarded, queued, dead, dropped, lost } = account;
    lines.push(
      row(
        signal,
        count(rate),
        count(account.received),
        count(forwarded),
        count(queued),
        count(dead),
        count(dropped),
        count(lost),
        lag,
      ),
    );
  }
  for (const { key, failures, lastFailure, waitsFor } of destination.lanes) {
    if (failures > 0) lines.push(`  ${key}: ${failures} tries failed: ${lastFailure}`);
    if (waitsFor.length > 0) lines.push(`  ${key}: waits for what ${namesOf(waitsFor)} took in before`);
  }
  return lines;
}

const namesOf = (receivers: readonly number[]): string => receivers.map((receiver) => `r${receiver}`).join(', ');

const count = (value: number): string => String(Math.round(value));

const row = (...cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(10) : cell.padStart(11))).join(' ');
