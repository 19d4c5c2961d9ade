import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOCK_EVENTS } from '../base/names.ts';
import type { LocksAnswer } from '../query/api-locks.ts';
import type { PathSums } from '../query/api-paths.ts';
import { isWrongWords, runWaitCommand } from './wait-command.ts';

let directory: string;
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-wait-'));
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

function file(name: string, content: object): string {
  const full = path.join(directory, name);
  fs.writeFileSync(full, JSON.stringify(content));
  return full;
}

async function output(command: 'critical-path' | 'deadlocks', ...words: string[]): Promise<string> {
  let text = '';
  await runWaitCommand(command, words, (part) => {
    text += part;
  });
  return text;
}

const service = (name: string) => ({ attributes: [{ key: 'service.name', value: { stringValue: name } }] });
const hex = (id: number, digits: number): string => id.toString(16).padStart(digits, '0');

/** Epoch times with odd nanoseconds: they would not survive in a double. */
const BASE = 1_767_355_200_000_000_001n;

const span = (id: number, parent: number, kind: number, from: bigint, to: bigint, name: string) => ({
  resource: service(name),
  scopeSpans: [
    {
      spans: [
        {
          traceId: hex(1, 32),
          spanId: hex(id, 16),
          parentSpanId: parent === 0 ? '' : hex(parent, 16),
          kind,
          name: 'GET',
          startTimeUnixNano: (BASE + from).toString(),
          endTimeUnixNano: (BASE + to).toString(),
        },
      ],
    },
  ],
});

describe('clew critical-path', () => {
  test('adds up the critical paths of files, to the nanosecond', async () => {
    const traces = file('traces.json', {
      resourceSpans: [span(1, 0, 3, 0n, 1_001n, 'a'), span(2, 1, 2, 300n, 901n, 'b')],
    });
    const sums = JSON.parse(await output('critical-path', traces, '--json')) as PathSums;
    expect(sums.totalNano).toBe(1_001);
    const shares = sums.shares.map(({ kind, service: from, toService, totalNano }) => [
      kind,
      from,
      toService,
      totalNano,
    ]);
    expect(shares).toEqual([
      ['operation', 'b', '', 601],
      ['service', 'b', '', 601],
      ['edge', 'a', 'b', 400],
    ]);
    expect(await output('critical-path', traces)).toContain('a → b: GET (network and queue)');
    expect(await output('critical-path', traces, '--service', 'c')).toContain('0 traces');
  });

  test('says what is wrong with its words', async () => {
    await expect(output('critical-path', '--mode', 'x')).rejects.toSatisfy(isWrongWords);
  });
});

describe('clew deadlocks', () => {
  const record = (second: number, event: keyof typeof LOCK_EVENTS, resource: string, trace: number) => ({
    timeUnixNano: (BASE + BigInt(second) * 1_000_000_000n).toString(),
    eventName: LOCK_EVENTS[event],
    traceId: hex(trace, 32),
    attributes: [{ key: 'lock.resource', value: { stringValue: resource } }],
  });
  const logs = (...logRecords: object[]) => ({
    resourceLogs: [{ resource: service('cart'), scopeLogs: [{ logRecords }] }],
  });
  const held = [record(1, 'acquired', 'x', 1), record(1, 'acquired', 'y', 2)];
  const waits = [record(2, 'wait', 'y', 1), record(3, 'wait', 'x', 2)];

  test('finds them in the logs of files, and fails when asked to', async () => {
    const stuck = file('stuck.json', logs(...held, ...waits));
    const { deadlocks } = JSON.parse(await output('deadlocks', stuck, '--json')) as LocksAnswer;
    expect(deadlocks.map(({ members, state }) => [members.length, state])).toEqual([[2, 'confirmed']]);
    expect(await output('deadlocks', stuck)).toContain(`aborting ${hex(1, 32)} frees ${hex(2, 32)}`);
    expect(await runWaitCommand('deadlocks', [stuck, '--fail'], () => undefined)).toBe(3);
    const solved = file('solved.json', logs(...held, ...waits, record(4, 'abandoned', 'x', 2)));
    expect(await output('deadlocks', solved)).toBe('no deadlock among 2 owners of locks\n');
  });

  test('takes snapshots', async () => {
    const claims = (holder: string, waiter: string) => ({ holders: [{ owner: holder }], waiters: [{ owner: waiter }] });
    const snapshot = file('snapshot.json', {
      resources: [
        { resource: 'x', ...claims('A', 'B') },
        { resource: 'y', ...claims('B', 'A') },
      ],
    });
    expect(await output('deadlocks', snapshot)).toContain('A waits for y of B');
  });
});
