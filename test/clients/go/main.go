// The OpenTelemetry SDK for Go as a client: see ../README.md for what every client reads, sends and prints.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	items := must(strconv.Atoi(os.Getenv("CLIENT_ITEMS")))
	exporters := must(newExporters(ctx, os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")))

	tracers := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporters.spans, sdktrace.WithMaxExportBatchSize(128), sdktrace.WithBlocking()))
	loggers := sdklog.NewLoggerProvider(
		sdklog.WithProcessor(sdklog.NewBatchProcessor(exporters.logs, sdklog.WithExportMaxBatchSize(128))))
	meters := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporters.metrics, sdkmetric.WithInterval(time.Hour))),
		sdkmetric.WithView(sdkmetric.NewView(
			sdkmetric.Instrument{Name: "client.exponential"},
			sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})))

	inRoot, root := tracers.Tracer("client").Start(ctx, "root", trace.WithSpanKind(trace.SpanKindServer))
	for i := 1; i < items; i++ {
		makeSpan(inRoot, tracers.Tracer("client"), root.SpanContext(), i)
	}
	for i := range items {
		loggers.Logger("client").Emit(inRoot, logRecord(i))
	}
	recordMetrics(inRoot, meters.Meter("client"), items)
	root.End()

	check(tracers.Shutdown(ctx))
	check(loggers.Shutdown(ctx))
	check(meters.Shutdown(ctx))
	fmt.Printf("{\"spans\":%d,\"logs\":%d,\"points\":%d}\n", items, items, 5*items)
}

func makeSpan(ctx context.Context, tracer trace.Tracer, root trace.SpanContext, i int) {
	_, span := tracer.Start(ctx, "child", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithLinks(trace.Link{SpanContext: root, Attributes: []attribute.KeyValue{attribute.String("why", "test")}}),
		trace.WithAttributes(
			attribute.Int("item", i),
			attribute.Float64("ratio", float64(i)/3),
			attribute.Bool("even", i%2 == 0),
			attribute.StringSlice("tags", []string{"a", "b"}),
			attribute.String("text", "grün 🌳")))
	span.AddEvent("event", trace.WithAttributes(attribute.Int("item", i)))
	span.SetStatus(codes.Error, "on purpose")
	span.End()
}

func logRecord(i int) log.Record {
	var record log.Record
	record.SetTimestamp(time.Now())
	record.SetSeverity(log.SeverityWarn)
	record.AddAttributes(attribute.Int("item", i))
	if i%2 == 0 {
		record.SetBody(attribute.StringValue(fmt.Sprintf("record %d", i)))
	} else {
		list := attribute.Slice("list", attribute.IntValue(1), attribute.Float64Value(2.5), attribute.Value{})
		record.SetBody(attribute.MapValue(attribute.Int("item", i), list))
	}
	return record
}

func recordMetrics(ctx context.Context, meter metric.Meter, items int) {
	counter := must(meter.Int64Counter("client.counter", metric.WithUnit("{item}"), metric.WithDescription("Items")))
	balance := must(meter.Int64UpDownCounter("client.balance"))
	histogram := must(meter.Float64Histogram("client.histogram", metric.WithUnit("ms")))
	exponential := must(meter.Float64Histogram("client.exponential", metric.WithUnit("ms")))
	gauge := must(meter.Float64Gauge("client.gauge"))
	for i := range items {
		series := metric.WithAttributes(attribute.Int("item", i))
		counter.Add(ctx, int64(i+1), series)
		balance.Add(ctx, int64(-i), series)
		histogram.Record(ctx, float64(i), series)
		exponential.Record(ctx, float64(i*i), series)
		gauge.Record(ctx, float64(i)/7, series)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
