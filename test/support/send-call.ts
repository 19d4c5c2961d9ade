import { randomBytes } from 'node:crypto';
import type { RunningClew } from './clew.ts';

const id = (bytes: number): string => randomBytes(bytes).toString('hex');

/** One call, its two sides in requests of their own, as two services send them. Answers its trace id; throws what is not taken. */
export async function sendCall(clew: RunningClew, client: string, server: string): Promise<string> {
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
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  }
  return traceId;
}
