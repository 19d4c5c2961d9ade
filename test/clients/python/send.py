"""The OpenTelemetry SDK for Python as a client: see ../README.md for what every client reads, sends and prints."""

import json
import os
import warnings

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

warnings.simplefilter("ignore")
if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

items = int(os.environ["CLIENT_ITEMS"])

tracers = TracerProvider()
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_export_batch_size=128))
loggers = LoggerProvider()
loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(), max_export_batch_size=128))
meters = MeterProvider(
    metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=3_600_000)],
    views=[View(instrument_name="client.exponential", aggregation=ExponentialBucketHistogramAggregation())],
)

tracer = tracers.get_tracer("client", "1.0")
logger = loggers.get_logger("client", "1.0")
meter = meters.get_meter("client", "1.0")
counter = meter.create_counter("client.counter", unit="{item}", description="Items")
balance = meter.create_up_down_counter("client.balance")
histogram = meter.create_histogram("client.histogram", unit="ms")
exponential = meter.create_histogram("client.exponential", unit="ms")
meter.create_observable_gauge(
    "client.gauge", callbacks=[lambda _: [Observation(i / 7, {"item": i}) for i in range(items)]]
)

with tracer.start_as_current_span("root", kind=trace.SpanKind.SERVER) as root:
    for i in range(items):
        if i > 0:
            span = tracer.start_span(
                "child",
                kind=trace.SpanKind.CLIENT,
                attributes={"item": i, "ratio": i / 3, "even": i % 2 == 0, "tags": ["a", "b"], "text": "grün 🌳"},
                links=[trace.Link(root.get_span_context(), {"why": "test"})],
            )
            span.add_event("event", {"item": i})
            span.set_status(trace.StatusCode.ERROR, "on purpose")
            span.end()
        logger.emit(
            LogRecord(
                severity_number=SeverityNumber.WARN,
                body=f"record {i}" if i % 2 == 0 else {"item": i, "list": [1, 2.5, None]},
                attributes={"item": i},
                event_name="client.event",
            )
        )
        counter.add(i + 1, {"item": i})
        balance.add(-i, {"item": i})
        histogram.record(i, {"item": i})
        exponential.record(i * i, {"item": i})

tracers.shutdown()
loggers.shutdown()
meters.shutdown()
print(json.dumps({"spans": items, "logs": items, "points": 5 * items}))
