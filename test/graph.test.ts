import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { mergeGraphs, serviceEdges } from '../src/analysis/call-graph.ts';
import { type CallSpan, KIND } from '../src/analysis/call-spans.ts';
import { hexId, pair } from '../src/analysis/drawn-spans-world.ts';
import { peerOf } from '../src/analysis/peer.ts';
import { seededChance } from '../src/host/seeded-chance.ts';
import type { CyclesAnswer, GraphAnswer } from '../src/query/api.ts';
import { freePorts, type RunningClew, startClew, waitUntil } from './support/clew.ts';

/**
 * The graph that a running Clew keeps, against the pairing of everything that was sent: spans of a trace in different requests to two
 * receivers, kill −9 of the whole program in between, and what was not acknowledged sent again.
 */

const TRACES = 150;
const KILLS = 2;

/** Chains of calls among six services; some circles, some failures, both sides of a minute. */
function drawTraces(random: () => number, nowMs: number): (CallSpan & { readonly startNano: bigint })[] {
  const pick = (n: number): number => Math.floor(random() * n);
  return Array.from({ length: TRACES }, (_, t) => t).flatMap((t) => {
    const startMs = nowMs - 200_000 + pick(180_000);
    let service = `s${pick(6)}`;
    const length = 2 + pick(5);
    return Array.from({ length: length * 2 }, (_, i) => {
      const kind = i % 2 === 0 ? KIND.server : KIND.client;
      if (kind === KIND.server && i > 0) service = `s${pick(6)}`;
      const isRoot = i === 0;
      const startNano = BigInt(startMs + i * 3) * 1_000_000n;
      return {
        traceId: (t + 1).toString(16).padStart(32, '0'),
        spanId: hexId(t * 100 + i + 1),
        parentSpanId: isRoot ? '' : hexId(t * 100 + i),
        kind,
        service,
        operation: `op of ${service}`,
        startNs: Number(startNano - BigInt(nowMs - 600_000) * 1_000_000n),
        startNano,
        durationNs: 1_000_000 * (1 + pick(50)),
        failed: random() < 0.1,
        ...peerOf(kind, isRoot, () => ''),
        isCounted: true,
      };
    });
  });
}

const requestOf = (spans: readonly (CallSpan & { readonly startNano: bigint })[]): string =>
  JSON.stringify({
    resourceSpans: spans.map((span) => ({
      resource: { attributes: [{ key: 'service.name', value: { stringValue: span.service } }] },
      scopeSpans: [
        {
          spans: [
            {
              traceId: span.traceId,
              spanId: span.spanId,
              ...(span.parentSpanId === '' ? {} : { parentSpanId: span.parentSpanId }),
              name: span.operation,
              kind: span.kind,
              startTimeUnixNano: span.startNano.toString(),
              endTimeUnixNano: (span.startNano + BigInt(span.durationNs)).toString(),
              status: span.failed ? { code: 2 } : {},
            },
          ],
        },
      ],
    })),
  });

async function send(clew: RunningClew, body: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${clew.url.http}/v1/traces`, { method: 'POST', headers, body });
  expect(response.status).toBe(200);
}

const answerOf = async <T>(clew: RunningClew, route: string): Promise<T> =>
  (await (await fetch(`${clew.url.api}/api/v1/${route}`)).json()) as T;

const drawn = (
  edges: readonly { client: string; server: string; connection: string; calls: number; failed: number }[],
): string[] =>
  edges
    .map(({ client, server, connection, calls, failed }) => `${client} ${server} ${connection} ${calls} ${failed}`)
    .sort();

test('the kept graph is that of everything sent, over receivers, repeats and kill −9', async () => {
  const random = seededChance(31);
  const spans = drawTraces(random, Date.now());
  const rest = spans.map((span) => [random(), span] as const).sort(([a], [b]) => a - b).map(([, span]) => span); // biome-ignore format: one step a word
  const dataDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-graph-'));
  const options = { dataDirectory, ports: await freePorts(), flags: ['--receivers', '2'] };
  let clew = await startClew(options);
  try {
    const share = Math.ceil(rest.length / (KILLS + 1));
    for (let kill = 0; kill <= KILLS; kill++) {
      const part = rest.slice(kill * share, (kill + 1) * share);
      while (part.length > 0) {
        const body = requestOf(part.splice(0, 60));
        await send(clew, body);
        // As a client does whose acknowledgement was lost.
        if (random() < 0.2) await send(clew, body);
      }
      if (kill === KILLS) break;
      // In the middle of loading and pairing, sooner or later.
      await new Promise((resolve) => setTimeout(resolve, 400 + 1200 * kill));
      await clew.kill();
      clew = await startClew(options);
    }
    const whole = serviceEdges(mergeGraphs([pair(spans)]).edges);
    const graph = await waitUntil('the graph is complete', 60_000, async () => {
      const answer = await answerOf<GraphAnswer>(clew, 'graph');
      const calls = answer.edges.reduce((sum, edge) => sum + edge.calls, 0);
      const expected = whole.reduce((sum, edge) => sum + edge.calls, 0);
      return answer.pendingMinutes === 0 && calls === expected && drawn(answer.edges).join() === drawn(whole).join()
        ? answer
        : null;
    });
    expect(drawn(graph.edges)).toEqual(drawn(whole));
    const { cycles } = await answerOf<CyclesAnswer>(clew, 'cycles');
    expect(cycles.length).toBeGreaterThan(0);
  } finally {
    await clew.stop();
    fs.rmSync(dataDirectory, { recursive: true, force: true });
  }
}, 180_000);
