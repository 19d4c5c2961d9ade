import { findDeadlocks } from '../analysis/deadlock.ts';
import { DeadlockWatch } from '../analysis/deadlock-watch.ts';
import { LockBook } from '../analysis/lock-book.ts';
import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import { errorText } from '../host/disk.ts';
import type { Engine } from '../store/engine.ts';
import type { DeadlockAnswer, LockOwnerAnswer, LockSnapshotAnswer, LocksAnswer } from './api-locks.ts';
import { deadlockAnswer, locksAnswer, ownerAnswer } from './lock-answers.ts';
import { readLockEvents, readPostgresDeadlocks } from './lock-events.ts';
import { readSnapshot } from './lock-snapshot.ts';

export interface LockDeskOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly report: (text: string) => void;
  /** Told of each deadlock once, when it is confirmed, with a sentence about it. */
  readonly onConfirmed?: (text: string, deadlock: DeadlockAnswer) => void;
}

/** Reads new lock events from the stored logs every few seconds, takes snapshots, and answers with what is deadlocked. */
export class LockDesk {
  readonly #options: LockDeskOptions;
  readonly #book = new LockBook();
  readonly #watch = new DeadlockWatch();
  /** What the members of a deadlock held when it was last seen, by its name. */
  readonly #members = new Map<string, readonly LockOwnerAnswer[]>();
  #cancel: () => void = () => undefined;
  #isClosed = false;
  #lookBackMs: number = LIMITS.lockHistoryMs;
  #running: Promise<void> = Promise.resolve();
  #lastFailure = '';

  constructor(options: LockDeskOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#look();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#running;
  }

  /** Takes what a source tells of its locks; a look follows at once. */
  snapshot(body: unknown): LockSnapshotAnswer {
    const { source, snapshot } = readSnapshot(body, this.#options.clock.unixNano());
    this.#book.takeSnapshot(source, snapshot);
    this.#judge();
    return { holds: snapshot.holds.length, waits: snapshot.waits.length };
  }

  answer(): LocksAnswer {
    const table = this.#book.table();
    const owners = table.owners().map((owner) => ownerAnswer(this.#book, table, owner));
    const deadlocks = this.#watch
      .all()
      .map((watched) => ({ ...watched, members: this.#members.get(watched.deadlock.name) ?? [] }));
    return locksAnswer(owners, findDeadlocks(table), deadlocks, this.#options.clock.unixNano());
  }

  async #look(): Promise<void> {
    try {
      const events = await readLockEvents(this.#options.engine, this.#options.clock.unixNano(), this.#lookBackMs);
      for (const event of events) this.#book.take(event);
      await this.#readPostgres();
      this.#lookBackMs = LIMITS.lockLateMs;
      this.#judge();
      this.#lastFailure = '';
    } catch (error) {
      // Said once: the next look tries again.
      const failure = errorText(error);
      if (failure !== this.#lastFailure && !this.#isClosed) {
        this.#options.report(`lock events cannot be read: ${failure}`);
      }
      this.#lastFailure = failure;
    }
    if (this.#isClosed) return;
    this.#cancel = this.#options.clock.after(LIMITS.lockLookMs, () => {
      this.#running = this.#look();
    });
  }

  async #readPostgres(): Promise<void> {
    const { engine, clock, report } = this.#options;
    for (const seen of await readPostgresDeadlocks(engine, clock.unixNano(), this.#lookBackMs)) {
      if (!this.#watch.takeResolved(seen)) continue;
      this.#members.set(seen.deadlock.name, seen.members);
      const { members, victims } = seen.deadlock;
      report(
        `deadlock: ${namesText(members)} waited for one another; PostgreSQL aborted ${victims.victims.join(', ')}`,
      );
    }
  }

  #judge(): void {
    const nowNs = this.#options.clock.unixNano();
    this.#book.forget(nowNs);
    const table = this.#book.table();
    const found = findDeadlocks(table);
    const confirmed = this.#watch.look(found, nowNs);
    for (const { name, members } of found.deadlocks) {
      this.#members.set(
        name,
        members.map((owner) => ownerAnswer(this.#book, table, owner)),
      );
    }
    const kept = new Set(this.#watch.all().map(({ deadlock }) => deadlock.name));
    for (const name of this.#members.keys()) if (!kept.has(name)) this.#members.delete(name);
    for (const watched of confirmed) {
      const { name, members, victims } = watched.deadlock;
      const answer = deadlockAnswer({ ...watched, members: this.#members.get(name) ?? [] });
      this.#options.onConfirmed?.(deadlockText(members, victims.victims), answer);
    }
  }
}

function deadlockText(members: readonly string[], victims: readonly string[]): string {
  return `deadlock: ${namesText(members)} wait for one another${victims.length === 0 ? '' : `; aborting ${victims.join(', ')} resolves it`}`;
}

const namesText = (members: readonly string[]): string => members.slice(0, 10).join(', ');
