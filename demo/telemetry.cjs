// The OpenTelemetry SDK of one service of the demo: traces, metrics and logs over OTLP/HTTP, W3C trace context and baggage between services.
// Loaded before anything else, so that node:http is instrumented when the service requires it.
const { metrics, propagation, trace, context } = require('@opentelemetry/api');
const { logs } = require('@opentelemetry/api-logs');
const { AsyncLocalStorageContextManager } = require('@opentelemetry/context-async-hooks');
const { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } = require('@opentelemetry/core');
const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-proto');
const { OTLPMetricExporter } = require('@opentelemetry/exporter-metrics-otlp-proto');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto');
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs');
const { MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
const { BatchSpanProcessor, TracerProvider } = require('@opentelemetry/sdk-trace');

const EXPORT_EVERY_MS = 1_000;

/** Copies the members of the baggage onto every span as `baggage.<key>`. */
const baggageOnSpans = {
  onStart(span, parent) {
    const baggage = propagation.getBaggage(parent);
    for (const [key, { value }] of baggage?.getAllEntries() ?? []) span.setAttribute(`baggage.${key}`, value);
  },
  onEnd() {},
  forceFlush: async () => {},
  shutdown: async () => {},
};

/** Starts the SDK of a service. The exporters read OTEL_EXPORTER_OTLP_ENDPOINT. */
function startTelemetry(name) {
  const resource = resourceFromAttributes({
    'service.name': name,
    'service.version': '1.0.0',
    'deployment.environment.name': 'demo',
    'host.name': require('node:os').hostname(),
  });
  const batching = { scheduledDelayMillis: EXPORT_EVERY_MS };
  const tracers = new TracerProvider({
    resource,
    spanProcessors: [baggageOnSpans, new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), ...batching })],
  });
  const loggers = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(), ...batching })],
  });
  const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(), exportIntervalMillis: 2_000 });
  const meters = new MeterProvider({ resource, readers: [reader] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  trace.setGlobalTracerProvider(tracers);
  metrics.setGlobalMeterProvider(meters);
  logs.setGlobalLoggerProvider(loggers);
  registerInstrumentations({
    tracerProvider: tracers,
    meterProvider: meters,
    instrumentations: [
      new HttpInstrumentation({
        // The exporters' own requests are not part of the shop.
        ignoreOutgoingRequestHook: (request) => String(request.path ?? '').startsWith('/v1/'),
        requestHook: (span, request) => {
          const path = (request.path ?? request.url ?? '').split('?', 1)[0];
          span.updateName(`${request.method} ${path}`);
        },
      }),
    ],
  });
  return {
    logger: loggers.getLogger(name),
    meter: meters.getMeter(name),
    shutdown: () => Promise.allSettled([tracers.shutdown(), loggers.shutdown(), meters.shutdown()]),
  };
}

module.exports = { startTelemetry };
