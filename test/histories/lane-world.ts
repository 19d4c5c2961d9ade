import { keepHistory } from '../../src/base/history.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { lineBuilder } from '../../src/history/tiers-world.ts';
import { yieldToEvents } from '../../src/host/clock.ts';
import { LyingDisk } from '../../src/host/lying-disk.ts';
import { ManualClock } from '../../src/host/manual-clock.ts';
import { seededChance } from '../../src/host/seeded-chance.ts';
import { receiverDirectory } from '../../src/journal/segment-files.ts';
import { type Intake, openIntake } from '../../src/receive/intake.ts';
import { newClient } from '../../src/receive/shares.ts';
import { DeadLetters } from '../../src/send/dead.ts';
import { Forwarder } from '../../src/send/forwarder.ts';
import { Progress } from '../../src/send/progress.ts';
import type { Reply, Transport } from '../../src/send/transport.ts';

/*
 * One destination of one Clew for histories in ticks: the real intake with its quota and the real forwarder with one lane, whose
 * destination answers every request, within a bounded time and now and then with "come again". Each request is sealed at once and is a
 * batch of its own. Nothing crashes, and only answers and pauses take time.
 */

/** What intake, lane and journal record of it. */
const KEPT = ['Answer', 'Transmit', 'Timeout', 'Resend', 'BatchOk', 'Requeue', 'Save', 'Forget'] as const;

/** What happens. `Refused`: the quota is used up; `Tick`: time passes. */
export type LaneStep = (typeof KEPT)[number] | 'Refused' | 'Tick';

export interface LaneShape {
  /** Requests that wait or are under way. */
  readonly queueMax: number;
  readonly retriesMax: number;
  /** Ticks until an answer, at most. */
  readonly answerTicks: number;
}

export const TICK_MS = 100;
/** Until a giving up is written down: the account is saved this often. */
export const NOTE_TICKS = 1;
const JOURNAL = '/lane/journal';
const DIRECTORY = receiverDirectory(JOURNAL, 0);
const INSTANCE = 'feedc0de00000001';
const ROUNDS = 24;

/** The longest pause between two tries, in ticks: half of each doubled delay is left to chance. */
export function pauseTicks(retriesMax: number): number {
  const longestMs = Math.min(LIMITS.retryDelayMsMax, LIMITS.retryDelayMsMin * 2 ** Math.max(0, retriesMax - 1));
  return Math.ceil(longestMs / TICK_MS);
}

export function laneShape(seed: number): LaneShape {
  const chance = seededChance(seed ^ 0x1a4e);
  const upTo = (most: number): number => Math.floor(chance() * (most + 1));
  return { queueMax: 1 + upTo(3), retriesMax: 1 + upTo(1), answerTicks: 1 + upTo(2) };
}

class LaneWorld {
  readonly steps: LaneStep[] = [];
  readonly #clock = new ManualClock();
  readonly #lying: LyingDisk;
  readonly #chance: () => number;
  readonly #shape: LaneShape;
  readonly #client = newClient();
  #intake: Intake | undefined;
  #forwarder: Forwarder | undefined;
  #count = 0;

  constructor(seed: number, shape: LaneShape) {
    this.#lying = new LyingDisk(seed);
    this.#chance = seededChance(seed);
    this.#shape = shape;
  }

  async start(journalBytesMax: number): Promise<void> {
    const clock = this.#clock;
    const disk = this.#lying.boot();
    this.#intake = await openIntake({
      disk,
      clock,
      directory: DIRECTORY,
      receiver: 0,
      instance: INSTANCE,
      newBuilder: () => lineBuilder(true),
      limits: { diskFreeBytesMin: 0, segmentItemsMax: 1, journalBytesMax },
      onSealed: () => this.#forwarder?.notify(),
      onReport: () => {},
    });
    const policy = { retriesMax: this.#shape.retriesMax, expiresMs: Number.POSITIVE_INFINITY };
    this.#forwarder = new Forwarder({
      disk,
      clock,
      chance: this.#chance,
      journalDirectory: JOURNAL,
      instance: INSTANCE,
      destinations: [{ name: 'next', policy, connect: () => this.#transport() }],
      rewrite: undefined,
      batchLimits: { itemsMax: 1, bytesMax: 4_000, ageMsMax: 0 },
      progress: new Progress(disk, clock, '/lane', () => {}),
      dead: new DeadLetters(disk, '/lane/dead'),
      onForgotten: (_receiver, segment) => this.#intake?.forgotten(segment),
      report: () => {},
    });
    await this.#forwarder.start();
  }

  /** One request; refused when the quota is used up. */
  async request(): Promise<void> {
    const intake = this.#intake;
    if (intake === undefined) return;
    const body = Buffer.from(`${String(this.#count++).padStart(4, '0')}\n`);
    const holder = { client: this.#client, heldBytes: 0 };
    if (!intake.reserve(body.length, holder)) {
      this.steps.push('Refused');
      return;
    }
    const outcome = await intake.export({ signal: 'logs', body, baggage: '' });
    intake.release(body.length, { ...holder, heldBytes: body.length });
    if (outcome.kind !== 'success') throw new Error(`a request that was let in is ${outcome.kind}`);
    await this.quiet();
  }

  async tick(): Promise<void> {
    this.steps.push('Tick');
    this.#clock.advance(TICK_MS);
    await this.quiet();
  }

  /** Until nothing moves any more that waits for no time. */
  async quiet(): Promise<void> {
    for (let calm = 0; calm < 3; calm++) {
      const before = this.#lying.stepCount + this.steps.length;
      for (let turn = 0; turn < 4; turn++) await yieldToEvents();
      if (this.#lying.stepCount + this.steps.length !== before) calm = -1;
    }
  }

  get journalBytes(): number {
    return this.#intake?.vitals().journalBytes ?? 0;
  }

  get isDrained(): boolean {
    return this.#forwarder?.queuedSegments === 0;
  }

  get chance(): () => number {
    return this.#chance;
  }

  async stop(): Promise<void> {
    const stopping = Promise.all([this.#forwarder?.stop(), this.#intake?.close()]);
    for (let round = 0; round < 3; round++) {
      this.#clock.advance(TICK_MS);
      await this.quiet();
    }
    await stopping;
  }

  /** A destination that answers within its time. */
  #transport(): Transport {
    return {
      call: async ({ onBegin }) => {
        onBegin?.();
        const ticks = Math.floor(this.#chance() * (this.#shape.answerTicks + 1));
        if (ticks > 0) await new Promise<void>((resolve) => void this.#clock.after(ticks * TICK_MS, resolve));
        return answer(this.#chance() < 0.45 ? 503 : 200);
      },
      close: () => {},
      connections: () => [],
    };
  }
}

const answer = (status: number): Reply => ({ kind: 'http', status, headers: {}, body: new Uint8Array(0) });

/** Keeps the steps of a world while `task` runs. */
async function recorded(world: LaneWorld, task: () => Promise<void>): Promise<void> {
  let last = '';
  const keep = (step: string): void => {
    const kept = KEPT.find((name) => name === step);
    if (kept !== undefined) world.steps.push(kept);
  };
  keepHistory(keep, (step, stream, _count, at) => {
    if (!stream.includes('-logs-')) return;
    if (step === 'Fill') last = at;
    // Of savings only those that cover what was last in a batch.
    if (step !== 'Save' || at >= last) keep(step);
  });
  try {
    await task();
  } finally {
    keepHistory(undefined);
  }
}

let bytesOf: Promise<{ readonly empty: number; readonly request: number }> | undefined;

/** What the journal of an intake counts for nothing, and for each request: all are of one length. */
function journalBytes(): Promise<{ readonly empty: number; readonly request: number }> {
  bytesOf ??= (async () => {
    const world = new LaneWorld(1, { queueMax: 1, retriesMax: 1, answerTicks: 1_000 });
    await world.start(1_000_000);
    const empty = world.journalBytes;
    await world.request();
    const request = world.journalBytes - empty;
    await world.stop();
    return { empty, request };
  })();
  return bytesOf;
}

/** The history of a seed, from nothing until everything has ended. */
export async function laneHistory(seed: number, shape: LaneShape = laneShape(seed)): Promise<readonly LaneStep[]> {
  const { empty, request } = await journalBytes();
  const world = new LaneWorld(seed, shape);
  await recorded(world, async () => {
    // Room for one request less, and for half of one: the last one finds just enough.
    await world.start(empty + Math.floor((shape.queueMax - 0.5) * request));
    for (let round = 0; round < ROUNDS; round++) {
      const requests = world.chance() < 0.5 ? 0 : Math.floor(world.chance() * 4);
      for (let nth = 0; nth < requests; nth++) await world.request();
      await world.tick();
    }
    for (let round = 0; round < 200 && !world.isDrained; round++) await world.tick();
    if (!world.isDrained) throw new Error(`seed ${seed}: it has no end`);
    await world.stop();
  });
  return world.steps;
}
