import { createHash } from 'node:crypto';
import { type Deadlock, type DeadlockReport, findDeadlocks } from '../analysis/deadlock.ts';
import { DeadlockWatch, type WatchedDeadlock } from '../analysis/deadlock-watch.ts';
import type { LockBook } from '../analysis/lock-book.ts';
import type { LockClaim, LockTable } from '../analysis/lock-table.ts';
import { type LoggedDeadlock, traceOf } from '../analysis/postgres-log.ts';
import type { DeadlockAnswer, LockClaimAnswer, LockOwnerAnswer, LocksAnswer } from './api-locks.ts';

/** A deadlock with what its members held when it was seen. */
export interface SeenDeadlock extends WatchedDeadlock {
  readonly members: readonly LockOwnerAnswer[];
}

/** A deadlock that PostgreSQL ended, with what its log says of the members. */
export function loggedDeadlock({ deadlock, timeNs, statements, modes }: LoggedDeadlock, service = ''): SeenDeadlock {
  const sinceUnixNano = timeNs.toString();
  const members = deadlock.cycle.map(({ waiter, resource }): LockOwnerAnswer => {
    const doing = statements.get(waiter) ?? '';
    const wait = { resource, mode: modes.get(waiter) ?? '', amount: 1, sinceUnixNano };
    return { owner: waiter, service, traceId: traceOf(doing), doing, holds: [], waits: [wait] };
  });
  const times = { noticedNs: timeNs, confirmedNs: timeNs, overNs: timeNs };
  return { deadlock, state: 'over', bystanders: [], ...times, resolvedBy: 'PostgreSQL', members };
}

export function ownerAnswer(book: LockBook, table: LockTable, owner: string): LockOwnerAnswer {
  const { service, traceId, doing = '' } = book.seen(owner);
  const holds = table.holdsOf(owner).map(claimAnswer);
  return { owner, service, traceId, doing, holds, waits: table.waitsOf(owner).map(claimAnswer) };
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

/** Names a deadlock in one short word: the same while it lasts, in answers and in what alerts tell. */
const deadlockId = ({ name }: Pick<Deadlock, 'name'>): string =>
  createHash('sha256').update(name).digest('hex').slice(0, 16);

export function deadlockAnswer({ deadlock, members, ...watched }: SeenDeadlock): DeadlockAnswer {
  return {
    id: deadlockId(deadlock),
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
    resolvedBy: watched.resolvedBy,
  };
}

/** What is deadlocked at the end of all that was told: nothing more is on its way, so everything found is confirmed. `past`: what logs tell of others. */
export function answerNow(book: LockBook, nowNs: bigint, past: readonly SeenDeadlock[] = []): LocksAnswer {
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
  return locksAnswer(owners, found, [...deadlocks, ...past], nowNs);
}
