import type {
  FleetHop,
  FleetRole,
  FleetSeen,
  HopAccount,
  HopTarget,
  PeerAnswer,
  PeerReport,
  Resources,
} from '../base/fleet.ts';
import { LIMITS } from '../base/limits.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';
import { WireError } from './wire-error.ts';

/*
 * What two Clews tell one another (base/fleet.ts), in JSON. Whoever may send telemetry may send this, so every member is checked and copied:
 * nothing is kept that is not named here.
 */

/** Reads a value that stands at `path`. Throws WireError. */
type Read<T> = (value: unknown, path: string) => T;

const text: Read<string> = (value, path) => {
  if (typeof value !== 'string') throw new WireError(`${path} must be a string`);
  return value.slice(0, LIMITS.peerTextCharsMax);
};

const number: Read<number> = (value, path) => {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new WireError(`${path} must be a number of at least 0`);
  }
  return value;
};

function list<T>(read: Read<T>, countMax: number): Read<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new WireError(`${path} must be a list`);
    if (value.length > countMax) throw new WireError(`${path} has ${value.length} entries, the limit is ${countMax}`);
    return value.map((item, index) => read(item, `${path}[${index}]`));
  };
}

function oneOf<const T extends string>(...values: readonly T[]): Read<T> {
  return (value, path) => {
    const found = values.find((one) => one === value);
    if (found === undefined) throw new WireError(`${path} must be one of ${values.join(', ')}`);
    return found;
  };
}

function object(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WireError(`${path} must be an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function record<T extends object>(members: { readonly [K in keyof T]: Read<T[K]> }): Read<T> {
  const names = Object.keys(members) as (keyof T & string)[];
  return (value, path) => {
    const given = object(value, path);
    const entries = names.map((name) => [name, members[name](given[name], `${path}.${name}`)]);
    return Object.fromEntries(entries) as T;
  };
}

const counts = record<Record<Signal, number>>({ traces: number, metrics: number, logs: number });

const reasons: Read<Readonly<Record<string, number>>> = (value, path) => {
  const entries = Object.entries(object(value, path)).slice(0, LIMITS.peerReasonsMax);
  return Object.fromEntries(entries.map(([name, count]) => [text(name, path), number(count, `${path}.${name}`)]));
};

const account = record<HopAccount>({
  signal: oneOf(...SIGNALS),
  received: number,
  forwarded: number,
  queued: number,
  dead: number,
  dropped: number,
  elsewhere: number,
  lost: number,
  refusedInPart: number,
});

const target = record<HopTarget>({
  url: text,
  instance: text,
  condition: oneOf('up', 'down', 'ejected'),
  share: number,
  responseMs: number,
  reason: text,
});

const hop = record<FleetHop>({
  name: text,
  url: text,
  targets: list(target, LIMITS.targetsMax),
  accounts: list(account, SIGNALS.length),
  queuedBytes: number,
  queuedSegments: number,
  lagMs: number,
  failures: number,
  lastFailure: text,
});

const role: Read<FleetRole> = oneOf('all', 'edge', 'regional', 'central');

const node = record<FleetSeen>({
  instance: text,
  name: text,
  role,
  version: text,
  upMs: number,
  receivers: number,
  receiversUp: number,
  accepted: counts,
  perSecond: counts,
  refused: reasons,
  journalBytes: number,
  journalQuotaBytes: number,
  diskFreeBytes: number,
  diskTotalBytes: number,
  memoryBytes: number,
  hops: list(hop, LIMITS.peerHopsMax),
  silentMs: number,
});

const report = record<PeerReport>({ nodes: list(node, LIMITS.fleetNodesMax) });
const answer = record<PeerAnswer>({
  instance: text,
  name: text,
  role,
  version: text,
  encodings: list(text, LIMITS.peerReasonsMax),
  resources: record<Resources>({ cpu: number, memory: number, disk: number }),
});

/** What a forwarding Clew tells. Throws WireError naming the member that is wrong. */
export const readPeerReport = (bytes: Uint8Array): PeerReport => report(parsed(bytes), 'report');

/** What the next hop answers. Throws WireError. */
export const readPeerAnswer = (bytes: Uint8Array): PeerAnswer => answer(parsed(bytes), 'answer');

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch (error) {
    throw new WireError(`the body is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A report within LIMITS.peerBytesMax: of too many nodes those are left out that were heard of longest ago. */
export function writePeerReport({ nodes }: PeerReport): Buffer {
  for (let count = Math.min(nodes.length, LIMITS.fleetNodesMax); ; count = count >> 1) {
    const bytes = Buffer.from(JSON.stringify({ nodes: nodes.slice(0, count) }));
    if (bytes.length <= LIMITS.peerBytesMax || count <= 1) return bytes;
  }
}
