import { SCHEMAS } from './openapi-schemas.ts';
import type { Route } from './routes.ts';

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  service: 'Name of the service (service.name)',
  operation: 'Name of the span',
  attribute:
    'key=value, key!=value or key (it exists); may be repeated. Looked for in the item and in its resource; baggage.KEY also in the baggage header',
  status: 'Unset, Ok or Error',
  kind: 'Internal, Server, Client, Producer or Consumer',
  minDuration: 'At least, as 250ms, 1.5s, 80us',
  maxDuration: 'At most',
  exclude: 'FIELD=VALUE that spans must not have, FIELD being service, operation, status or kind; may be repeated',
  selectedStart: 'Selected are traces that begin then or later, …',
  selectedEnd: '… then or earlier, …',
  selectedMinDuration: '… take at least, …',
  selectedMaxDuration: '… and at most',
  start: 'Unix time (s, ms, µs or ns), RFC 3339, or relative as now-15m. Default: an hour before end',
  end: 'As start. Default: now',
  limit: 'Items of the answer, at most 10000',
  cursor: '`next` of the page before',
  buckets: 'Steps of time, at most 500',
  severity: 'Least severity: trace, debug, info, warn, error, fatal',
  text: 'Words that the body must hold; "in quotes" anywhere in it',
  traceId: '32 hexadecimal digits',
  spanId: '16 hexadecimal digits',
  groupBy: 'Attribute key, or service; may be repeated',
  function:
    'gauge: avg, min, max, last; sum: rate, increase, last; histograms: p50, p90, p95, p99, avg, rate, heatmap; summary: avg, rate',
  step: 'Width of a step, as 30s',
  level: 'service (default) or operation',
  hops: 'With service: calls away from it, at most 20. Default 1',
  format: 'json (default), or dot for Graphviz text',
  maxLength: 'Vertices of the longest cycle that is listed. Default 6',
  mode: 'strict (default), or crisp: an overlap below 1 % of the parent is forgiven',
  beforeStart: 'Start of the window to compare with. Default: as long before start as end is behind it',
  beforeEnd: 'End of that window. Default: start',
  capacity: 'name:units of a pool, or of the workers of a service; may be repeated',
  method: 'kahn (default), or dfs where there is no cycle',
};

const REPEATED = new Set(['attribute', 'capacity', 'groupBy', 'exclude']);
const INTEGERS = new Set(['limit', 'buckets', 'hops', 'maxLength']);

function parameterOf(name: string): object {
  const text = INTEGERS.has(name) ? { type: 'integer', minimum: 1 } : { type: 'string' };
  return {
    name,
    in: 'query',
    required: false,
    description: DESCRIPTIONS[name] ?? name,
    schema: REPEATED.has(name) ? { type: 'array', items: text } : text,
  };
}

const content = (type: string, schema: string): object => ({
  [type]: { schema: { $ref: `#/components/schemas/${schema}` } },
});

function operationOf(route: Route): object {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    description: DESCRIPTIONS[name] ?? 'Name of the metric',
    schema: { type: 'string' },
  }));
  const body = { required: true, content: content('application/json', route.asks ?? 'SqlRequest') };
  return {
    operationId: `${route.method.toLowerCase()}${route.path.replace(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase()).replace(/\W/g, '')}`,
    summary: route.summary,
    parameters: [...inPath, ...route.parameters.map(parameterOf)],
    ...(route.method === 'POST' ? { requestBody: body } : {}),
    responses: {
      200: { description: route.summary, content: content('application/json', route.answer) },
      default: { description: 'What is wrong (RFC 9457)', content: content('application/problem+json', 'Problem') },
    },
  };
}

/** The OpenAPI 3.1 description, made from the table of routes. */
export function openApiDocument(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const members = paths[route.path] ?? {};
    members[route.method.toLowerCase()] = operationOf(route);
    paths[route.path] = members;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Clew API',
      version: '1',
      description:
        'Traces, metrics and logs stored by Clew. Nanoseconds are decimal text; ids are lower-case hexadecimal.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/api/v1' }],
    security: [{}, { bearer: [] }],
    paths,
    components: { schemas: SCHEMAS, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  };
}
