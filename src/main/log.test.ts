import { expect, test } from 'vitest';
import { createLog, type LogOptions } from './log.ts';

function lines(options: Partial<LogOptions>): { written: string[]; log: ReturnType<typeof createLog> } {
  const written: string[] = [];
  const log = createLog({
    level: 'info',
    format: 'json',
    process: 'store',
    now: () => new Date(0),
    write: (line) => written.push(line),
    ...options,
  });
  return { written, log };
}

test('a JSON line is one object with its facts', () => {
  const { written, log } = lines({});
  log.warn('two\nlines', { port: 4317 });
  expect(written).toHaveLength(1);
  expect(written[0]?.split('\n')).toHaveLength(2);
  expect(JSON.parse(written[0] ?? '')).toEqual({
    time: '1970-01-01T00:00:00.000Z',
    level: 'warn',
    process: 'store',
    message: 'two\nlines',
    port: 4317,
  });
});

test('less severe lines than the level are not written, and a pretty line is one line too', () => {
  const { written, log } = lines({ format: 'pretty', level: 'warn' });
  log.info('quiet');
  log.error('two\nlines');
  expect(written).toHaveLength(1);
  expect(written[0]?.trimEnd().split('\n')).toHaveLength(1);
});
