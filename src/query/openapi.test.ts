import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestApi, type TestApi } from '../../test/support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api?.close());

test('the description that is served is valid OpenAPI 3.1 and has every path', async () => {
  const document = await api.get<{ openapi: string; paths: Record<string, unknown> }>('/api/v1/openapi.json');
  const { valid, errors } = await new Validator().validate(document);
  expect(errors).toBe(undefined);
  expect(valid).toBe(true);
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths).sort()).toEqual(
    [
      '/alerts',
      '/critical-path',
      '/critical-path/compare',
      '/cycles',
      '/deadlocks',
      '/locks',
      '/traces/{traceId}/critical-path',
      '/fleet',
      '/graph',
      '/guard',
      '/guard/check',
      '/guard/rules',
      '/logs',
      '/logs/histogram',
      '/logs/otlp',
      '/metrics',
      '/metrics/{name}',
      '/metrics/{name}/points',
      '/openapi.json',
      '/order',
      '/pools',
      '/services',
      '/services/{service}/operations',
      '/sql',
      '/status',
      '/traces',
      '/traces/compare',
      '/traces/facets',
      '/traces/histogram',
      '/traces/{traceId}',
    ].sort(),
  );
});

test('every schema that is referred to is there', async () => {
  const document = await api.get<{ components: { schemas: object } }>('/api/v1/openapi.json');
  const referred = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name);
  expect(referred.filter((name) => !(name in document.components.schemas))).toEqual([]);
});
