// The OpenTelemetry SDK for JavaScript as a client: see ../README.md for what every client reads, sends and prints.
import { context, DiagConsoleLogger, DiagLogLevel, diag, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { defaultResource, detectResources, envDetector } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

const items = Number(process.env.CLIENT_ITEMS);
const kind = { grpc: 'grpc', 'http/protobuf': 'proto', 'http/json': 'http' }[process.env.OTEL_EXPORTER_OTLP_PROTOCOL];
const load = (signal) => import(`@opentelemetry/exporter-${signal}-otlp-${kind}`);
const [{ OTLPTraceExporter }, { OTLPMetricExporter }, { OTLPLogExporter }] = await Promise.all(
  ['trace', 'metrics', 'logs'].map(load),
);
diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);

const resource = defaultResource().merge(detectResources({ detectors: [envDetector] }));
const tracers = new TracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), maxExportBatchSize: 128 })],
});
const loggers = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(), maxExportBatchSize: 128 })],
});
const meters = new MeterProvider({
  resource,
  views: [{ instrumentName: 'client.exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(), exportIntervalMillis: 3_600_000 })],
});

const tracer = tracers.getTracer('client', '1.0');
const logger = loggers.getLogger('client', '1.0');
const meter = meters.getMeter('client', '1.0');
const counter = meter.createCounter('client.counter', { unit: '{item}', description: 'Items' });
const balance = meter.createUpDownCounter('client.balance');
const histogram = meter.createHistogram('client.histogram', { unit: 'ms' });
const exponential = meter.createHistogram('client.exponential', { unit: 'ms' });
meter.createObservableGauge('client.gauge').addCallback((result) => {
  for (let i = 0; i < items; i++) result.observe(i / 7, { item: i });
});

const root = tracer.startSpan('root', { kind: SpanKind.SERVER });
const inRoot = trace.setSpan(context.active(), root);
for (let i = 0; i < items; i++) {
  if (i > 0) {
    const attributes = { item: i, ratio: i / 3, even: i % 2 === 0, tags: ['a', 'b'], text: 'grün 🌳' };
    const links = [{ context: root.spanContext(), attributes: { why: 'test' } }];
    const span = tracer.startSpan('child', { kind: SpanKind.CLIENT, attributes, links }, inRoot);
    span.addEvent('event', { item: i });
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'on purpose' });
    span.end();
  }
  const body = i % 2 === 0 ? `record ${i}` : { item: i, list: [1, 2.5, null] };
  logger.emit({ severityNumber: SeverityNumber.WARN, body, attributes: { item: i }, context: inRoot });
  counter.add(i + 1, { item: i });
  balance.add(-i, { item: i });
  histogram.record(i, { item: i });
  exponential.record(i * i, { item: i });
}
root.end();
await Promise.all([tracers.shutdown(), loggers.shutdown(), meters.shutdown()]);
console.log(JSON.stringify({ spans: items, logs: items, points: 5 * items }));
