import { describe, expect, it } from 'vitest';
import { type DayPartition, partitionsToDrop } from './retention.ts';

/** Days as drawn: `0301:10+2` is the first of March with 10 bytes in table a and 2 in table b. */
function drawn(text: string): DayPartition[] {
  return text.split(' ').flatMap((day) => {
    const [date, sizes] = day.split(':');
    return sizes.split('+').map((bytes, i) => ({ table: 'ab'[i], id: `2026${date}`, rows: 1, bytes: Number(bytes) }));
  });
}

const names = (partitions: readonly DayPartition[]) => partitions.map(({ table, id }) => id.slice(4) + table).join(' ');
const at = (date: string, time = '12:00') => Date.parse(`2026-${date}T${time}:00Z`);

describe('retention', () => {
  it('keeps everything without a limit', () => {
    expect(partitionsToDrop(drawn('0101:10 0301:10'), {}, at('03-05'))).toEqual([]);
  });

  it('drops a day when its last moment is older than the limit, in all tables', () => {
    const days = drawn('0301:1+1 0302:1+1 0303:1+1');
    expect(names(partitionsToDrop(days, { days: 3 }, at('03-05')))).toBe('0301a 0301b');
    expect(names(partitionsToDrop(days, { days: 3 }, at('03-04', '23:59')))).toBe('');
    expect(names(partitionsToDrop(days, { days: 3 }, at('03-05', '00:00')))).toBe('0301a 0301b');
  });

  it('drops the oldest days until the bytes fit, counting all tables', () => {
    const days = drawn('0301:10+5 0302:10+5 0303:10+5');
    expect(names(partitionsToDrop(days, { bytes: 45 }, at('03-03')))).toBe('');
    expect(names(partitionsToDrop(days, { bytes: 44 }, at('03-03')))).toBe('0301a 0301b');
    expect(names(partitionsToDrop(days, { bytes: 29 }, at('03-03')))).toBe('0301a 0301b 0302a 0302b');
  });

  it('keeps the newest day whatever its size', () => {
    expect(names(partitionsToDrop(drawn('0302:10 0303:1000'), { bytes: 5 }, at('03-03')))).toBe('0302a');
  });

  it('applies both limits together', () => {
    const days = drawn('0101:1 0301:10 0302:10 0303:10');
    expect(names(partitionsToDrop(days, { days: 30, bytes: 25 }, at('03-03')))).toBe('0101a 0301a');
  });
});
