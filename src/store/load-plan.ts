import { LIMITS } from '../base/limits.ts';
import type { Forgetting } from '../journal/forget.ts';
import type { SealedSegment } from '../journal/sealed.ts';
import { EngineError } from './engine.ts';

/** A sealed segment on its way into the store. */
export interface PendingLoad {
  /** Read again before each repeat: its receiver may have rebuilt the files. */
  sealed: SealedSegment;
  readonly seenAtMs: number;
  /** Tables of it that this process has inserted: a repeat after a failure goes on with the others. */
  readonly inserted: Set<string>;
  /** How far it is forgotten, once all of it is inserted. */
  readonly forgetting: Forgetting;
  running: boolean;
  tries: number;
  /** Tries in a row that ended with `permanentError`. */
  permanentTries: number;
  permanentError: string;
  notBeforeMs: number;
}

export function pendingLoad(sealed: SealedSegment, nowMs: number): PendingLoad {
  return {
    sealed,
    seenAtMs: nowMs,
    inserted: new Set(),
    forgetting: { at: 'sealed' },
    running: false,
    tries: 0,
    permanentTries: 0,
    permanentError: '',
    notBeforeMs: nowMs,
  };
}

/** Files that are not what the manifest says: loading them again cannot succeed. */
export class DamagedSegment extends Error {}

/**
 * ClickHouse's codes for rows that cannot be read or do not fit their table. Only these set a segment aside: with any other
 * error (no memory, no space, no server, no such table, …) the segment is good and the store is not, so it is tried for ever.
 */
const PERMANENT_CODES: ReadonlySet<number> = new Set([
  6, // CANNOT_PARSE_TEXT
  8, // THERE_IS_NO_COLUMN
  10, // NOT_FOUND_COLUMN_IN_BLOCK
  16, // NO_SUCH_COLUMN_IN_TABLE
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  32, // ATTEMPT_TO_READ_AFTER_EOF
  33, // CANNOT_READ_ALL_DATA
  36, // BAD_ARGUMENTS
  50, // UNKNOWN_TYPE
  53, // TYPE_MISMATCH
  70, // CANNOT_CONVERT_TYPE
  117, // INCORRECT_DATA
  190, // SIZES_OF_ARRAYS_DONT_MATCH
  636, // CANNOT_EXTRACT_TABLE_STRUCTURE
]);

function isPermanent(error: unknown): boolean {
  return error instanceof DamagedSegment || (error instanceof EngineError && PERMANENT_CODES.has(error.code));
}

/** Notes a failed try. True: the segment is to be set aside. */
export function noteFailure(load: PendingLoad, error: unknown, nowMs: number): boolean {
  load.tries++;
  load.notBeforeMs = nowMs + Math.min(LIMITS.loadRetryMsMin * 2 ** Math.min(load.tries - 1, 16), LIMITS.loadRetryMsMax);
  const message = error instanceof Error ? error.message : String(error);
  if (!isPermanent(error)) {
    load.permanentTries = 0;
    return false;
  }
  load.permanentTries = load.permanentError === message ? load.permanentTries + 1 : 1;
  load.permanentError = message;
  return load.permanentTries >= LIMITS.loadTriesMax;
}

/** The oldest segment whose turn has come, over all receivers. One that waits for its next try does not hold up the others. */
export function nextLoad(pending: Iterable<PendingLoad>, nowMs: number): PendingLoad | undefined {
  let oldest: PendingLoad | undefined;
  for (const load of pending) {
    if (load.running || load.notBeforeMs > nowMs) continue;
    if (oldest === undefined || isBefore(load.sealed, oldest.sealed)) oldest = load;
  }
  return oldest;
}

function isBefore(a: SealedSegment, b: SealedSegment): boolean {
  return a.segment === b.segment ? a.receiver < b.receiver : a.segment < b.segment;
}

/** The insert token: the same for the same rows, whichever process writes or loads them, and after any crash. */
export function insertToken(sealed: SealedSegment, table: string): string {
  return `${sealed.instance}/r${sealed.receiver}/${sealed.segment}/${table}`;
}
