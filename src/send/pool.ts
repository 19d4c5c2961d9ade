import type { HopTarget } from '../base/fleet.ts';
import { HOP_HEADERS } from '../base/names.ts';
import { type Clock, pause } from '../host/clock.ts';
import { judge } from './answer.ts';
import { BALANCERS, type BalancerName } from './balance/balancer.ts';
import { textHash } from './balance/hash.ts';
import { type Balancer, newTargets, type Targets } from './balance/targets.ts';
import {
  type Check,
  dueChecks,
  newHealth,
  noteAnswer,
  noteCheck,
  readmit,
  shares,
  type TargetHealth,
} from './health.ts';
import type { Link } from './link.ts';
import type { Position } from './position.ts';
import type { ExportCall, Reply, Transport } from './transport.ts';

/** The target that a lane sent to last, kept durably: after a crash only that one can say what it holds. */
export interface Pin {
  get(): string | undefined;
  /** Resolves when it is durable, and with it how far the lane is: all after that was sent to this target or not at all. */
  set(url: string): Promise<void>;
  /** What earlier processes may have sent lies up to here. */
  readonly inDoubtUpTo: Position;
}

export interface PoolOptions {
  /** URLs, which also name the targets. */
  readonly urls: readonly string[];
  /** One for each: 0 is used first, a higher one only while every target of the lower ones is out. All 0 where nothing is said. */
  readonly priorities?: readonly number[];
  /** One for each: how much of the load it gets beside the others. All 1 where nothing is said. */
  readonly weights?: readonly number[];
  readonly balancer: BalancerName;
  /** A batch whose outcome is not known goes to another target (`always`), at the price of being stored twice; or stays (`known`). */
  readonly failover: 'known' | 'always';
  readonly connect: (url: string, link: Link) => Transport;
  readonly check: (url: string) => Promise<Check>;
  readonly clock: Clock;
}

/** The targets of one destination: which are well, and which is to take the next batch. Shared by the destination's lanes. */
export class TargetPool {
  readonly #options: PoolOptions;
  readonly #targets: Targets;
  #balancer: Balancer;
  #health: readonly TargetHealth[];
  #isStopping = false;
  #cancel: () => void = () => {};

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#targets = newTargets(options.urls, options.weights);
    this.#balancer = BALANCERS[options.balancer]();
    const now = options.clock.monotonicMs();
    this.#health = newHealth(options.priorities ?? options.urls.map(() => 0), now);
    this.#checkDue();
  }

  /** Chooses targets in another way from now on. A batch that is in doubt stays where it is. */
  balance(name: BalancerName): void {
    this.#balancer = BALANCERS[name]();
  }

  /** What is known of each target at the moment. */
  states(): Omit<HopTarget, 'instance'>[] {
    const { urls, clock } = this.#options;
    const share = new Float64Array(urls.length);
    shares(this.#health, clock.monotonicMs(), share);
    return urls.map((url, row) => {
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

  /** The row of the next target; -1 when none can be used now. */
  pick(hash: number): number {
    const now = this.#options.clock.monotonicMs();
    this.#health = readmit(this.#health, now);
    shares(this.#health, now, this.#targets.share);
    return this.#balancer.pick(this.#targets, hash);
  }

  /** A call to a target begins (1) or ends (-1). */
  count(row: number, change: 1 | -1): void {
    this.#targets.inflight[row] = (this.#targets.inflight[row] ?? 0) + change;
  }

  noteAnswer(row: number, ok: boolean): void {
    this.#health = noteAnswer(this.#health, row, ok, this.#options.clock.monotonicMs());
  }

  #checkDue(): void {
    if (this.#isStopping) return;
    const { clock } = this.#options;
    const now = clock.monotonicMs();
    const { rows, health, nextMs } = dueChecks(this.#health, now);
    this.#health = health;
    for (const row of rows) void this.#check(row);
    this.#cancel = clock.after(Math.max(1, nextMs - now), () => this.#checkDue());
  }

  async #check(row: number): Promise<void> {
    const { urls, check, clock } = this.#options;
    const result = await check(urls[row] ?? '');
    this.#health = noteCheck(this.#health, row, result, clock.monotonicMs());
  }
}

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
  readonly #ways = new Map<number, Transport>();
  /** The target that has not said what became of the last batch. */
  #stuck: number | undefined;
  /** The target of the last process, which may hold more than that one wrote down. */
  #inherited: number | undefined;

  constructor(pool: TargetPool, options: PoolOptions, hash: number, pin: Pin, link: Link) {
    this.#pool = pool;
    this.#options = options;
    this.#hash = hash;
    this.#pin = pin;
    this.#link = link;
    const pinned = options.urls.indexOf(pin.get() ?? '');
    if (pinned >= 0 && options.failover === 'known') this.#inherited = pinned;
  }

  async call(call: ExportCall): Promise<Reply> {
    const row = this.#stuck ?? this.#inheritedFor(call) ?? this.#pool.pick(this.#hash);
    const url = this.#options.urls[row];
    if (url === undefined) {
      await pause(this.#options.clock, NOBODY_WAIT_MS);
      return NOBODY;
    }
    if (this.#options.failover === 'known' && this.#pin.get() !== url) await this.#pin.set(url);
    let way = this.#ways.get(row);
    if (way === undefined) {
      way = this.#options.connect(url, this.#link);
      this.#ways.set(row, way);
    }
    this.#pool.count(row, 1);
    const reply = await way.call(call);
    this.#pool.count(row, -1);
    this.#pool.noteAnswer(row, isAnswer(reply));
    this.#noteOutcome(row, reply);
    return reply;
  }

  close(): void {
    for (const way of this.#ways.values()) way.close();
  }

  connections(): ReturnType<Transport['connections']> {
    return [...this.#ways.values()].flatMap((way) => way.connections());
  }

  /** The target that a batch must go to because an earlier process may have sent it there. */
  #inheritedFor({ headers }: ExportCall): number | undefined {
    const from = headers[HOP_HEADERS.batch]?.split('-')[0] ?? '';
    return from <= this.#pin.inDoubtUpTo ? this.#inherited : undefined;
  }

  #noteOutcome(row: number, reply: Reply): void {
    if (this.#options.failover === 'always') return;
    const verdict = judge(reply, Number(this.#options.clock.unixNano() / 1_000_000n));
    if (verdict.kind !== 'retry') this.#stuck = undefined;
    else if (!verdict.answered && (reply.kind !== 'none' || reply.sent)) this.#stuck = row;
    // A request that never left, or that is to come again, changes nothing: what was unknown of an earlier try is unknown still.
  }
}

/** Whether the target did its part: a refusal is the batch's fault, not the target's. */
function isAnswer(reply: Reply): boolean {
  if (reply.kind === 'http') return reply.status < 500 && reply.status !== 429;
  if (reply.kind === 'grpc') return ![1, 4, 8, 14].includes(reply.code);
  return reply.kind === 'unreadable';
}
