import { expect, test } from 'vitest';
import { runLoad } from './load.ts';
import { measureSmall } from './small.ts';

test('small and large requests are all answered, stored and costed, and idle connections stay open', async () => {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const result = await measureSmall({
    seconds: 0.5,
    connections: 20,
    idle: 150,
    receivers: 2,
    send: runLoad,
    settle: async () => undefined,
    log,
  });
  expect(result.loads.map(({ name }) => name)).toEqual([
    '500 spans, 16 in flight',
    '10 spans of 5 resources',
    '10 spans of 1 resource',
  ]);
  for (const load of result.loads) {
    expect(Object.keys(load.codes)).toEqual(['200']);
    expect(load.receiverCpuMicrosPerSpan).toBeGreaterThan(0);
  }
  expect(result.idle.connections).toBe(150);
  expect(lines).toHaveLength(4);
});
