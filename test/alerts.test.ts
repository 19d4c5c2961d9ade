import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Alert, AlertsAnswer } from '../src/query/api-alerts.ts';
import { type RunningClew, startClew, waitUntil } from './support/clew.ts';

/** A call that closes a cycle, from the door of a running Clew to everybody who should hear of it. */

const id = (bytes: number): string => randomBytes(bytes).toString('hex');

/** One call, its two sides in requests of their own, as two services send them. */
async function sendCall(clew: RunningClew, client: string, server: string): Promise<string> {
  const [traceId, clientId, start] = [id(16), id(8), BigInt(Date.now()) * 1_000_000n];
  const sides = [
    { service: client, kind: 3, spanId: clientId, parentSpanId: '' },
    { service: server, kind: 2, spanId: id(8), parentSpanId: clientId },
  ];
  for (const { service, ...span } of sides) {
    const whole = {
      ...span,
      traceId,
      name: 'work',
      startTimeUnixNano: `${start}`,
      endTimeUnixNano: `${start + 1000n}`,
    };
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
    const response = await fetch(`${clew.url.http}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [whole] }] }] }),
    });
    expect(response.status).toBe(200);
  }
  return traceId;
}

test('a call that closes a cycle is told to the log, the metrics, the API and a webhook that was down at first', async () => {
  const posted: { readonly alert: Alert; readonly key: string | undefined }[] = [];
  const receiver = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    posted.push({ alert: JSON.parse(Buffer.concat(chunks).toString()), key: request.headers['x-key'] as string });
    response.writeHead(posted.length === 1 ? 503 : 204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const clew = await startClew({ flags: ['--alerts-webhooks', `${origin}/secret`, '--alerts-headers', 'x-key: k1'] });
  try {
    await sendCall(clew, 'web', 'cart');
    await sendCall(clew, 'cart', 'pay');
    await waitUntil('two calls are in the graph', 30_000, async () => {
      const answer = (await (await fetch(`${clew.url.api}/api/v1/graph`)).json()) as { edges: { client: string }[] };
      return answer.edges.filter(({ client }) => client !== 'user').length === 2 || null;
    });
    const traceId = await sendCall(clew, 'pay', 'web');
    await waitUntil('the webhook is told', 30_000, async () => posted.length === 2 || null);
    const [{ alert, key }] = posted;
    expect(key).toBe('k1');
    const services = ['cart', 'pay', 'web'];
    expect(alert).toMatchObject({ kind: 'cycle', details: { services, client: 'pay', server: 'web', traceId } });
    expect(alert.text).toBe(
      `a new call, pay → web, closes a cycle: cart → pay → web → cart (for example trace ${traceId})`,
    );
    expect(posted[1]?.alert).toEqual(alert);
    const answer = await waitUntil('the delivery is counted', 10_000, async () => {
      const read = (await (await fetch(`${clew.url.api}/api/v1/alerts`)).json()) as AlertsAnswer;
      return read.receivers[0]?.delivered === 1 ? read : null;
    });
    expect(answer).toEqual({
      alerts: [alert],
      receivers: [
        { name: origin, accepted: 1, delivered: 1, failed: 0, dropped: 0, waiting: 0, tries: 2, problem: null },
      ],
    });
    expect(clew.output()).toContain(alert.text);
    expect(clew.output()).not.toContain('/secret');
    const metrics = await (await fetch(`${clew.url.api}/metrics`)).text();
    expect(metrics).toContain('clew_alerts_total{kind="cycle"} 1\n');
    expect(metrics).toContain(`clew_alert_notices_total{receiver="${origin}",state="delivered"} 1\n`);
  } finally {
    await clew.stop();
    receiver.close().closeAllConnections();
  }
}, 120_000);
