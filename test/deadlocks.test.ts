import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LOCK_EVENTS } from '../src/base/names.ts';
import type { Alert, AlertsAnswer } from '../src/query/api-alerts.ts';
import type { DeadlockAnswer, LocksAnswer } from '../src/query/api-locks.ts';
import { type RunningClew, startClew, waitUntil } from './support/clew.ts';

/** A deadlock of two services, from the door of a running Clew to a webhook and a program that may end it. */

const traceOf = (digit: number): string => String(digit).repeat(32);

/** What happens to a lock, told now by the service that has it. */
async function tell(
  clew: RunningClew,
  event: keyof typeof LOCK_EVENTS,
  resource: string,
  request: number,
): Promise<void> {
  const record = {
    timeUnixNano: `${BigInt(Date.now()) * 1_000_000n}`,
    eventName: LOCK_EVENTS[event],
    traceId: traceOf(request),
    attributes: [{ key: 'lock.resource', value: { stringValue: resource } }],
  };
  const response = await fetch(`${clew.url.http}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] }),
  });
  expect(response.status).toBe(200);
}

const get = async <T>(clew: RunningClew, name: string): Promise<T> =>
  (await (await fetch(`${clew.url.api}/api/v1/${name}`)).json()) as T;

test('a confirmed deadlock is told once to the webhook and to the program, a suspected one to nobody', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-deadlocks-'));
  const posted: Alert[] = [];
  const receiver = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    posted.push(JSON.parse(Buffer.concat(chunks).toString()));
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const given = path.join(directory, 'given.jsonl');
  const script = path.join(directory, 'resolve.sh');
  fs.writeFileSync(script, '#!/bin/sh\ncat >> "$1"; echo >> "$1"; echo "no session $2" >&2; exit 7\n', { mode: 0o700 });
  const flags = ['--alerts-webhooks', origin, '--deadlocks-command', `${script},${given},of A`];
  const clew = await startClew({ flags });
  try {
    // A circle that is over before it is confirmed: of 1 and 2.
    for (const [event, resource, request] of [
      ['acquired', 'a', 1],
      ['acquired', 'b', 2],
      ['wait', 'b', 1],
      ['wait', 'a', 2],
    ] as const) {
      await tell(clew, event, resource, request);
    }
    const suspected = await waitUntil('it is suspected', 30_000, async () => {
      const { deadlocks } = await get<LocksAnswer>(clew, 'deadlocks');
      return deadlocks.some(({ state }) => state === 'suspected') ? deadlocks : null;
    });
    expect(suspected).toHaveLength(1);
    await tell(clew, 'abandoned', 'b', 1);
    await waitUntil('it is dropped', 30_000, async () => {
      const { deadlocks } = await get<LocksAnswer>(clew, 'deadlocks');
      return deadlocks.length === 0 || null;
    });
    // And one that lasts: 2 still waits for a.
    await tell(clew, 'wait', 'b', 1);
    const account = await waitUntil('both were told', 60_000, async () => {
      const { receivers } = await get<AlertsAnswer>(clew, 'alerts');
      return receivers[0]?.delivered === 1 && receivers[1]?.failed === 1 ? receivers : null;
    });
    expect(account[1]).toMatchObject({ name: `command ${script}`, accepted: 1, tries: 1, waiting: 0 });
    expect(account[1].problem).toBe('exit code 7: no session of A');
    const [found, ...others] = (await get<LocksAnswer>(clew, 'deadlocks')).deadlocks;
    expect(others).toEqual([]);
    const confirmed = posted[0].details as DeadlockAnswer;
    expect(confirmed).toMatchObject({ id: found.id, state: 'confirmed', kind: 'cycle', victims: found.victims });
    expect(posted[0].text).toBe(
      `deadlock: ${traceOf(1)}, ${traceOf(2)} wait for one another; aborting ${found.victims[0]} resolves it`,
    );
    const lines = fs.readFileSync(given, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(posted);
    expect(posted).toHaveLength(1);
    const metrics = await (await fetch(`${clew.url.api}/metrics`)).text();
    expect(metrics).toContain('clew_alerts_total{kind="deadlock"} 1\n');
    expect(metrics).toContain(`clew_alert_notices_total{receiver="command ${script}",state="failed"} 1\n`);
    expect(clew.output()).toContain(posted[0].text);
  } finally {
    await clew.stop();
    receiver.close().closeAllConnections();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}, 180_000);
