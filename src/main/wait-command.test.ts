import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestApi } from '../../test/support/api.ts';
import { LOCK_EVENTS } from '../base/names.ts';
import type { LocksAnswer } from '../query/api-locks.ts';
import type { PathSums } from '../query/api-paths.ts';
import { jsonToProtobuf } from '../wire/json.ts';
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

async function output(command: 'critical-path' | 'deadlocks' | 'pools', ...words: string[]): Promise<string> {
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

describe('clew pools', () => {
  /** Two requests that go from a to b and back to a, at once. */
  const back = (trace: number, from: bigint) =>
    [
      span(1, 0, 2, from, from + 900n, 'a'),
      span(2, 1, 3, from + 100n, from + 800n, 'a'),
      span(3, 2, 2, from + 200n, from + 700n, 'b'),
      span(4, 3, 3, from + 300n, from + 600n, 'b'),
      span(5, 4, 2, from + 400n, from + 500n, 'a'),
    ].map((one) => {
      const [{ spans }] = one.scopeSpans;
      return { ...one, scopeSpans: [{ spans: spans.map((two) => ({ ...two, traceId: hex(trace, 32) })) }] };
    });
  const resourceSpans = [...back(1, 0n), ...back(2, 50n)];

  test('says how many requests at once get stuck, of files and of what is stored', async () => {
    const traces = file('back.json', { resourceSpans });
    expect(await output('pools', traces)).toBe(
      `unknown: a (unknown units): 2 requests were there at once; 3 units are enough for so many
  2 requests held a unit and asked for another: a → b → a (for example trace ${hex(1, 32)})
in 2 traces
`,
    );
    expect(await output('pools', traces, '--capacity', 'a:2')).toMatch(
      /^possible: a \(2 units\): 2 requests at once can wait for one another for ever, and 2 were there; 3 units/,
    );
    expect(await runWaitCommand('pools', [traces, '--fail', '--capacity', 'a:3'], () => undefined)).toBe(0);
    expect(await runWaitCommand('pools', [traces, '--fail', '--capacity', 'a:2'], () => undefined)).toBe(3);
    await expect(output('pools', traces, '--capacity', 'a:0')).rejects.toThrow('--capacity a:0 must be name:units');
    const api = await openTestApi();
    await api.store('traces', { resourceSpans });
    const window = ['--start', `${BASE}`, '--end', `${BASE + 10_000n}`, '--json'];
    const stored = await output('pools', '--url', api.url, '--capacity', 'a:2', ...window);
    expect(JSON.parse(stored)).toEqual(JSON.parse(await output('pools', traces, '--capacity', 'a:2', '--json')));
    const answer = await fetch(`${api.url}/api/v1/pools?capacity=a`);
    expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([
      400,
      expect.stringContaining('must be name:units'),
    ]);
    await api.close();
  });

  test('takes the capacity from the resource, and pools that spans name', async () => {
    const key = (name: string, intValue: number) => ({ key: name, value: { intValue: String(intValue) } });
    const workers = resourceSpans.map((one) => ({
      ...one,
      resource: { attributes: [...one.resource.attributes, key('lock.capacity', 2)] },
    }));
    const ofWorkers = await output('pools', file('workers.json', { resourceSpans: workers }));
    expect(ofWorkers).toMatch(/^possible: a \(2 units\) and b \(2 units\): 2 requests/);
    const connection = { key: 'lock.resource', value: { stringValue: 'orders pool' } };
    const named = [span(1, 0, 1, 0n, 900n, 'a'), span(2, 1, 1, 100n, 800n, 'a')].map((one) => {
      const [{ spans }] = one.scopeSpans;
      const attributes = [connection, key('lock.capacity', 1)];
      return { ...one, scopeSpans: [{ spans: spans.map((two) => ({ ...two, attributes })) }] };
    });
    const ofPool = file('named.json', { resourceSpans: named });
    expect(await output('pools', ofPool)).toMatch(/^certain: orders pool \(1 units\): one request alone/);
    const api = await openTestApi();
    await api.store('traces', { resourceSpans: [...workers, ...named] });
    const stored = await output(
      'pools',
      '--url',
      api.url,
      '--start',
      `${BASE}`,
      '--end',
      `${BASE + 10_000n}`,
      '--json',
    );
    const both = file('both.json', { resourceSpans: [...workers, ...named] });
    expect(JSON.parse(stored)).toEqual(JSON.parse(await output('pools', both, '--json')));
    await api.close();
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
    const binary = path.join(directory, 'stuck.pb');
    fs.writeFileSync(binary, jsonToProtobuf('logs', fs.readFileSync(stuck)));
    expect(await output('deadlocks', binary)).toBe(await output('deadlocks', stuck));
    expect(await runWaitCommand('deadlocks', [stuck, '--fail'], () => undefined)).toBe(3);
    const solved = file('solved.json', logs(...held, ...waits, record(4, 'abandoned', 'x', 2)));
    expect(await output('deadlocks', solved)).toBe('no deadlock among 2 owners of locks\n');
  });

  test('reads thread dumps and logs of PostgreSQL, told by their content', async () => {
    const fixture = (name: string) => path.join(import.meta.dirname, '../analysis/fixtures', name);
    const dump = await output('deadlocks', fixture('jstack-17.txt'));
    expect(dump).toContain('reserve waits for ReentrantLock$FairSync@ffd30048 of recount "nightly"');
    expect(dump).toContain('reserve is at: Deadlocks.locks(Deadlocks.java:32)');
    expect(dump).toContain('only waiting behind it: bystander');
    for (const name of ['postgres-15.log', 'postgres-15.csv', 'postgres-15.jsonl']) {
      const text = await output('deadlocks', fixture(name));
      expect(text.match(/^deadlock \(cycle, over\) of 3 since 2026-/gm), name).toHaveLength(1);
      expect(text).toMatch(/ {2}PostgreSQL aborted pid \d+, which freed pid \d+, pid \d+/);
      expect(await runWaitCommand('deadlocks', [fixture(name), '--fail'], () => undefined)).toBe(3);
    }
    const snapshot = JSON.parse(await output('deadlocks', fixture('postgres-15-locks.json'), '--json')) as LocksAnswer;
    expect(snapshot.deadlocks.map(({ members }) => members.length)).toEqual([2, 2]);
    expect(snapshot.deadlocks[0].bystanders).toHaveLength(1);
    fs.writeFileSync(path.join(directory, 'poem.txt'), 'no lock here');
    await expect(output('deadlocks', path.join(directory, 'poem.txt'))).rejects.toThrow(
      'poem.txt: is neither OTLP (JSON or protobuf), a snapshot, a thread dump of Java, nor a log of PostgreSQL',
    );
  });

  test('tells a running Clew the snapshots in files', async () => {
    const api = await openTestApi();
    const dump = path.join(import.meta.dirname, '../analysis/fixtures/jstack-17.txt');
    expect(await output('deadlocks', '--tell', dump, '--url', api.url)).toMatch(
      /jstack-17\.txt: \d+ held, \d+ waited for/,
    );
    expect(await output('deadlocks', '--url', api.url)).toContain(
      'transfer-a-b waits for Deadlocks$Account@ffd1c3b0 of',
    );
    await expect(output('deadlocks', '--tell', file('logs.json', logs()), '--url', api.url)).rejects.toThrow('neither');
    await api.close();
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
