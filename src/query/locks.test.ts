import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOW, openTestApi, type TestApi } from '../../test/support/api.ts';
import { LIMITS } from '../base/limits.ts';
import { LOCK_EVENTS } from '../base/names.ts';
import type { DeadlockAnswer, LocksAnswer } from './api-locks.ts';
import { LockDesk } from './locks.ts';

/** A clock that only goes when it is told to. */
class HandClock {
  now = NOW;
  #timers: (() => void)[] = [];

  unixNano = (): bigint => this.now;
  monotonicMs = (): number => Number(this.now / 1_000_000n);
  after = (_: number, run: () => void): (() => void) => {
    this.#timers.push(run);
    return () => undefined;
  };

  go(ms: number): void {
    this.now += BigInt(ms) * 1_000_000n;
    const due = this.#timers;
    this.#timers = [];
    for (const run of due) run();
  }
}

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());

/** Log records as the SDK of a service sends them: [seconds before NOW, event, resource, trace]. */
function logs(
  service: string,
  records: readonly (readonly [number, keyof typeof LOCK_EVENTS, string, number])[],
): object {
  return {
    resourceLogs: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
        scopeLogs: [
          {
            logRecords: records.map(([ago, event, resource, trace]) => ({
              timeUnixNano: (NOW - BigInt(ago * 1_000) * 1_000_000n).toString(),
              eventName: LOCK_EVENTS[event],
              traceId: String(trace).padStart(32, '0'),
              spanId: '00000000000000aa',
              attributes: [{ key: 'lock.resource', value: { stringValue: resource } }],
            })),
          },
        ],
      },
    ],
  };
}

const settled = async (desk: LockDesk, state: string): Promise<LocksAnswer> => {
  for (let tries = 0; tries < 2_000; tries++) {
    const answer = desk.answer();
    if (answer.deadlocks.some((deadlock) => deadlock.state === state)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`no deadlock became ${state}`);
};

describe('locks', () => {
  it('are followed from log records: a deadlock is suspected, confirmed and over, once', async () => {
    const clock = new HandClock();
    const reports: string[] = [];
    const told: DeadlockAnswer[] = [];
    const onConfirmed = (text: string, deadlock: DeadlockAnswer): void => {
      reports.push(text);
      told.push(deadlock);
    };
    const desk = new LockDesk({ engine: api.engine, clock, report: (text) => reports.push(text), onConfirmed });
    await api.store(
      'logs',
      logs('cart', [
        [9, 'acquired', 'cart:1', 1],
        [5, 'wait', 'cart:1', 2],
        [4, 'wait', 'cart:1', 3],
      ]),
    );
    await api.store(
      'logs',
      logs('inventory', [
        [9, 'acquired', 'stock:1', 2],
        [6, 'wait', 'stock:1', 1],
      ]),
    );
    desk.start();
    const first = (await settled(desk, 'suspected')).deadlocks[0];
    const [one, two, three] = [1, 2, 3].map((trace) => String(trace).padStart(32, '0'));
    expect(first).toMatchObject({ kind: 'cycle', victims: [one], frees: [two, three], bystanders: [three] });
    expect(first.members.map(({ owner, service }) => [owner, service])).toEqual([
      [one, 'inventory'],
      [two, 'cart'],
    ]);
    expect(BigInt(first.sinceUnixNano)).toBe(NOW - 5_000_000_000n);
    expect(told).toEqual([]);
    clock.go(LIMITS.lockConfirmMs);
    await settled(desk, 'confirmed');
    expect(told).toEqual([{ ...first, state: 'confirmed', confirmedUnixNano: clock.now.toString() }]);
    await api.store('logs', logs('inventory', [[1, 'abandoned', 'stock:1', 1]]));
    clock.go(LIMITS.lockLookMs);
    const after = await settled(desk, 'over');
    expect(after.deadlocks).toHaveLength(1);
    expect(told).toHaveLength(1);
    expect(reports).toEqual([`deadlock: ${one}, ${two} wait for one another; aborting ${one} resolves it`]);
    await desk.close();
  });

  it('tell of a deadlock that PostgreSQL ended when its log is stored, once', async () => {
    const clock = new HandClock();
    const reports: string[] = [];
    const desk = new LockDesk({ engine: api.engine, clock, report: (text) => reports.push(text) });
    const log = fs.readFileSync(path.join(import.meta.dirname, '../analysis/fixtures/postgres-15.log'), 'utf8');
    // As the Collector splits the file: a record begins where a line begins with a date.
    const bodies = log.split(/\n(?=\d{4}-)/);
    const logRecords = bodies.map((body) => ({ timeUnixNano: (NOW - 5n).toString(), body: { stringValue: body } }));
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'orders-db' } }] };
    await api.store('logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
    desk.start();
    const { deadlocks } = await settled(desk, 'over');
    expect(deadlocks.map(({ state, resolvedBy, members }) => [state, resolvedBy, members.length])).toEqual([
      ['over', 'PostgreSQL', 2],
      ['over', 'PostgreSQL', 3],
    ]);
    expect(deadlocks[1].members.map(({ service }) => service)).toEqual(['orders-db', 'orders-db', 'orders-db']);
    expect(deadlocks[1].members.map(({ traceId }) => traceId)).toContain('4bf92f3577b34da6a3ce929d0e0e4736');
    clock.go(LIMITS.lockLookMs);
    await desk.close();
    expect(desk.answer().deadlocks).toHaveLength(2);
    expect(reports).toHaveLength(2);
    expect(reports[0]).toMatch(/^deadlock: (pid \d+, )+pid \d+ waited for one another; PostgreSQL aborted pid \d+$/);
  });

  it('are taken as snapshots, each in place of the last of its source', async () => {
    const post = async (body: object, status = 200): Promise<unknown> => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${api.url}/api/v1/locks`, { method: 'POST', headers, body: JSON.stringify(body) });
      expect(response.status).toBe(status);
      return response.json();
    };
    const resources = [
      { resource: 'a', holders: [{ owner: 'A' }], waiters: [{ owner: 'B' }] },
      { resource: 'b', holders: [{ owner: 'B' }], waiters: [{ owner: 'A' }] },
    ];
    expect(await post({ source: 'db', resources })).toEqual({ holds: 2, waits: 2 });
    const found = await api.get<LocksAnswer>('/api/v1/deadlocks');
    expect(found.deadlocks.map(({ members }) => members.map(({ owner }) => owner))).toEqual([['A', 'B']]);
    await post({ source: 'db', resources: resources.slice(0, 1) });
    expect((await api.get<LocksAnswer>('/api/v1/deadlocks')).deadlocks).toEqual([]);
    expect(await post({ source: 'db', resources: [{}] }, 400)).toMatchObject({
      detail: 'resources[0].resource must be a text',
    });
  });
});
