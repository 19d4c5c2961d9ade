package main

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

type exporters struct {
	spans   sdktrace.SpanExporter
	logs    sdklog.Exporter
	metrics sdkmetric.Exporter
}

// newExporters makes the exporters of a protocol. They read endpoint, compression and authority from the environment.
func newExporters(ctx context.Context, protocol string) (made exporters, err error) {
	var errs [3]error
	if protocol == "grpc" {
		made.spans, errs[0] = otlptracegrpc.New(ctx)
		made.logs, errs[1] = otlploggrpc.New(ctx)
		made.metrics, errs[2] = otlpmetricgrpc.New(ctx)
	} else {
		made.spans, errs[0] = otlptracehttp.New(ctx)
		made.logs, errs[1] = otlploghttp.New(ctx)
		made.metrics, errs[2] = otlpmetrichttp.New(ctx)
	}
	return made, errors.Join(errs[:]...)
}
