/**
 * Whether order is kept over all tiers. One client sends log records without any time, one request after the other over a connection; the
 * store gives such a record the time at which the last receiver took it in. So their times at the centre tell the order in which they came.
 */
import http from 'node:http';
import type { RunningClew } from '../support/clew.ts';

const TRACES = 4;
const PAGE = 5_000;
const ANSWER_MS_MAX = 20_000;
const SERVICE = 'order-probe';

export interface OrderComparison {
  /** Log records of so many traces, of one source. */
  readonly orderedTraces: number;
  readonly orderedRecords: number;
  /** Stored records that were taken in at the centre before one of their trace that was sent earlier. */
  readonly outOfOrder: number;
  /** Acknowledged and not stored. */
  readonly lostRecords: number;
  readonly doubledRecords: number;
}

/** A stored record: its trace, its number in the order of sending, and when the centre took it in. */
export interface StoredRecord {
  readonly trace: string;
  readonly number: number;
  readonly takenNs: bigint;
}

export interface OrderProbe {
  /** Resolves when the last request has its answer. */
  stop(): Promise<void>;
  compare(clew: RunningClew): Promise<OrderComparison>;
}

/** Sends until it is stopped; what was not acknowledged is not sent again. */
export function startOrderProbe(port: number): OrderProbe {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const acknowledged = new Set<number>();
  let isStopping = false;
  const sending = (async () => {
    for (let number = 1; !isStopping; number++) {
      if ((await send(agent, port, number)) === 200) acknowledged.add(number);
      else await new Promise((resolve) => setTimeout(resolve, 50));
    }
    agent.destroy();
  })();
  return {
    stop() {
      isStopping = true;
      return sending;
    },
    compare: async (clew) => compareOrder(acknowledged, await stored(clew)),
  };
}

const traceOf = (number: number): string => (0xc0ffee00 + (number % TRACES)).toString(16).padStart(32, 'a');

/** The status of its answer; 0 when there is none. */
function send(agent: http.Agent, port: number, number: number): Promise<number> {
  const record = { traceId: traceOf(number), body: { stringValue: String(number) } };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: SERVICE } }] };
  const body = JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/v1/logs', method: 'POST', agent, headers };
    const request = http.request(options, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', () => resolve(0));
    });
    request.setTimeout(ANSWER_MS_MAX, () => request.destroy());
    request.on('error', () => resolve(0));
    request.end(body);
  });
}

async function stored(clew: RunningClew): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  for (let after = 0; ; ) {
    const rows = await clew.sql(
      `SELECT toUInt64(Body) AS number, TraceId, toString(toUnixTimestamp64Nano(Timestamp)) FROM otel_logs
       WHERE ServiceName = '${SERVICE}' AND number > ${after} ORDER BY number LIMIT ${PAGE}`,
    );
    for (const [number, trace, takenNs] of rows) {
      found.push({ trace: String(trace), number: Number(number), takenNs: BigInt(String(takenNs)) });
      after = Number(number);
    }
    if (rows.length < PAGE) return found;
  }
}

/** @param found in the order of their numbers */
export function compareOrder(acknowledged: ReadonlySet<number>, found: readonly StoredRecord[]): OrderComparison {
  const latest = new Map<string, bigint>();
  const numbers = new Set<number>();
  let outOfOrder = 0;
  for (const { trace, number, takenNs } of found) {
    numbers.add(number);
    const before = latest.get(trace) ?? 0n;
    if (takenNs < before) outOfOrder++;
    else latest.set(trace, takenNs);
  }
  return {
    orderedTraces: latest.size,
    orderedRecords: found.length,
    outOfOrder,
    lostRecords: [...acknowledged].filter((number) => !numbers.has(number)).length,
    doubledRecords: found.length - numbers.size,
  };
}
