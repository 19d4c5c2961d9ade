import { LIMITS } from '../base/limits.ts';
import type { Deadlock, DeadlockReport } from './deadlock.ts';

/**
 * A deadlock through time. suspected: every wait of it was told, but the end of one may still be on its way; confirmed: unchanged at a later
 * look; over: at least one of its waits ended.
 */
export interface WatchedDeadlock {
  readonly deadlock: Deadlock;
  readonly state: 'suspected' | 'confirmed' | 'over';
  /** Names that only wait behind it. */
  readonly bystanders: readonly string[];
  /** Unix nanoseconds. */
  readonly noticedNs: bigint;
  readonly confirmedNs: bigint | null;
  readonly overNs: bigint | null;
  /** Who ended it and told so, for example PostgreSQL; '' where nobody did. */
  readonly resolvedBy: string;
}

/** Follows deadlocks from look to look, each one once: the same members with the same waits are the same deadlock. */
export class DeadlockWatch {
  #now = new Map<string, WatchedDeadlock>();
  readonly #past: WatchedDeadlock[] = [];

  /** Takes what a look found; returns those that are confirmed by it. */
  look(report: DeadlockReport, nowNs: bigint): WatchedDeadlock[] {
    const confirmed: WatchedDeadlock[] = [];
    const before = this.#now;
    this.#now = new Map();
    for (const [index, deadlock] of report.deadlocks.entries()) {
      const bystanders = [...report.bystanders].flatMap(([owner, behind]) => (behind.includes(index) ? [owner] : []));
      const known = before.get(deadlock.name);
      const noticedNs = known?.noticedNs ?? nowNs;
      const isOld = nowNs - noticedNs >= BigInt(LIMITS.lockConfirmMs) * 1_000_000n;
      const confirmedNs = known?.confirmedNs ?? (known !== undefined && isOld ? nowNs : null);
      const state = confirmedNs === null ? 'suspected' : 'confirmed';
      const watched: WatchedDeadlock = {
        deadlock,
        state,
        bystanders,
        noticedNs,
        confirmedNs,
        overNs: null,
        resolvedBy: '',
      };
      this.#now.set(deadlock.name, watched);
      if (confirmedNs === nowNs) confirmed.push(watched);
    }
    for (const [name, watched] of before) {
      // What was never confirmed may never have been: it is dropped.
      if (this.#now.has(name) || watched.confirmedNs === null) continue;
      this.#past.unshift({ ...watched, state: 'over', overNs: nowNs });
    }
    this.#past.splice(LIMITS.lockPastMax);
    return confirmed;
  }

  /** Takes a deadlock that somebody else found and ended, once; returns whether it is new. */
  takeResolved(watched: WatchedDeadlock): boolean {
    const { name } = watched.deadlock;
    if (this.#past.some((past) => past.deadlock.name === name)) return false;
    this.#past.push(watched);
    this.#past.sort((a, b) => Number((b.overNs ?? 0n) - (a.overNs ?? 0n)));
    return this.#past.splice(LIMITS.lockPastMax).every(({ deadlock }) => deadlock.name !== name);
  }

  /** Those of now, then those of the past, the newest first. */
  all(): WatchedDeadlock[] {
    return [...this.#now.values(), ...this.#past];
  }
}
