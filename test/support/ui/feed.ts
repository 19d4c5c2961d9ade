import { makeShop } from './answers.ts';
import { makeLargeTrace } from './large-traces.ts';
import { attributes, nanosAt, seededChance } from './shop.ts';

/** Sends the made-up shop to a real Clew over OTLP/HTTP JSON, as if it had happened in the hour before `nowMs`. */
export async function feedShop(
  http: string,
  traceCount: number,
  nowMs: number,
): Promise<{ readonly failedTraceId: string }> {
  const shop = makeShop(traceCount, nowMs);
  const resourceSpans = shop.traces.flatMap(({ made }) => made.otlp.resourceSpans);
  for (let from = 0; from < resourceSpans.length; from += BATCH) {
    await send(http, 'traces', { resourceSpans: resourceSpans.slice(from, from + BATCH) });
  }
  const resourceLogs = shop.logs.map((record) => ({
    resource: { attributes: attributes(record.resourceAttributes) },
    scopeLogs: [
      {
        scope: { name: record.scopeName },
        logRecords: [
          {
            timeUnixNano: record.timeUnixNano,
            observedTimeUnixNano: record.observedTimeUnixNano,
            severityNumber: record.severityNumber,
            severityText: record.severityText,
            body: { stringValue: record.body },
            attributes: attributes(record.attributes),
            traceId: record.traceId,
            spanId: record.spanId,
          },
        ],
      },
    ],
  }));
  await send(http, 'logs', { resourceLogs });
  await send(http, 'metrics', metricsOf(nowMs, shop.traces[0].made.traceId));
  return { failedTraceId: shop.traces.find(({ summary }) => summary.errorCount > 2)?.summary.traceId ?? '' };
}

/** Sends a trace of `count` spans. */
export async function feedLargeTrace(http: string, traceId: string, count: number, nowMs: number): Promise<void> {
  for (const { resource, scopeSpans } of makeLargeTrace(traceId, count, nowMs - 600_000).resourceSpans) {
    await send(http, 'traces', { resourceSpans: [{ resource, scopeSpans }] });
  }
}

const BATCH = 400;
const STEP_MS = 30_000;
const STEPS = 100;
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** A histogram with an exemplar, a sum and a gauge, each with a point every 30 seconds. */
function metricsOf(nowMs: number, traceId: string): unknown {
  const chance = seededChance(3);
  const startTimeUnixNano = nanosAt(nowMs - 3_600_000, 0);
  const counts = new Array<number>(BOUNDS.length + 1).fill(0);
  const points = Array.from({ length: STEPS }, (_, step) => {
    for (let i = 0; i < 50; i++) counts[Math.floor(chance() * chance() * (BOUNDS.length + 1))]++;
    const timeUnixNano = nanosAt(nowMs - (STEPS - step) * STEP_MS, 0);
    const count = counts.reduce((sum, one) => sum + one, 0);
    const base = {
      startTimeUnixNano,
      timeUnixNano,
      attributes: attributes({ 'http.route': step % 2 === 0 ? '/cart' : '/checkout' }),
    };
    const exemplars = step % 20 === 0 ? [{ timeUnixNano, asDouble: 0.3, traceId, spanId: '00f067aa0ba902b7' }] : [];
    const histogram = {
      ...base,
      count: String(count),
      sum: count * 0.04,
      bucketCounts: counts.map(String),
      explicitBounds: BOUNDS,
      exemplars,
    };
    return {
      histogram,
      sum: { ...base, asInt: String(step * 7) },
      gauge: { ...base, asDouble: 0.3 + 0.2 * Math.sin(step / 9) },
    };
  });
  const metrics = [
    {
      name: 'http.server.request.duration',
      unit: 's',
      description: 'Duration of HTTP server requests.',
      histogram: { aggregationTemporality: 2, dataPoints: points.map(({ histogram }) => histogram) },
    },
    {
      name: 'shop.orders',
      unit: '{order}',
      description: 'Orders that were taken.',
      sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: points.map(({ sum }) => sum) },
    },
    {
      name: 'process.cpu.utilization',
      unit: '1',
      description: 'Share of the CPU time that the process used.',
      gauge: { dataPoints: points.map(({ gauge }) => gauge) },
    },
  ];
  return {
    resourceMetrics: [
      { resource: { attributes: attributes({ 'service.name': 'storefront' }) }, scopeMetrics: [{ metrics }] },
    ],
  };
}

async function send(http: string, signal: string, body: unknown): Promise<void> {
  const response = await fetch(`${http}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.text();
  if (!response.ok || answer.includes('rejected')) throw new Error(`${signal}: ${response.status} ${answer}`);
}
