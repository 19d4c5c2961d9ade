import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.Value;
import io.opentelemetry.api.logs.Logger;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.metrics.Aggregation;
import io.opentelemetry.sdk.metrics.InstrumentSelector;
import io.opentelemetry.sdk.metrics.View;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The OpenTelemetry SDK for Java as a client: see ../README.md for what every client reads, sends and prints. */
public final class Send {
  private static final AttributeKey<Long> ITEM = AttributeKey.longKey("item");

  public static void main(String[] arguments) {
    int items = Integer.parseInt(System.getenv("CLIENT_ITEMS"));
    OpenTelemetrySdk sdk = configure();
    Tracer tracer = sdk.getTracer("client", "1.0");
    Logger logger = sdk.getSdkLoggerProvider().get("client");
    Span root = tracer.spanBuilder("root").setSpanKind(SpanKind.SERVER).startSpan();
    Context inRoot = Context.root().with(root);
    for (int i = 0; i < items; i++) {
      if (i > 0) {
        makeSpan(tracer, root, inRoot, i);
      }
      emitLog(logger, inRoot, i);
    }
    recordMetrics(sdk.getMeter("client"), items);
    root.end();
    if (!sdk.shutdown().join(30, TimeUnit.SECONDS).isSuccess()) {
      System.err.println("not everything was sent");
      System.exit(1);
    }
    System.out.printf("{\"spans\":%d,\"logs\":%d,\"points\":%d}%n", items, items, 5 * items);
  }

  private static OpenTelemetrySdk configure() {
    InstrumentSelector exponential = InstrumentSelector.builder().setName("client.exponential").build();
    View view = View.builder().setAggregation(Aggregation.base2ExponentialBucketHistogram()).build();
    Map<String, String> defaults =
        Map.of("otel.bsp.max.export.batch.size", "128", "otel.blrp.max.export.batch.size", "128",
            "otel.metric.export.interval", "3600000");
    return AutoConfiguredOpenTelemetrySdk.builder()
        .addPropertiesSupplier(() -> defaults)
        .addMeterProviderCustomizer((provider, config) -> provider.registerView(exponential, view))
        .disableShutdownHook()
        .build()
        .getOpenTelemetrySdk();
  }

  private static void makeSpan(Tracer tracer, Span root, Context inRoot, int i) {
    Span span = tracer.spanBuilder("child")
        .setParent(inRoot)
        .setSpanKind(SpanKind.CLIENT)
        .setAttribute(ITEM, (long) i)
        .setAttribute("ratio", i / 3.0)
        .setAttribute("even", i % 2 == 0)
        .setAttribute(AttributeKey.stringArrayKey("tags"), List.of("a", "b"))
        .setAttribute("text", "grün 🌳")
        .addLink(root.getSpanContext(), Attributes.of(AttributeKey.stringKey("why"), "test"))
        .startSpan();
    span.addEvent("event", Attributes.of(ITEM, (long) i));
    span.setStatus(StatusCode.ERROR, "on purpose");
    span.end();
  }

  private static void emitLog(Logger logger, Context inRoot, int i) {
    Value<?> body = i % 2 == 0
        ? Value.of("record " + i)
        : Value.of(Map.of("item", Value.of(i), "list", Value.of(Value.of(1), Value.of(2.5))));
    logger.logRecordBuilder()
        .setContext(inRoot)
        .setSeverity(Severity.WARN)
        .setBody(body)
        .setAttribute(ITEM, (long) i)
        .emit();
  }

  private static void recordMetrics(Meter meter, int items) {
    var counter = meter.counterBuilder("client.counter").setUnit("{item}").setDescription("Items").build();
    var balance = meter.upDownCounterBuilder("client.balance").build();
    var histogram = meter.histogramBuilder("client.histogram").setUnit("ms").build();
    var exponential = meter.histogramBuilder("client.exponential").setUnit("ms").build();
    var gauge = meter.gaugeBuilder("client.gauge").build();
    for (int i = 0; i < items; i++) {
      Attributes series = Attributes.of(ITEM, (long) i);
      counter.add(i + 1, series);
      balance.add(-i, series);
      histogram.record(i, series);
      exponential.record((double) i * i, series);
      gauge.set(i / 7.0, series);
    }
  }
}
