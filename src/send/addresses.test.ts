import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '../base/limits.ts';
import { ManualClock } from '../host/manual-clock.ts';
import {
  type FoundAddress,
  type KnownAddresses,
  NO_ADDRESSES,
  spread,
  stepAddresses,
  targetAddresses,
} from './addresses.ts';
import { Names } from './names.ts';

const found = (text: string): FoundAddress[] =>
  text
    .split(' ')
    .filter(Boolean)
    .map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
const after = (...looks: string[]): string =>
  targetAddresses(looks.reduce<KnownAddresses>((known, look) => stepAddresses(known, found(look)), NO_ADDRESSES)).join(
    ' ',
  );

test('a name with several addresses of a family is as many targets; with one of each it is one', () => {
  expect(after('10.0.0.2 10.0.0.1')).toBe('10.0.0.1 10.0.0.2');
  expect(after('10.0.0.1')).toBe('');
  expect(after('127.0.0.1 ::1')).toBe('');
  expect(after('10.0.0.1 10.0.0.2 fd00::1 fd00::2')).toBe('10.0.0.1 10.0.0.2');
  expect(after('10.0.0.1 fd00::1 fd00::2')).toBe('fd00::1 fd00::2');
});

test('an address is a target until three looks in a row have not found it', () => {
  const [both, one] = ['10.0.0.1 10.0.0.2', '10.0.0.1'];
  expect(after(both, one, one)).toBe(both);
  expect(after(both, one, one, both, one, one)).toBe(both);
  expect(after(both, one, one, one)).toBe('');
});

test('whatever is found, an address that was found just now is known, and there are never more than the limit', () => {
  const look = fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { maxLength: 300 });
  fc.assert(
    fc.property(fc.array(look, { minLength: 1, maxLength: 6 }), (looks) => {
      let known = NO_ADDRESSES;
      for (const numbers of looks) {
        const seen = numbers.map((number) => ({ address: `10.0.${number >> 8}.${number & 255}`, family: 4 }));
        known = stepAddresses(known, seen);
        for (const { address } of seen.slice(0, LIMITS.addressesMax)) expect(known.get(address)?.misses).toBe(0);
        expect(known.size).toBeLessThanOrEqual(LIMITS.addressesMax);
        for (const { misses } of known.values()) expect(misses).toBeLessThan(LIMITS.addressMissesMax);
      }
    }),
  );
});

test('each address has the priority and the weight of its name', () => {
  const targets = [
    { url: 'http://a:1', priority: 0, weight: 3 },
    { url: 'http://10.9.9.9:1', priority: 1, weight: 1 },
  ];
  expect(spread(targets, (url) => (url === 'http://a:1' ? ['10.0.0.1', '10.0.0.2'] : []))).toEqual([
    { url: 'http://a:1#10.0.0.1', priority: 0, weight: 3 },
    { url: 'http://a:1#10.0.0.2', priority: 0, weight: 3 },
    { url: 'http://10.9.9.9:1', priority: 1, weight: 1 },
  ]);
});

/** Names over a clock that stands still; `answers` says what is found next, an error where nobody answers. */
async function openNames(answers: () => string | Error) {
  const clock = new ManualClock();
  const reports: string[] = [];
  const asked: string[] = [];
  const changes: string[] = [];
  const names = new Names({
    hosts: ['many.test', '127.0.0.1'],
    lookup: async (host) => {
      asked.push(host);
      const answer = answers();
      if (answer instanceof Error) throw answer;
      return found(answer);
    },
    clock,
    report: (text) => reports.push(text),
  });
  names.onChange = () => changes.push(names.addressesOf('many.test').join(' '));
  await names.start(1_000);
  const later = async (): Promise<void> => {
    clock.advance(LIMITS.resolveMs);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { names, later, reports, asked, changes };
}

test('names are looked up again every 30 s, addresses never, and only what is new is told', async () => {
  const answers = ['10.0.0.1', '10.0.0.1 10.0.0.2', '10.0.0.2 10.0.0.1', '10.0.0.1 10.0.0.2 10.0.0.3'];
  const { names, later, asked, changes } = await openNames(() => answers.shift() ?? '');
  expect(changes).toEqual([]);
  for (let look = 0; look < 3; look++) await later();
  expect(changes).toEqual(['10.0.0.1 10.0.0.2', '10.0.0.1 10.0.0.2 10.0.0.3']);
  expect(asked).toEqual(['many.test', 'many.test', 'many.test', 'many.test']);
  expect(names.addressesOf('127.0.0.1')).toEqual([]);
  names.stop();
  await later();
  expect(asked).toHaveLength(4);
});

test('while a name cannot be resolved its addresses stay, and that is said once', async () => {
  let answer: string | Error = '10.0.0.1 10.0.0.2';
  const { names, later, reports } = await openNames(() => answer);
  answer = new Error('EAI_AGAIN');
  for (let look = 0; look < 5; look++) await later();
  expect(names.addressesOf('many.test')).toEqual(['10.0.0.1', '10.0.0.2']);
  expect(reports).toEqual(['many.test cannot be resolved: EAI_AGAIN']);
});
