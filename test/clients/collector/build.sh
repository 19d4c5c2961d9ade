#!/usr/bin/env bash
# build.sh DIR: builds an OpenTelemetry Collector and telemetrygen into DIR from their Go modules (about three minutes). What is there stays.
set -euo pipefail
version=v0.155.0
mkdir -p "$1"
dir=$(cd "$1" && pwd)
export GOBIN="$dir" GOFLAGS=-mod=mod

if [ ! -x "$dir/telemetrygen" ]; then
  go install "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@$version"
fi
if [ ! -x "$dir/otelcol" ]; then
  go install "go.opentelemetry.io/collector/cmd/builder@$version"
  cat >"$dir/builder.yaml" <<YAML
dist: { name: otelcol, output_path: $dir/source }
receivers: [{ gomod: go.opentelemetry.io/collector/receiver/otlpreceiver $version }]
processors: [{ gomod: go.opentelemetry.io/collector/processor/batchprocessor $version }]
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/otlpexporter $version
  - gomod: go.opentelemetry.io/collector/exporter/otlphttpexporter $version
YAML
  "$dir/builder" --config "$dir/builder.yaml"
  mv "$dir/source/otelcol" "$dir/otelcol"
fi
