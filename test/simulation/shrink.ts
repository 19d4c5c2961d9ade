import type { Violation } from './ledger.ts';
import type { Schedule, Shape } from './schedule.ts';
import { simulate } from './simulation.ts';

/** A schedule that breaks the same promise, and what it says then. */
export interface Shrunk {
  readonly schedule: Schedule;
  readonly violation: Violation;
  /** Schedules that were tried. */
  readonly tried: number;
}

/** What a schedule is made simpler by, in one go. */
const SIMPLER: readonly Partial<Shape>[] = [
  { regionals: 1 },
  { receivers: { edge: 1, regional: 1, central: 1 } },
  { rules: [] },
  { recuts: false },
  { shortReads: false },
  { diskMs: 0 },
  { networkMs: 2 },
  { retriesMax: 256 },
  { transport: 'http' },
  { journalBytesMax: 20_000 },
];

const TRIES_MAX = 600;

/**
 * Leaves out of a schedule what its violation does not need: faults, requests, items, then what makes its shape special. Undefined when
 * the schedule breaks nothing.
 */
export async function shrink(schedule: Schedule): Promise<Shrunk | undefined> {
  let { violation } = await simulate(schedule);
  if (violation === undefined) return undefined;
  const { invariant } = violation;
  let best = schedule;
  let tried = 0;
  const isStillBroken = async (candidate: Schedule): Promise<boolean> => {
    tried++;
    const found = (await simulate(candidate)).violation;
    if (found?.invariant !== invariant) return false;
    [best, violation] = [candidate, found];
    return true;
  };
  for (let size = -1; size !== sizeOf(best) && tried < TRIES_MAX; ) {
    size = sizeOf(best);
    await leaveOut(best.faults.length, (keep) => isStillBroken({ ...best, faults: best.faults.filter(keep) }));
    await leaveOut(best.requests.length, (keep) => isStillBroken({ ...best, requests: best.requests.filter(keep) }));
    for (const { atMs } of [...best.requests]) await oneItem(best, atMs, isStillBroken);
    for (const shape of SIMPLER) {
      if (isPart(best.shape, shape)) continue;
      await isStillBroken({ ...best, shape: { ...best.shape, ...shape } });
    }
  }
  return { schedule: best, violation, tried };
}

const sizeOf = ({ faults, requests, shape }: Schedule): number =>
  faults.length + requests.reduce((sum, { items }) => sum + 1 + items.length, 0) + JSON.stringify(shape).length;

const isPart = (shape: Shape, part: Partial<Shape>): boolean =>
  JSON.stringify({ ...shape, ...part }) === JSON.stringify(shape);

/** Tries without the halves of a list, then without quarters, down to single elements. */
async function leaveOut(
  length: number,
  isStillBroken: (keep: (value: unknown, index: number) => boolean) => Promise<boolean>,
): Promise<void> {
  let left = length;
  for (let part = Math.ceil(length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let from = 0; from < left; ) {
      const until = from + part;
      if (await isStillBroken((_, index) => index < from || index >= until)) left -= Math.min(part, left - from);
      else from = until;
    }
  }
}

async function oneItem(
  schedule: Schedule,
  atMs: number,
  isStillBroken: (candidate: Schedule) => Promise<boolean>,
): Promise<void> {
  const requests = schedule.requests.map((request) =>
    request.atMs === atMs ? { ...request, items: request.items.slice(0, 1) } : request,
  );
  if (requests.some((request, nth) => request.items.length < (schedule.requests[nth]?.items.length ?? 0))) {
    await isStillBroken({ ...schedule, requests });
  }
}
