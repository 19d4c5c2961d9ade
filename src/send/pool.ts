import type { HopTarget } from '../base/fleet.ts';
import { LIMITS } from '../base/limits.ts';
import { HOP_HEADERS } from '../base/names.ts';
import { type Clock, pause } from '../host/clock.ts';
import type { Position } from '../journal/position.ts';
import { withoutAddress } from './addresses.ts';
import { judge } from './answer.ts';
import { BALANCERS, type BalancerName } from './balance/balancer.ts';
import { textHash } from './balance/hash.ts';
import { type Balancer, newTargets, type Targets } from './balance/targets.ts';
import {
  type Check,
  changedHealth,
  dueChecks,
  newHealth,
  noteAnswer,
  noteCheck,
  readmit,
  shares,
  type TargetHealth,
} from './health.ts';
import type { Link } from './link.ts';
import type { ExportCall, Reply, Transport } from './transport.ts';

/** The target that a lane sent to last, kept durably: after a crash only that one can say what it holds. */
export interface Pin {
  get(): string | undefined;
  /** Resolves when it is durable, and with it how far the lane is: all after that was sent to this target or not at all. */
  set(url: string): Promise<void>;
  /** What earlier processes may have sent lies up to here. */
  readonly inDoubtUpTo: Position;
}

/** The targets of a destination as they are at the moment. */
export interface PoolTargets {
  /** URLs, which also name the targets. */
  readonly urls: readonly string[];
  /** One for each: 0 is used first, a higher one only while every target of the lower ones is out. All 0 where nothing is said. */
  readonly priorities?: readonly number[];
  /** One for each: how much of the load it gets beside the others. All 1 where nothing is said. */
  readonly weights?: readonly number[];
}

export interface PoolOptions extends PoolTargets {
  readonly balancer: BalancerName;
  /** A batch whose outcome is not known goes to another target (`always`), at the price of being stored twice; or stays (`known`). */
  readonly failover: 'known' | 'always';
  readonly connect: (url: string, link: Link) => Transport;
  readonly check: (url: string) => Promise<Check>;
  /** Which Clew a target is, once it has said so: at another address it still knows what it has taken. */
  readonly instanceOf?: (url: string) => string | undefined;
  readonly report?: (text: string) => void;
  readonly clock: Clock;
}

/** The targets of one destination: which are well, and which is to take the next batch. Shared by the destination's lanes. */
export class TargetPool {
  readonly #options: PoolOptions;
  #targets: Targets;
  #balancer: Balancer;
  #health: readonly TargetHealth[];
  /** Targets that went: when, and which Clew each was. */
  readonly #left = new Map<string, { readonly goneMs: number; readonly instance: string | undefined }>();
  readonly #startedMs: number;
  #isStopping = false;
  #cancel: () => void = () => {};

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#targets = newTargets(options.urls, options.weights);
    this.#balancer = BALANCERS[options.balancer]();
    this.#startedMs = options.clock.monotonicMs();
    this.#health = newHealth(prioritiesOf(options), this.#startedMs);
    this.#checkDue();
  }

  /** Chooses targets in another way from now on. A batch that is in doubt stays where it is. */
  balance(name: BalancerName): void {
    this.#balancer = BALANCERS[name]();
  }

  /** Targets have come or gone. What stays keeps its health and its load. */
  change(to: PoolTargets): void {
    const { clock, instanceOf } = this.#options;
    const now = clock.monotonicMs();
    const before = this.#targets;
    for (const url of before.ids) {
      if (!to.urls.includes(url)) this.#left.set(url, { goneMs: now, instance: instanceOf?.(url) });
    }
    for (const url of to.urls) this.#left.delete(url);
    for (const [url, { goneMs }] of this.#left) if (now - goneMs > LIMITS.addressGoneMs) this.#left.delete(url);
    const kept = to.urls.map((url) => before.ids.indexOf(url));
    this.#targets = newTargets(to.urls, to.weights);
    for (const [row, old] of kept.entries()) this.#targets.inflight[row] = before.inflight[old] ?? 0;
    this.#health = changedHealth(this.#health, kept, prioritiesOf(to), now);
    this.#cancel();
    this.#checkDue();
  }

  get urls(): readonly string[] {
    return this.#targets.ids;
  }

  /** What is known of each target at the moment. */
  states(): Omit<HopTarget, 'instance'>[] {
    const share = new Float64Array(this.urls.length);
    shares(this.#health, this.#options.clock.monotonicMs(), share);
    return this.urls.map((url, row) => {
      const { condition = 'down', responseMs, reason = '' } = this.#health[row] ?? {};
      return { url, condition, share: share[row] ?? 0, responseMs: responseMs?.value ?? 0, reason };
    });
  }

  /** A way to whichever target is to be used, for one lane; `name` decides where consistent hashing leads. */
  connect(name: string, pin: Pin, link: Link): Transport {
    return new PooledTransport(this, this.#options, textHash(name), pin, link);
  }

  stop(): void {
    this.#isStopping = true;
    this.#cancel();
  }

  /** The next target; undefined when none can be used now. The only one there is is used whatever is known of it. */
  pick(hash: number): string | undefined {
    if (this.urls.length === 1) return this.urls[0];
    const now = this.#options.clock.monotonicMs();
    this.#health = readmit(this.#health, now);
    shares(this.#health, now, this.#targets.share);
    return this.urls[this.#balancer.pick(this.#targets, hash)];
  }

  /**
   * Where a batch goes that may have been taken by a target: there; to the address that it has now, when it has gone from this one; or,
   * when it has been gone for long, undefined: wherever others go, at the price of being stored twice.
   */
  placeOf(url: string): string | undefined {
    const { instanceOf, clock, report } = this.#options;
    if (this.urls.includes(url)) return url;
    const left = this.#left.get(url);
    const moved =
      left?.instance === undefined ? undefined : this.urls.find((other) => instanceOf?.(other) === left.instance);
    if (moved !== undefined) return moved;
    if (clock.monotonicMs() - (left?.goneMs ?? this.#startedMs) <= LIMITS.addressGoneMs) return url;
    report?.(`${url} has gone: a batch that it may have taken goes elsewhere`);
    return undefined;
  }

  /** A call to a target begins (1) or ends (-1). */
  count(url: string, change: 1 | -1): void {
    const row = this.urls.indexOf(url);
    if (row >= 0) this.#targets.inflight[row] = Math.max(0, (this.#targets.inflight[row] ?? 0) + change);
  }

  noteAnswer(url: string, ok: boolean): void {
    const row = this.urls.indexOf(url);
    if (row >= 0) this.#health = noteAnswer(this.#health, row, ok, this.#options.clock.monotonicMs());
  }

  #checkDue(): void {
    if (this.#isStopping) return;
    const { clock } = this.#options;
    const now = clock.monotonicMs();
    const { rows, health, nextMs } = dueChecks(this.#health, now);
    this.#health = health;
    for (const row of rows) void this.#check(this.urls[row] ?? '');
    this.#cancel = clock.after(Math.max(1, nextMs - now), () => this.#checkDue());
  }

  async #check(url: string): Promise<void> {
    const { check, clock } = this.#options;
    const result = await check(url);
    const row = this.urls.indexOf(url);
    if (row >= 0) this.#health = noteCheck(this.#health, row, result, clock.monotonicMs());
  }
}

const prioritiesOf = ({ urls, priorities }: PoolTargets): readonly number[] => priorities ?? urls.map(() => 0);

const CLOSED: Reply = { kind: 'none', reason: 'the connections were closed', sent: false };
const NOBODY: Reply = { kind: 'none', reason: 'no target can be used now', sent: false };
/** How long a lane waits when no target can be used, before it counts as a failed try. */
const NOBODY_WAIT_MS = 100;

/** One lane's way: to one target after the other, never to another while one has not said what became of a batch. */
class PooledTransport implements Transport {
  readonly #pool: TargetPool;
  readonly #options: PoolOptions;
  readonly #hash: number;
  readonly #pin: Pin;
  readonly #link: Link;
  readonly #ways = new Map<string, Transport>();
  /** The target that has not said what became of the last batch. */
  #stuck: string | undefined;
  /** The target of the last process, which may hold more than that one wrote down. */
  #inherited: string | undefined;
  #isClosed = false;

  constructor(pool: TargetPool, options: PoolOptions, hash: number, pin: Pin, link: Link) {
    this.#pool = pool;
    this.#options = options;
    this.#hash = hash;
    this.#pin = pin;
    this.#link = link;
    const pinned = pin.get() ?? '';
    if (options.failover === 'known' && isAmong(pinned, options.urls)) this.#inherited = pinned;
  }

  async call(call: ExportCall): Promise<Reply> {
    const url = this.#bound(call) ?? this.#pool.pick(this.#hash);
    if (url === undefined) {
      await pause(this.#options.clock, NOBODY_WAIT_MS);
      return NOBODY;
    }
    if (this.#options.failover === 'known' && this.#pin.get() !== url) await this.#pin.set(url);
    // It may have been closed meanwhile: then nothing is opened any more.
    if (this.#isClosed) return CLOSED;
    let way = this.#ways.get(url);
    if (way === undefined) {
      this.#closeOthers(url);
      way = this.#options.connect(url, this.#link);
      this.#ways.set(url, way);
    }
    this.#pool.count(url, 1);
    const reply = await way.call(call);
    this.#pool.count(url, -1);
    this.#pool.noteAnswer(url, isAnswer(reply));
    this.#noteOutcome(url, reply);
    return reply;
  }

  close(): void {
    this.#isClosed = true;
    for (const way of this.#ways.values()) way.close();
  }

  connections(): ReturnType<Transport['connections']> {
    return [...this.#ways.values()].flatMap((way) => way.connections());
  }

  /** The target that a batch must go to, because it may have been sent there before. */
  #bound(call: ExportCall): string | undefined {
    if (this.#stuck !== undefined) this.#stuck = this.#pool.placeOf(this.#stuck);
    if (this.#stuck !== undefined) return this.#stuck;
    if (!this.#isInherited(call) || this.#inherited === undefined) return undefined;
    this.#inherited = this.#pool.placeOf(this.#inherited);
    return this.#inherited;
  }

  /** An earlier process may have sent it. */
  #isInherited({ headers }: ExportCall): boolean {
    const from = headers[HOP_HEADERS.batch]?.split('-')[0] ?? '';
    return from <= this.#pin.inDoubtUpTo;
  }

  /** Ends the ways to targets that have gone. */
  #closeOthers(url: string): void {
    for (const [other, way] of this.#ways) {
      if (other === url || this.#pool.urls.includes(other)) continue;
      way.close();
      this.#ways.delete(other);
    }
  }

  #noteOutcome(url: string, reply: Reply): void {
    if (this.#options.failover === 'always') return;
    const verdict = judge(reply, Number(this.#options.clock.unixNano() / 1_000_000n));
    if (verdict.kind !== 'retry') this.#stuck = undefined;
    else if (!verdict.answered && (reply.kind !== 'none' || reply.sent)) this.#stuck = url;
    // A request that never left, or that is to come again, changes nothing: what was unknown of an earlier try is unknown still.
  }
}

/** Whether a target is one of those that are configured, or at an address of one. */
function isAmong(target: string, urls: readonly string[]): boolean {
  const names = urls.map((url) => withoutAddress(url).url);
  return names.includes(withoutAddress(target).url);
}

/** Whether the target did its part: a refusal is the batch's fault, not the target's. */
function isAnswer(reply: Reply): boolean {
  if (reply.kind === 'http') return reply.status < 500 && reply.status !== 429;
  if (reply.kind === 'grpc') return ![1, 4, 8, 14].includes(reply.code);
  return reply.kind === 'unreadable';
}
