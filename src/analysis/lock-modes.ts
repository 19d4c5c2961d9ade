/** How a resource is held or asked for. `unit`: some of its units (a pool, a semaphore); the others by name. */
export type LockMode = string;

/** Table lock modes of PostgreSQL, weakest first, with those that each conflicts with (its documentation, "Explicit Locking"). */
const POSTGRES: Readonly<Record<string, readonly string[]>> = {
  AccessShareLock: ['AccessExclusiveLock'],
  RowShareLock: ['ExclusiveLock', 'AccessExclusiveLock'],
  RowExclusiveLock: ['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'],
  ShareUpdateExclusiveLock: [
    'ShareUpdateExclusiveLock',
    'ShareLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  ShareLock: [
    'RowExclusiveLock',
    'ShareUpdateExclusiveLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
};

/** Whether two owners cannot have a resource in these modes at once. A mode that is not known conflicts with all. Units are counted instead. */
export function conflict(a: LockMode, b: LockMode): boolean {
  if (a === 'unit' && b === 'unit') return false;
  if (a === 'shared' && b === 'shared') return false;
  const known = POSTGRES[a] ?? POSTGRES[b];
  if (known === undefined) return true;
  return POSTGRES[a] === undefined ? known.includes(a) : known.includes(b);
}
