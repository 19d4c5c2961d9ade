import { type LockTable, reduce } from './lock-table.ts';

/** Whom to abort, and who can go on then. */
export interface VictimPlan {
  readonly victims: readonly string[];
  /** Owners that finish then and would not otherwise, the victims left out. */
  readonly frees: readonly string[];
}

/** Chooses the cheapest member whose end resolves a deadlock; where no single one does, the fewest of the cheap ones that are all needed. */
export function chooseVictims(table: LockTable, members: readonly string[]): VictimPlan {
  const only = new Set(members);
  const resolves = (victims: readonly string[]): boolean =>
    reduce(table, { queues: false, only, without: new Set(victims) }).stuck.size === 0;
  const byCost = [...members].sort((a, b) => compareCost(table, a, b));
  const single = byCost.find((owner) => resolves([owner]));
  const victims = single === undefined ? several(byCost, resolves) : [single];
  const before = reduce(table, { queues: false }).stuck;
  const after = reduce(table, { queues: false, without: new Set(victims) }).stuck;
  return { victims, frees: [...before].filter((owner) => !after.has(owner) && !victims.includes(owner)).sort() };
}

/** Lower priority, fewer restarts so far, less work lost (younger), fewer locks held; then by name. */
function compareCost(table: LockTable, a: string, b: string): number {
  const one = table.ownerOf(a);
  const other = table.ownerOf(b);
  const [youngA, youngB] = [startOf(table, a), startOf(table, b)];
  return (
    (one.priority ?? 0) - (other.priority ?? 0) ||
    (one.restarts ?? 0) - (other.restarts ?? 0) ||
    (youngA === youngB ? 0 : youngA > youngB ? -1 : 1) ||
    table.holdsOf(a).length - table.holdsOf(b).length ||
    (a < b ? -1 : 1)
  );
}

/** When its work began; where that is not told, when it took its first lock. */
function startOf(table: LockTable, owner: string): bigint {
  const told = table.ownerOf(owner).startNs;
  if (told !== undefined) return told;
  let start: bigint | undefined;
  for (const { sinceNs } of [...table.holdsOf(owner), ...table.waitsOf(owner)]) {
    if (start === undefined || sinceNs < start) start = sinceNs;
  }
  return start ?? 0n;
}

/** Adds the cheapest until it is resolved, then spares the dearest that are not needed. */
function several(byCost: readonly string[], resolves: (victims: readonly string[]) => boolean): string[] {
  const count = byCost.findIndex((_, i) => resolves(byCost.slice(0, i + 1))) + 1;
  let victims = byCost.slice(0, count === 0 ? byCost.length : count);
  for (const owner of [...victims].reverse()) {
    const fewer = victims.filter((victim) => victim !== owner);
    if (resolves(fewer)) victims = fewer;
  }
  return victims;
}
