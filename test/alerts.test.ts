import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Alert, AlertsAnswer } from '../src/query/api-alerts.ts';
import { startClew, waitUntil } from './support/clew.ts';
import { sendCall } from './support/send-call.ts';

/** A call that closes a cycle, from the door of a running Clew to everybody who should hear of it. */

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
