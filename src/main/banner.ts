import path from 'node:path';
import type { Fleet } from './channel.ts';
import type { Settings } from './settings.ts';

/** What a person reads when Clew is ready: where it listens and what to set in an SDK. */
export function bannerText(
  settings: Settings,
  endpoints: Fleet['endpoints'],
  version: string,
  startMs: number,
): string {
  const { grpc, http, api } = endpoints;
  const rows = [
    ['UI and API', api],
    ['OTLP/HTTP', http],
    ['OTLP/gRPC', grpc],
    ['data', path.resolve(settings.data)],
    ['store', settings['store.url'] ?? 'embedded ClickHouse'],
  ];
  const lines = ['', `Clew ${version} is ready (${(startMs / 1000).toFixed(1)} s).`, ''];
  for (const [name, value] of rows) if (value !== '') lines.push(`  ${(name ?? '').padEnd(12)}${value}`);
  lines.push('', 'Point any OpenTelemetry SDK at it:', '');
  if (http !== '') lines.push(...exports(http, 'http/protobuf'));
  if (http !== '' && grpc !== '') lines.push('', 'or over gRPC:', '');
  if (grpc !== '') lines.push(...exports(grpc, 'grpc'));
  if (settings['auth.tokens'].length > 0 || settings['auth.tokensFile'] !== null) {
    lines.push('  export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer <one of the tokens>"');
  }
  lines.push('', 'Ctrl-C ends it.', '');
  return lines.join('\n');
}

function exports(endpoint: string, protocol: string): string[] {
  return [`  export OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint}`, `  export OTEL_EXPORTER_OTLP_PROTOCOL=${protocol}`];
}
