import { expect, test } from 'vitest';
import { makeTemplates } from '../../bench/payload.ts';
import { benchTranscode } from './transcode.bench.ts';

test('the transcode bench counts every span and makes the same bytes in every round', () => {
  const requests = makeTemplates(4, 100).map(({ body }) => body);
  const one = benchTranscode(requests, 1);
  expect(one).toMatchObject({ spans: 400 });
  expect(one.spansPerCpuSecond).toBeGreaterThanOrEqual(one.spansPerCpuSecondFrozen);
  expect(benchTranscode(requests, 3).digest).toBe(one.digest);
});
