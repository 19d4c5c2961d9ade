import { criticalPaths } from '../../../src/analysis/critical-path.ts';
import { TimedSpans } from '../../../src/analysis/critical-spans.ts';
import { sumPaths } from '../../../src/analysis/critical-sum.ts';
import { LockBook, type LockEvent } from '../../../src/analysis/lock-book.ts';
import type { PoolSpan } from '../../../src/analysis/pool-spans.ts';
import { deadlocksInLog } from '../../../src/analysis/postgres-log.ts';
import type { PoolsAnswer } from '../../../src/query/api-locks.ts';
import { comparisonAnswer, pathSumsAnswer, tracePathAnswer } from '../../../src/query/critical-answers.ts';
import { answerNow, loggedDeadlock, type SeenDeadlock } from '../../../src/query/lock-answers.ts';
import { poolsAnswer } from '../../../src/query/pools.ts';
import type { ShopData } from './answers.ts';

const HOUR_NS = 3_600_000_000_000n;

/** Answers of the API about critical paths and locks of the made-up shop. Null for any other address. */
export function waitingAnswerFor(url: URL, data: ShopData, nowMs: number): unknown {
  const name = url.pathname.replace('/api/v1/', '');
  const isEmpty = data.traces.length === 0;
  if (name === 'deadlocks') {
    if (isEmpty) return answerNow(new LockBook(), nanosOf(nowMs));
    return answerNow(shopLocks(nowMs), nanosOf(nowMs), databaseDeadlocks(nowMs));
  }
  if (name === 'pools') return isEmpty ? { traces: 0, spans: 0, truncated: false, risks: [] } : shopPools();
  const [, traceId] = /^traces\/([0-9a-f]{32})\/critical-path$/.exec(name) ?? [];
  if (traceId === undefined && !name.startsWith('critical-path')) return null;
  if (traceId !== undefined) {
    const table = tableOf(data, (id) => id === traceId);
    return table.spans.count === 0 ? null : tracePathAnswer(table, 'crisp', false);
  }
  const half = Math.floor(data.traces.length / 2);
  const older = new Set(data.traces.slice(half).map(({ made }) => made.traceId));
  if (name === 'critical-path')
    return pathSumsAnswer(
      summaryOf(data, () => true),
      'crisp',
      false,
    );
  const end = nanosOf(nowMs);
  return comparisonAnswer(
    {
      summary: summaryOf(data, (id) => older.has(id)),
      start: end - 2n * HOUR_NS,
      end: end - HOUR_NS,
      truncated: false,
    },
    { summary: summaryOf(data, (id) => !older.has(id)), start: end - HOUR_NS, end, truncated: false },
    'crisp',
  );
}

const nanosOf = (ms: number): bigint => BigInt(Math.round(ms)) * 1_000_000n;

function tableOf(data: ShopData, isWanted: (traceId: string) => boolean) {
  const flat = data.traces.flatMap(({ spans }) => spans).filter(({ span }) => isWanted(span.traceId));
  const timed = new TimedSpans(flat.length);
  for (const { span, service, durationNs } of flat) {
    timed.add({
      traceId: span.traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId ?? '',
      kind: span.kind ?? 0,
      service,
      operation: span.name ?? '',
      startNs: BigInt(span.startTimeUnixNano ?? 0),
      durationNs: BigInt(Math.round(durationNs)),
    });
  }
  return timed.finish();
}

function summaryOf(data: ShopData, isWanted: (traceId: string) => boolean) {
  const { spans } = tableOf(data, isWanted);
  return sumPaths(spans, criticalPaths(spans, 'crisp'));
}

/** What the log of the shop's database told an hour ago. */
function databaseDeadlocks(nowMs: number): SeenDeadlock[] {
  const trace = '5b8efff798038103d269b633813fc60c';
  const log = `DETAIL:  Process 4711 waits for ShareLock on transaction 746; blocked by process 4712.
\tProcess 4712 waits for ShareLock on transaction 747; blocked by process 4711.
\tProcess 4711: UPDATE stock SET level = level - 1 WHERE sku = 17 /* traceparent='00-${trace}-00f067aa0ba902b7-01' */
\tProcess 4712: UPDATE stock SET level = level - 2 WHERE sku = 12`;
  return deadlocksInLog(log, nanosOf(nowMs - 3_600_000)).map((logged) => loggedDeadlock(logged, 'stock-db'));
}

/** Four requests at once that come back from pricing to catalog, whose three workers they hold. */
function shopPools(): PoolsAnswer {
  const list = [1, 2, 3, 4].flatMap((request) => {
    const about = (id: number, kind: number, service: string): PoolSpan => ({
      traceId: request.toString(16).repeat(32),
      spanId: id.toString(16).padStart(16, '0'),
      parentSpanId: id === 1 ? '' : (id - 1).toString(16).padStart(16, '0'),
      kind,
      service,
      operation: 'GET',
      startNs: BigInt(100 * request + id),
      durationNs: BigInt(1_000 - 2 * id),
      pool: '',
      capacity: 0,
      workers: service === 'catalog' ? 3 : 0,
    });
    const path = ['catalog', 'pricing', 'catalog', 'pricing'];
    return path.flatMap((service, i) => [about(2 * i + 1, 2, service), about(2 * i + 2, 3, service)]);
  });
  return poolsAnswer(list, new Map(), false);
}

/** Three requests in a circle, and two that only wait behind it. */
function shopLocks(nowMs: number): LockBook {
  const book = new LockBook();
  const tell = (
    secondsAgo: number,
    kind: LockEvent['kind'],
    service: string,
    resource: string,
    request: number,
  ): void => {
    const traceId = (0xabc0 + request * 0x1111).toString(16).repeat(8).slice(0, 32);
    const timeNs = nanosOf(nowMs - secondsAgo * 1_000);
    const plain = { claim: '', mode: 'exclusive', amount: 1, capacity: 1, priority: 0 };
    book.take({ ...plain, kind, timeNs, owner: traceId, resource, service, traceId });
  };
  const locks: readonly (readonly [string, string])[] = [
    ['cart', 'cart:8'],
    ['inventory', 'stock:4711'],
    ['payment', 'account:17'],
  ];
  for (const [i, [service, resource]] of locks.entries()) tell(30 - i, 'acquired', service, resource, i);
  for (const i of locks.keys()) {
    const [service, resource] = locks[(i + 1) % locks.length];
    tell(20 - i, 'wait', service, resource, i);
  }
  tell(12, 'wait', 'cart', 'cart:8', 3);
  tell(9, 'wait', 'payment', 'account:17', 4);
  return book;
}
