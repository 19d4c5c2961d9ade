import type { Step } from '../../src/host/lying-disk.ts';
import { seededChance } from '../../src/host/seeded-chance.ts';
import type { SimulatedSignal } from './payload.ts';

/*
 * A schedule is all that happens to a simulated fleet, written out: what clients send and when, what breaks and when. Of it anything can
 * be left out, which is how a failing one is made small. What is not written out (delays, which receiver gets a connection, which bytes a
 * power cut takes) follows from its seed.
 */

export type NodeName = 'edge' | 'regional' | 'regional2' | 'central';
export type LinkName = 'client-edge' | 'edge-regional' | 'edge-regional2' | 'regional-central' | 'regional2-central';
/** A receiver by its number, or what forwards or loads. */
export type ProcessName = 'r0' | 'r1' | 'r2' | 'mover';

export interface Request {
  readonly atMs: number;
  readonly signal: SimulatedSignal;
  readonly baggage: string;
  /** Ids of its items, and the trace of each. */
  readonly items: readonly { readonly id: number; readonly trace: number }[];
}

/** Of the next request on a link. */
export type Mishap =
  /** Its connection breaks before it is delivered. */
  | 'lost'
  /** … after it was delivered, before its answer is. */
  | 'answer lost'
  /** It is delivered so much later that nobody waits for it any more. */
  | 'late'
  /** It is delivered, and so much later once more. */
  | 'twice'
  /** It is delivered and answered, and who sent it is killed before it hears of that. */
  | 'sender dies'
  /** A bit of it flips. */
  | 'damaged'
  /** Something between answers in the receiver's place, with this status, and does not pass it on. */
  | 'refused'
  /** … and passes it on. */
  | 'answered in its place';

export type Fault = { readonly atMs: number } & (
  | { readonly kind: 'crash'; readonly node: NodeName; readonly how: 'power' | 'killed'; readonly downMs: number }
  | { readonly kind: 'restart'; readonly node: NodeName; readonly downMs: number }
  | { readonly kind: 'kill'; readonly node: NodeName; readonly process: ProcessName; readonly downMs: number }
  /** In the middle of a step of the disk, so many after the time. */
  | {
      readonly kind: 'die at a step';
      readonly node: NodeName;
      readonly how: 'power' | 'killed' | 'process';
      /** Only steps of this operation count; '' for any. */
      readonly at: Step['operation'] | '';
      readonly steps: number;
      readonly downMs: number;
    }
  | { readonly kind: 'partition'; readonly link: LinkName; readonly forMs: number }
  | {
      readonly kind: 'mishap';
      readonly link: LinkName;
      readonly what: Mishap;
      readonly delayMs: number;
      readonly status: number;
    }
  | {
      readonly kind: 'disk errors';
      readonly node: NodeName;
      readonly forMs: number;
      readonly code: 'EIO' | 'ENOSPC';
      readonly share: number;
      /** The operations of the disk that fail; empty for any. */
      readonly only: readonly Step['operation'][];
    }
  | { readonly kind: 'disk full'; readonly node: NodeName; readonly forMs: number; readonly bytes: number }
  | { readonly kind: 'slow disk'; readonly node: NodeName; readonly forMs: number; readonly delayMs: number }
  /** Some fsyncs of journals are confirmed and not done: what they covered may be lost with the power, and nothing else. */
  | { readonly kind: 'fsync lies'; readonly node: NodeName; readonly forMs: number }
  | { readonly kind: 'store fails'; readonly forMs: number; readonly when: 'before' | 'after' }
  /** A bit of a file of rows flips, after it was written and before it is loaded. */
  | { readonly kind: 'bit flips'; readonly node: 'central'; readonly share: number }
);

export interface Shape {
  readonly receivers: Readonly<Record<'edge' | 'regional' | 'central', 1 | 2 | 3>>;
  /** With two, they are targets of one destination. */
  readonly regionals: 1 | 2;
  readonly balancer: 'round-robin' | 'consistent-hash';
  readonly transport: 'http' | 'grpc';
  readonly retriesMax: number;
  /** Rules of the edge. */
  readonly rules: readonly string[];
  readonly segmentItemsMax: number;
  readonly segmentBytesMax: number;
  readonly segmentAgeMsMax: number;
  /** Of the edge, where it is another. */
  readonly edgeAgeMsMax?: number;
  readonly inflightBytesMax: number;
  readonly journalBytesMax: number;
  readonly batchItemsMax: number;
  readonly batchBytesMax: number;
  /** Each process that sends has another limit for the items of a batch, as one of another version may: it cuts what was sent before in other places. */
  readonly recuts: boolean;
  readonly shortReads: boolean;
  /** Longest time of a step of the disk; 0: none takes any. */
  readonly diskMs: number;
  readonly networkMs: number;
}

export interface Schedule {
  readonly seed: number;
  readonly shape: Shape;
  readonly requests: readonly Request[];
  readonly faults: readonly Fault[];
}

/** From then on nothing breaks any more, and what is broken is repaired. */
export const HEALED_MS = 7_000;
const SENDING_MS = 3_500;

/** The schedule of a seed: the same for ever. */
export function scheduleOf(seed: number): Schedule {
  const chance = seededChance(seed);
  const shape = shapeOf(chance);
  const requests = requestsOf(chance);
  const faults: Fault[] = [];
  const isStorm = chance() < 0.2;
  const count = isStorm ? 4 + below(chance, 8) : Math.floor(chance() * chance() * 12) + (chance() < 0.9 ? 1 : 0);
  while (faults.length < count) {
    const last = faults.at(-1);
    const fault = faultOf(chance, shape);
    // What breaks is often broken by what broke just before, and beside it.
    const isBeside = last !== undefined && chance() < (isStorm ? 0.8 : 0.4);
    faults.push(isBeside ? beside(fault, last, below(chance, 1_500)) : fault);
  }
  const schedule = { seed, shape, requests, faults };
  const { faults: all, ...rest } = chance() < 0.2 ? wandering(chance, schedule) : schedule;
  return { ...rest, faults: [...all].sort((a, b) => a.atMs - b.atMs) };
}

/**
 * The streams of the edge go from one receiver of the regional to the other and back, for their connections break, while what the regional has taken in
 * cannot go on, or not all of it.
 */
function wandering(chance: Chance, { seed, shape, faults }: Schedule): Schedule {
  const isOfOthers = (fault: Fault): boolean =>
    ('node' in fault && fault.node === 'regional2') || ('link' in fault && fault.link.includes('regional2'));
  const breaks = Array.from({ length: 3 + below(chance, 6) }, (): Fault => {
    const what = oneOf<Mishap>(chance, ['lost', 'answer lost', 'answer lost']);
    return { atMs: 200 + below(chance, 4_500), kind: 'mishap', link: 'edge-regional', what, delayMs: 0, status: 502 };
  });
  const atMs = 100 + below(chance, 3_000);
  const cut: Fault = { atMs, kind: 'partition', link: 'regional-central', forMs: oneOf(chance, [600, 1_500, 2_500]) };
  const ends = Array.from({ length: below(chance, 4) }, (): Fault => {
    const common = { atMs: 300 + below(chance, 4_500), node: 'regional', downMs: oneOf(chance, [20, 200]) } as const;
    if (chance() < 0.3) return { ...common, kind: 'restart' };
    if (chance() < 0.4) return { ...common, kind: 'crash', how: chance() < 0.5 ? 'power' : 'killed' };
    return { ...common, kind: 'kill', process: oneOf(chance, ['r0', 'r1', 'mover']) };
  });
  const receivers = { ...shape.receivers, regional: chance() < 0.5 ? 2 : 3 } as const;
  const requests = Array.from({ length: 8 + below(chance, 12) }, (_, nth): Request => {
    const items = [{ id: nth + 1, trace: 1 + below(chance, 3) }];
    return { atMs: below(chance, SENDING_MS), signal: 'traces', baggage: '', items };
  });
  return {
    seed,
    shape: { ...shape, regionals: 1, receivers, edgeAgeMsMax: 20, segmentAgeMsMax: oneOf(chance, [20, 150, 1_000]) },
    requests: requests.sort((a, b) => a.atMs - b.atMs),
    faults: [...faults.filter((fault) => !isOfOthers(fault)), ...breaks, ...ends, cut],
  };
}

function beside(fault: Fault, last: Fault, laterMs: number): Fault {
  const atMs = Math.min(last.atMs + laterMs, HEALED_MS - 500);
  const isOfNodes = 'node' in fault && 'node' in last && fault.kind !== 'bit flips';
  return isOfNodes ? { ...fault, atMs, node: last.node } : { ...fault, atMs };
}

/** More than a client's request has. */
const CLIENT_BYTES_MAX = 320;

type Chance = () => number;
const below = (chance: Chance, end: number): number => Math.floor(chance() * end);
const oneOf = <T>(chance: Chance, values: readonly [T, ...T[]]): T => values[below(chance, values.length)] as T;

function shapeOf(chance: Chance): Shape {
  const batchBytesMax = 150 + below(chance, 900);
  const few = (): 1 | 2 => (chance() < 0.6 ? 1 : 2);
  return {
    receivers: { edge: chance() < 0.85 ? 1 : 2, regional: few(), central: few() },
    regionals: chance() < 0.6 ? 1 : 2,
    balancer: chance() < 0.7 ? 'round-robin' : 'consistent-hash',
    transport: chance() < 0.7 ? 'http' : 'grpc',
    retriesMax: chance() < 0.75 ? 256 : 1 + below(chance, 3),
    rules: chance() < 0.75 ? [] : ['sample 50%'],
    segmentItemsMax: 3 + below(chance, 14),
    segmentBytesMax: 400 + below(chance, 1_400),
    segmentAgeMsMax: oneOf(chance, [150, 400, 1_000]),
    // A batch must fit, or one request that is larger; not always two.
    inflightBytesMax: Math.max(batchBytesMax, CLIENT_BYTES_MAX) + below(chance, 600),
    journalBytesMax: chance() < 0.8 ? 20_000 : 1_200 + below(chance, 1_500),
    batchItemsMax: 2 + below(chance, 12),
    batchBytesMax,
    recuts: chance() < 0.5,
    shortReads: chance() < 0.2,
    diskMs: oneOf(chance, [0, 0, 2, 10]),
    networkMs: oneOf(chance, [2, 10, 60]),
  };
}

function requestsOf(chance: Chance): Request[] {
  const requests: Request[] = [];
  const count = 2 + below(chance, 12);
  let id = 0;
  let atMs = 0;
  for (let nth = 0; nth < count; nth++) {
    // In bursts: several are in flight at once.
    if (chance() < 0.35) atMs += below(chance, (2 * SENDING_MS) / count);
    const items = Array.from({ length: 1 + below(chance, 3) }, () => ({ id: ++id, trace: 1 + below(chance, 6) }));
    const signal = chance() < 0.8 ? 'traces' : 'logs';
    requests.push({ atMs: Math.min(atMs, SENDING_MS), signal, baggage: chance() < 0.85 ? '' : 'k=v', items });
  }
  return requests;
}

const CHANGES = ['sync', 'write', 'truncate', 'rename', 'remove', 'syncDirectory'] as const;
type Operations = readonly Step['operation'][];
/** Operations that fail at one time: any, one kind alone, or those that reach the same part of a disk. */
const BROKEN_TOGETHER: readonly [Operations, ...Operations[]] = [
  [],
  [],
  [],
  [],
  ['sync', 'truncate'],
  ['write', 'sync', 'truncate'],
  ['rename', 'remove', 'syncDirectory'],
  ['open', 'read', 'list'],
  ...[...CHANGES, 'read' as const, 'open' as const].map((operation) => [operation]),
];

function faultOf(chance: Chance, { regionals }: Shape): Fault {
  const nodes: [NodeName, ...NodeName[]] = ['edge', 'regional', 'central'];
  const links: [LinkName, ...LinkName[]] = ['client-edge', 'edge-regional', 'edge-regional', 'regional-central'];
  if (regionals === 2) {
    nodes.push('regional2');
    links.push('edge-regional2', 'regional2-central');
  }
  const atMs = 50 + below(chance, HEALED_MS - 1_500);
  const node = oneOf(chance, nodes);
  const link = oneOf(chance, links);
  const downMs = oneOf(chance, [20, 200, 1_500]);
  const forMs = oneOf(chance, [100, 600, 2_500]);
  const kind = chance();
  if (kind < 0.08) return { atMs, kind: 'crash', node, how: chance() < 0.6 ? 'power' : 'killed', downMs };
  if (kind < 0.12) return { atMs, kind: 'restart', node, downMs };
  if (kind < 0.22) return { atMs, kind: 'kill', node, process: oneOf(chance, ['r0', 'r1', 'mover', 'mover']), downMs };
  if (kind < 0.38) {
    const how = oneOf(chance, ['power', 'power', 'killed', 'process', 'process'] as const);
    const at = chance() < 0.5 ? '' : oneOf(chance, CHANGES);
    return { atMs, kind: 'die at a step', node, how, at, steps: below(chance, at === '' ? 25 : 6), downMs };
  }
  if (kind < 0.45) return { atMs, kind: 'partition', link, forMs };
  if (kind < 0.74) return { atMs, kind: 'mishap', link, ...mishapOf(chance, link) };
  if (kind < 0.81) {
    const code = oneOf(chance, ['EIO', 'EIO', 'ENOSPC'] as const);
    const only = oneOf(chance, BROKEN_TOGETHER);
    const share = oneOf(chance, only.length === 0 ? [0.05, 0.3] : [0.3, 1]);
    return { atMs, kind: 'disk errors', node, forMs, code, share, only };
  }
  if (kind < 0.85) return { atMs, kind: 'disk full', node, forMs, bytes: below(chance, 1_500) };
  if (kind < 0.9) return { atMs, kind: 'slow disk', node, forMs, delayMs: oneOf(chance, [60, 400, 1_500]) };
  if (kind < 0.92) return { atMs, kind: 'fsync lies', node, forMs };
  if (kind < 0.97) return { atMs, kind: 'store fails', forMs, when: chance() < 0.5 ? 'before' : 'after' };
  return { atMs, kind: 'bit flips', node: 'central', share: chance() };
}

function mishapOf(
  chance: Chance,
  link: LinkName,
): { readonly what: Mishap; readonly delayMs: number; readonly status: number } {
  const delayMs = oneOf(chance, [300, 1_500, 4_000]);
  // A client has no identity for its requests: one that arrives twice is two.
  const what =
    link === 'client-edge'
      ? oneOf<Mishap>(chance, ['lost', 'answer lost', 'late'])
      : oneOf<Mishap>(chance, [
          'lost',
          'answer lost',
          'answer lost',
          'late',
          'late',
          'twice',
          'sender dies',
          'sender dies',
          'damaged',
          'refused',
          'answered in its place',
        ]);
  const status =
    what === 'refused' ? oneOf(chance, [429, 502, 503, 504, 400, 413, 401, 500]) : oneOf(chance, [502, 504]);
  return { what, delayMs, status };
}

/** A schedule as lines that one can read, in the order of time. */
export function drawn({ seed, shape, requests, faults }: Schedule): string[] {
  const { receivers, regionals, rules, ...limits } = shape;
  const second = (atMs: number): string => `${(atMs / 1000).toFixed(3).padStart(7)} s  `;
  const lines = [
    ...requests.map(({ atMs, signal, baggage, items }) => {
      const what = items.map(({ id, trace }) => `${id} of trace ${trace}`).join(', ');
      return { atMs, text: `client sends ${signal}: ${what}${baggage === '' ? '' : `, baggage ${baggage}`}` };
    }),
    ...faults.map((fault) => ({ atMs: fault.atMs, text: `! ${faultText(fault)}` })),
  ].sort((a, b) => a.atMs - b.atMs);
  const tiers = `edge (${receivers.edge}) → ${regionals} × regional (${receivers.regional}) → central (${receivers.central})`;
  return [
    `seed ${seed}: ${tiers}${rules.length === 0 ? '' : `, rules: ${rules.join('; ')}`}`,
    Object.entries(limits)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
    ...lines.map(({ atMs, text }) => second(atMs) + text),
    `${second(HEALED_MS)}everything is well again`,
  ];
}

function faultText(fault: Fault): string {
  const { atMs: _, kind, ...rest } = fault;
  const about = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  return `${kind}: ${about.join(', ')}`;
}
