import { type DeadlockReport, findDeadlocks } from '../analysis/deadlock.ts';
import { DeadlockWatch, type WatchedDeadlock } from '../analysis/deadlock-watch.ts';
import type { LockBook } from '../analysis/lock-book.ts';
import type { LockClaim, LockTable } from '../analysis/lock-table.ts';
import type { DeadlockAnswer, LockClaimAnswer, LockOwnerAnswer, LocksAnswer } from './api-locks.ts';

/** A deadlock with what its members held when it was seen. */
export interface SeenDeadlock extends WatchedDeadlock {
  readonly members: readonly LockOwnerAnswer[];
}

export function ownerAnswer(book: LockBook, table: LockTable, owner: string): LockOwnerAnswer {
  const { service, traceId } = book.seen(owner);
  const holds = table.holdsOf(owner).map(claimAnswer);
  return { owner, service, traceId, holds, waits: table.waitsOf(owner).map(claimAnswer) };
}

const claimAnswer = ({ resource, mode, amount, sinceNs }: LockClaim): LockClaimAnswer => ({
  resource,
  mode,
  amount,
  sinceUnixNano: sinceNs.toString(),
});

export function locksAnswer(
  owners: readonly LockOwnerAnswer[],
  { edges }: Pick<DeadlockReport, 'edges'>,
  deadlocks: readonly SeenDeadlock[],
  nowNs: bigint,
): LocksAnswer {
  return { timeUnixNano: nowNs.toString(), deadlocks: deadlocks.map(deadlockAnswer), owners, edges };
}

function deadlockAnswer({ deadlock, members, ...watched }: SeenDeadlock): DeadlockAnswer {
  return {
    kind: deadlock.kind,
    state: watched.state,
    members,
    cycle: deadlock.cycle,
    bystanders: watched.bystanders,
    sinceUnixNano: deadlock.sinceNs.toString(),
    noticedUnixNano: watched.noticedNs.toString(),
    confirmedUnixNano: watched.confirmedNs?.toString() ?? null,
    overUnixNano: watched.overNs?.toString() ?? null,
    victims: deadlock.victims.victims,
    frees: deadlock.victims.frees,
    order: deadlock.order,
  };
}

/** What is deadlocked at the end of all that was told: nothing more is on its way, so everything found is confirmed. */
export function answerNow(book: LockBook, nowNs: bigint): LocksAnswer {
  const table = book.table();
  const found = findDeadlocks(table);
  const watch = new DeadlockWatch();
  watch.look(found, nowNs);
  const owners = table.owners().map((owner) => ownerAnswer(book, table, owner));
  const deadlocks = watch.all().map((watched) => ({
    ...watched,
    state: 'confirmed' as const,
    confirmedNs: nowNs,
    members: watched.deadlock.members.map((owner) => ownerAnswer(book, table, owner)),
  }));
  return locksAnswer(owners, found, deadlocks, nowNs);
}
