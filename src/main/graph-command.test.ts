import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CyclesAnswer, GraphAnswer, OrderAnswer } from '../query/api.ts';
import { jsonToProtobuf } from '../wire/json.ts';
import { runGraphCommand } from './graph-command.ts';
import { readTraceFiles } from './trace-files.ts';

let directory: string;
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-cli-'));
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

const hex = (id: number, digits = 16): string => id.toString(16).padStart(digits, '0');

interface Step {
  readonly id: number;
  readonly parent: number;
  readonly service: string;
  readonly kind: number;
}

/** A call of each service by the one before it: `a b c` is a → b → c in one trace. */
function steps(...services: readonly string[]): Step[] {
  return services.flatMap((service, i) => [
    { id: 2 * i + 1, parent: 2 * i, service, kind: 2 },
    { id: 2 * i + 2, parent: 2 * i + 1, service, kind: 3 },
  ]);
}

const otlp = (trace: number, drawn: readonly Step[]): object => ({
  resourceSpans: drawn.map(({ id, parent, service, kind }) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
    scopeSpans: [
      {
        spans: [
          {
            traceId: hex(trace, 32),
            spanId: hex(id),
            ...(parent === 0 ? {} : { parentSpanId: hex(parent) }),
            name: 'work',
            kind,
            startTimeUnixNano: String(1_767_355_200_000_000_000n + BigInt(id) * 1000n),
            endTimeUnixNano: '1767355201000000000',
            status: { code: 2 },
            attributes: [{ key: 'n', value: { intValue: '-7' } }],
          },
        ],
      },
    ],
  })),
});

const jaeger = (trace: number, drawn: readonly Step[]): object => ({
  data: [
    {
      traceID: hex(trace, 32),
      processes: Object.fromEntries(drawn.map(({ service }) => [service, { serviceName: service }])),
      spans: drawn.map(({ id, parent, service, kind }) => ({
        traceID: hex(trace, 32),
        spanID: hex(id),
        operationName: 'work',
        references: parent === 0 ? [] : [{ refType: 'CHILD_OF', traceID: hex(trace, 32), spanID: hex(parent) }],
        startTime: 1_767_355_200_000_000 + id,
        duration: 1_000_000 - id,
        processID: service,
        tags: [
          { key: 'span.kind', value: kind === 2 ? 'server' : 'client' },
          { key: 'error', value: true },
          { key: 'n', value: -7 },
        ],
      })),
    },
  ],
});

function file(name: string, content: string | Uint8Array): string {
  const full = path.join(directory, name);
  fs.writeFileSync(full, content);
  return full;
}

async function run(command: 'graph' | 'cycles' | 'order', ...words: string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const code = await runGraphCommand(command, words, (more) => {
    text += more;
  });
  return { code, text };
}

describe('files of traces', () => {
  test('say the same in OTLP/JSON, in lines of it, in protobuf and in Jaeger JSON', async () => {
    const drawn = steps('a', 'b');
    const document = JSON.stringify(otlp(1, drawn));
    const json = await readTraceFiles([file('one.json', document)]);
    expect(json[1]).toMatchObject({ traceId: hex(1, 32), spanId: hex(2), parentSpanId: hex(1), kind: 3, service: 'a' });
    const lines = await readTraceFiles([file('lines.json', `${JSON.stringify(otlp(2, []))}\n${document}\n`)]);
    const protobuf = await readTraceFiles([file('one.pb', jsonToProtobuf('traces', Buffer.from(document)))]);
    const fromJaeger = await readTraceFiles([file('jaeger.json', JSON.stringify(jaeger(1, drawn)))]);
    expect(lines).toEqual(json);
    expect(protobuf).toEqual(json);
    const withoutTags = fromJaeger.map((span) => ({ ...span, attributes: new Map([['n', span.attributes.get('n')]]) }));
    expect(withoutTags).toEqual(json);
  });

  test('that cannot be read are named', async () => {
    await expect(readTraceFiles([file('bad.json', '{"a":1}')])).rejects.toThrow('bad.json: is JSON, but neither');
    await expect(readTraceFiles([path.join(directory, 'absent')])).rejects.toThrow('there is no such file');
  });
});

describe('the commands', () => {
  test('draw the graph, find its cycles and order it', async () => {
    const traces = file(
      'circle.json',
      `${JSON.stringify(otlp(1, steps('a', 'b')))}\n${JSON.stringify(otlp(2, steps('b', 'c', 'b')))}`,
    );
    const graph = JSON.parse((await run('graph', traces, '--format', 'json')).text) as GraphAnswer;
    expect(graph.edges.map(({ client, server, calls }) => `${client} ${server} ${calls}`)).toEqual([
      'a b 1',
      'b c 1',
      'c b 1',
      'user a 1',
      'user b 1',
    ]);
    expect((await run('graph', traces, '--format', 'dot')).text).toContain('"b" -> "c" [label="1"');
    const { cycles } = JSON.parse((await run('cycles', traces, '--format', 'json')).text) as CyclesAnswer;
    expect(
      cycles.map(({ kind, severity, vertices }) => [kind, severity, ...vertices.map(({ service }) => service)]),
    ).toEqual([
      ['re-entrant', 'high', 'b', 'c'],
      ['service', 'high', 'b', 'c'],
    ]);
    const order = JSON.parse((await run('order', traces, '--format', 'json')).text) as OrderAnswer;
    expect(order.stages.map((stage) => stage.map(({ service }) => service))).toEqual([['b', 'c'], ['a']]);
    expect((await run('order', traces)).text).toContain('call each other in circles');
  });

  test('fail on a cycle that the baseline does not have, and only then', async () => {
    const before = file('before.json', JSON.stringify(otlp(1, steps('a', 'b', 'a'))));
    const after = file('after.json', JSON.stringify(otlp(2, steps('b', 'c', 'b'))));
    const baseline = file('baseline.json', (await run('cycles', before, '--format', 'json')).text);
    const flags = ['--fail-on', 'new', '--baseline', baseline];
    expect((await run('cycles', before, ...flags)).code).toBe(0);
    expect((await run('cycles', before, after, ...flags)).code).toBe(3);
    expect((await run('cycles', before, '--fail-on', 'high')).code).toBe(3);
    await expect(run('cycles', before, '--fail-on', 'new')).rejects.toThrow('needs --baseline');
    await expect(run('cycles', '--level', 'x')).rejects.toThrow('--level must be one of');
  });
});
