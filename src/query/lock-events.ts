import type { LockEvent } from '../analysis/lock-book.ts';
import { deadlocksInLog } from '../analysis/postgres-log.ts';
import { LIMITS } from '../base/limits.ts';
import { LOCK_EVENTS, LOCK_KEYS } from '../base/names.ts';
import type { Engine } from '../store/engine.ts';
import { loggedDeadlock, type SeenDeadlock } from './lock-answers.ts';

const KIND_OF = new Map(Object.entries(LOCK_EVENTS).map(([kind, name]) => [name as string, kind as LockEvent['kind']]));

/** The lock events among the stored logs since `lookBackMs` ago, the oldest first. */
export async function readLockEvents(engine: Engine, nowNs: bigint, lookBackMs: number): Promise<LockEvent[]> {
  const params = { since: sinceOf(nowNs, lookBackMs), names: [...KIND_OF.keys()] };
  const { rows } = await engine.query(EVENTS, { ...OPTIONS, params });
  return [...rows].reverse().map((row) => lockEvent(row.map(String)));
}

/** The deadlocks that PostgreSQL ended by itself, as the bodies of stored log records tell. */
export async function readPostgresDeadlocks(
  engine: Engine,
  nowNs: bigint,
  lookBackMs: number,
): Promise<SeenDeadlock[]> {
  const { rows } = await engine.query(POSTGRES, { ...OPTIONS, params: { since: sinceOf(nowNs, lookBackMs) } });
  return rows
    .map((row) => row.map(String))
    .flatMap(([time, service, body]) =>
      deadlocksInLog(body, BigInt(time)).map((logged) => loggedDeadlock(logged, service)),
    );
}

const sinceOf = (nowNs: bigint, lookBackMs: number): string => (nowNs - BigInt(lookBackMs) * 1_000_000n).toString();

/** What is looked for again and again takes one core at most. */
const OPTIONS = { settings: { max_threads: 1 }, timeoutMs: LIMITS.queryTimeMsMax };

const attribute = (key: string): string => `LogAttributes['${key}']`;

const EVENTS = `SELECT toString(toUnixTimestamp64Nano(Timestamp)), EventName, ServiceName, TraceId,
  ${Object.values(LOCK_KEYS).map(attribute).join(', ')}
  FROM otel_logs
  WHERE Timestamp >= fromUnixTimestamp64Nano({since:Int64}) AND EventName IN {names:Array(String)}
  ORDER BY Timestamp DESC LIMIT ${LIMITS.lockEventsMax}`;

/** The words are found through the text index; only bodies that have both are read. */
const POSTGRES = `SELECT toString(toUnixTimestamp64Nano(Timestamp)), ServiceName, Body
  FROM otel_logs
  WHERE Timestamp >= fromUnixTimestamp64Nano({since:Int64}) AND hasToken(lower(Body), 'waits') AND hasToken(lower(Body), 'blocked')
    AND position(Body, '; blocked by process ') > 0
  ORDER BY Timestamp DESC LIMIT ${LIMITS.lockPastMax}`;

/** A lock event from its columns. The owner is the trace where none is named. */
function lockEvent(row: readonly string[]): LockEvent {
  const [time, name, service, traceId, resource, owner, claim, mode, amount, capacity, priority] = row;
  const units = Number(capacity) || 1;
  return {
    kind: KIND_OF.get(name) ?? 'wait',
    timeNs: BigInt(time),
    owner: owner === '' ? traceId : owner,
    resource,
    claim,
    mode: mode === '' ? (units > 1 ? 'unit' : 'exclusive') : mode,
    amount: Number(amount) || 1,
    capacity: units,
    priority: Number(priority) || 0,
    service,
    traceId,
  };
}
