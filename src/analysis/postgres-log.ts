import { LIMITS } from '../base/limits.ts';
import type { Deadlock } from './deadlock.ts';
import type { WaitEdge } from './lock-table.ts';

/** A deadlock that PostgreSQL has found and ended by itself, as its server log tells it. */
export interface LoggedDeadlock {
  readonly deadlock: Deadlock;
  /** Unix nanoseconds of the log line. */
  readonly timeNs: bigint;
  /** What each process was running. */
  readonly statements: ReadonlyMap<string, string>;
  /** Lock modes that were waited for, by process. */
  readonly modes: ReadonlyMap<string, string>;
}

const WAIT = /Process (\d+) waits for (\S+) on (.+?); blocked by process (\d+)\./;
const STATEMENT = /^\s*Process (\d+): (.*)$/;
const TIME = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) (?:(?:UTC|GMT)\b|([+-]\d\d)(?::?(\d\d))?)/;

/**
 * The deadlocks in a PostgreSQL log (stderr, csvlog, or the body of a log record): `Process 1 waits for ShareLock on transaction 7; blocked by
 * process 2.` and so on, until one is blocked by the first. That first process is the one that PostgreSQL aborted. A line without a time, or
 * with one in a named zone other than UTC, is taken to be of `timeNs`.
 */
export function deadlocksInLog(text: string, timeNs: bigint): LoggedDeadlock[] {
  const found: LoggedDeadlock[] = [];
  const lines = text.split('\n');
  let chain: WaitEdge[] = [];
  let modes = new Map<string, string>();
  let lineNs = timeNs;
  for (let i = 0; i < lines.length; i++) {
    const [, waiter, mode, resource, blocker] = WAIT.exec(lines[i]) ?? [];
    if (waiter === undefined) {
      chain = [];
      continue;
    }
    const edge = { waiter: ownerOf(waiter), blocker: ownerOf(blocker), resource, isSoft: false };
    // A line that does not go on where the last one ended begins another deadlock.
    if (chain.length === 0 || chain[chain.length - 1].blocker !== edge.waiter) {
      chain = [];
      modes = new Map();
      lineNs = timeOf(lines[i]) ?? timeNs;
    }
    chain.push(edge);
    modes.set(edge.waiter, mode);
    if (edge.blocker !== chain[0].waiter) continue;
    found.push({ deadlock: deadlockOf(chain, lineNs), timeNs: lineNs, statements: statementsOf(lines, i + 1), modes });
    chain = [];
  }
  return found;
}

/** The trace that a statement names in its comment, as sqlcommenter and the instrumentations of OpenTelemetry write it; '' where none is. */
export function traceOf(statement: string): string {
  const [, traceId = ''] = /traceparent='?00-([0-9a-f]{32})-/.exec(statement) ?? [];
  return traceId;
}

const ownerOf = (process: string): string => `pid ${process}`;

/**
 * The statements that follow a chain of waits; those of several lines are joined. In a log of lines a further line begins with a tab; in csvlog
 * and jsonlog it does not, and the end of a CSV field ends the last statement.
 */
function statementsOf(lines: readonly string[], from: number): Map<string, string> {
  const statements = new Map<string, string>();
  const isTabbed = lines[from]?.startsWith('\t') === true;
  let owner = '';
  for (const line of lines.slice(from)) {
    if (isTabbed && !line.startsWith('\t')) break;
    const [text, ...rest] = isTabbed ? [line] : line.split(/(?<!")"(?:"")*,/);
    const [, process, statement] = STATEMENT.exec(text) ?? [];
    if (process !== undefined) {
      owner = ownerOf(process);
      statements.set(owner, statement);
    } else if (owner === '') break;
    else statements.set(owner, `${statements.get(owner)} ${text.trim()}`.slice(0, LIMITS.lockDoingCharsMax));
    if (rest.length > 0) break;
  }
  return statements;
}

function timeOf(line: string): bigint | undefined {
  const [, day, time, hours = '+00', minutes = '00'] = TIME.exec(line) ?? [];
  const ms = Date.parse(`${day}T${time}${hours}:${minutes}`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n;
}

function deadlockOf(chain: readonly WaitEdge[], timeNs: bigint): Deadlock {
  const victim = chain[0].waiter;
  const members = chain.map(({ waiter }) => waiter).sort();
  const first = chain.findIndex(({ waiter }) => waiter === members[0]);
  return {
    kind: 'cycle',
    members,
    cycle: [...chain.slice(first), ...chain.slice(0, first)],
    sinceNs: timeNs,
    name: `postgres ${timeNs} ${chain.map(({ waiter, resource }) => `${waiter}@${resource}`).join(' ')}`,
    victims: { victims: [victim], frees: members.filter((member) => member !== victim) },
    order: [],
  };
}
