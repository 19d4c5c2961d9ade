import type { MetricKind, MetricSeries, MetricSummary, Status } from '../../../src/query/api.ts';
import { timeOf } from './answers.ts';
import { seededChance } from './shop.ts';

/** Answers of the API about metrics and the status of the made-up shop. */

const SERVICES = ['storefront', 'cart', 'catalog', 'payment', 'pricing'];

const METRICS: readonly (readonly [string, MetricKind, string, string, number | null])[] = [
  ['http.server.request.duration', 'histogram', 's', 'Duration of HTTP server requests.', 0.0241],
  ['http.server.active_requests', 'sum', '{request}', 'Number of active HTTP server requests.', 12],
  ['http.client.request.duration', 'exponentialHistogram', 's', 'Duration of HTTP client requests.', 0.0177],
  ['process.cpu.utilization', 'gauge', '1', 'Share of the CPU time that the process used.', 0.38],
  ['process.memory.usage', 'gauge', 'By', 'Physical memory in use.', 184_320_000],
  ['nodejs.eventloop.delay.p99', 'gauge', 's', 'Event loop 99th percentile delay.', 0.0021],
  ['nodejs.eventloop.utilization', 'gauge', '1', 'Share of time in which the event loop was busy.', 0.22],
  ['v8js.memory.heap.used', 'gauge', 'By', 'Heap memory in use.', 61_865_984],
  ['v8js.gc.duration', 'histogram', 's', 'Garbage collection duration.', 0.0012],
  ['db.client.operation.duration', 'histogram', 's', 'Duration of database client operations.', 0.0034],
  ['db.client.connection.count', 'sum', '{connection}', 'Connections in each state.', 18],
  ['shop.orders', 'sum', '{order}', 'Orders that were taken.', 48_212],
  ['shop.revenue', 'sum', 'EUR', 'Revenue of the orders that were taken.', 1_204_113.5],
  ['shop.cart.items', 'summary', '{item}', 'Items in a cart at checkout.', 3.2],
];

export function metricList(nowMs: number): readonly MetricSummary[] {
  return METRICS.map(([name, kind, unit, description, lastValue]) => ({
    name,
    kind,
    unit,
    description,
    services: SERVICES,
    points: 2_400,
    attributeKeys: name.startsWith('http')
      ? ['http.route', 'http.request.method', 'http.response.status_code']
      : ['state', 'region'],
    lastTimeUnixNano: `${nowMs}000000`,
    lastValue,
  }));
}

const POINTS = 120;

/** The series of a metric, or null when there is none of the name. */
export function metricSeries(
  name: string,
  params: URLSearchParams,
  nowMs: number,
  traceIds: readonly string[],
): MetricSeries | null {
  const metric = METRICS.find(([one]) => one === name);
  if (metric === undefined) return null;
  const [, kind, unit, , last] = metric;
  const from = timeOf(params.get('start'), nowMs - 3_600_000, nowMs);
  const to = timeOf(params.get('end'), nowMs, nowMs);
  const stepMs = Math.ceil((to - from) / POINTS);
  const chance = seededChance(name.length * 31 + 7);
  const fn = params.get('function') ?? 'avg';
  const group = params.get('groupBy');
  const labels =
    group === null
      ? [{}]
      : ['GET /', 'GET /cart', 'POST /checkout', 'GET /products/:id'].map((value) => ({ [group]: value }));
  const times = Array.from({ length: POINTS }, (_, i) => from + i * stepMs);
  const height = last ?? 1;
  const base = { name, kind, unit, function: fn, stepNano: `${stepMs}000000`, truncated: false };
  const exemplars = traceIds.slice(0, 6).map((traceId, i) => ({
    timeMs: from + ((i + 0.5) / 6) * (to - from),
    value: height * (0.5 + chance() * 4),
    traceId,
    spanId: '',
  }));
  if (fn === 'heatmap') return { ...base, series: [], heatmap: heatOf(times, height, chance), exemplars };
  const series = labels.map((one, s) => ({
    labels: one,
    points: times.map((ms, i) => {
      const wave = 1 + 0.3 * Math.sin(i / 11 + s) + 0.12 * (chance() - 0.5) + (s === 2 && i > 70 && i < 82 ? 1.4 : 0);
      return [ms, i === 40 && s === 0 ? null : (height * wave) / (s + 1)] as const;
    }),
  }));
  return { ...base, series, exemplars: kind === 'histogram' ? exemplars : [] };
}

function heatOf(
  timesMs: readonly number[],
  middle: number,
  chance: () => number,
): NonNullable<MetricSeries['heatmap']> {
  const bounds = [
    ...Array.from({ length: 16 }, (_, i) => Number((middle * 2 ** ((i - 6) / 1.5)).toPrecision(2))),
    null,
  ];
  const counts = timesMs.map((_, t) =>
    bounds.map((_, b) => {
      const quick = Math.exp(-((b - 5.5 - Math.sin(t / 17)) ** 2) / 3) * 240;
      const slow = t > 70 && t < 82 ? Math.exp(-((b - 12) ** 2) / 2) * 60 : Math.exp(-((b - 11) ** 2) / 2) * 4;
      return Math.round((quick + slow) * (0.7 + 0.6 * chance()));
    }),
  );
  return { bounds, timesMs, counts };
}

const MIB = 1024 * 1024;

export function statusOf(nowMs: number): Status {
  const chance = seededChance(5);
  const receiver = (index: number) => ({
    receiver: index,
    pid: 4211 + index,
    up: true,
    restarts: index === 1 ? 1 : 0,
    accepted: { traces: 18_204_113, metrics: 2_204_900, logs: 5_402_007 },
    rejected: { traces: 12, metrics: 0, logs: 0 },
    perSecond: { traces: 8_200, metrics: 900, logs: 2_400 },
    requests: 402_113,
    refused: { 'journal is full': index === 0 ? 18 : 0, 'unknown content-encoding': 3 },
    connections: 42,
    ackP50Ms: 6.12,
    ackP99Ms: 21.4,
    memoryBytes: 171 * MIB,
    cpuMs: 1_902_113,
  });
  const table = (name: string, rows: number, bytesPerRow: number) => ({
    table: name,
    rows,
    bytes: Math.round(rows * bytesPerRow),
    parts: 12,
    oldest: new Date(nowMs - 6 * 86400e3).toISOString(),
    newest: new Date(nowMs - 1_200).toISOString(),
  });
  return {
    version: '0.1.0',
    startedAt: new Date(nowMs - 93_600_000).toISOString(),
    dataDirectory: '/var/lib/clew',
    endpoints: { grpc: 'http://127.0.0.1:4317', http: 'http://127.0.0.1:4318', api: 'http://127.0.0.1:4319' },
    receivers: [receiver(0), receiver(1), receiver(2)],
    journal: { bytes: 38 * MIB, quotaBytes: 4096 * MIB, sealedSegments: 1, damaged: [] },
    store: {
      kind: 'embedded',
      version: '26.3.1',
      memoryBytes: 812 * MIB,
      loadedSegments: 280_114,
      loadFailures: 0,
      lastLoadError: null,
      lagMs: 412,
      tables: [
        table('otel_traces', 54_612_339, 61.4),
        table('otel_logs', 16_206_021, 48.2),
        table('otel_metrics_histogram', 2_204_900, 70),
        table('otel_metrics_gauge', 4_409_800, 12.1),
        table('otel_metrics_sum', 3_307_350, 13),
      ],
    },
    disk: { totalBytes: 480 * 1024 * MIB, freeBytes: 301 * 1024 * MIB, dataBytes: 4_411 * MIB },
    history: Array.from({ length: 180 }, (_, i) => ({
      timeMs: nowMs - (179 - i) * 5_000,
      traces: 24_000 + 3_000 * Math.sin(i / 20) + 1_500 * chance(),
      metrics: 2_700 + 200 * chance(),
      logs: 7_000 + 900 * Math.cos(i / 15) + 600 * chance(),
      refused: i > 120 && i < 126 ? 300 : 0,
    })),
    configuration: [
      { key: 'data', value: '/var/lib/clew', source: 'clew.yaml:2' },
      { key: 'host', value: '127.0.0.1', source: 'default' },
      { key: 'receivers', value: '3', source: 'CLEW_RECEIVERS' },
      { key: 'grpc.port', value: '4317', source: 'default' },
      { key: 'http.port', value: '4318', source: 'default' },
      { key: 'api.port', value: '4319', source: 'default' },
      { key: 'retention.traces.days', value: '7', source: '--retention.traces.days' },
      { key: 'auth.tokens', value: '•••', source: 'clew.yaml:9' },
    ],
  };
}
