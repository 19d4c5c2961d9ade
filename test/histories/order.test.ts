import fs from 'node:fs';
import { afterAll, expect, test, vi } from 'vitest';
import { withoutComments } from '../../src/history/checker.ts';
import { checker } from '../../src/history/lives-world.ts';
import { moduleActions } from '../../tools/proof/prove.ts';
import { followMoves, type Move } from './moves.ts';
import { orderHistory, orderMoves, type StreamEvent, validateOrder } from './order.ts';

/** CLEW_ORDER_HISTORIES sets how many simulated tiers are followed. */
const HISTORIES = Number(process.env['CLEW_ORDER_HISTORIES'] ?? 100);
vi.setConfig({ testTimeout: 600_000 + HISTORIES * 2_000 });
const ORDER = fs.readFileSync('spec/Order.tla', 'utf8');

const seen = new Map<string, number>();

const follow = (events: readonly StreamEvent[]) =>
  validateOrder(checker, ORDER, events, (action) => seen.set(action, (seen.get(action) ?? 0) + 1));

afterAll(() => {
  const actions = moduleActions('Order');
  const table = actions.map((name) => `${name.padEnd(12)} ${seen.get(name) ?? 0}`).join('\n');
  console.log(`actions of spec/Order.tla in validated histories:\n${table}`);
  expect(actions.filter((name) => !seen.has(name))).toEqual([]);
});

/** The history of the first seed from `seed` on in which streams wander. */
async function next(seed: number): Promise<{ readonly seed: number; readonly events: StreamEvent[] }> {
  const events = await orderHistory(seed);
  return events === undefined ? next(seed + 1) : { seed, events };
}

test('the specification allows what every tier does whose receivers take streams over from one another', async () => {
  let seed = 0;
  let moved = 0;
  for (let nth = 0; nth < HISTORIES; nth++) {
    const history = await next(seed + 1);
    seed = history.seed;
    const judged = follow(history.events);
    if (judged === undefined) continue;
    expect(judged, `seed ${seed}`).toMatchObject({ kind: 'allowed' });
    const { moves, streams } = orderMoves(history.events);
    if (moves.filter(({ action }) => action.startsWith('Grant')).length > streams) moved++;
  }
  expect(moved).toBeGreaterThan(HISTORIES / 2);
});

/** Moves, a word each: `Grant1.2` gives the first stream to the second receiver, `Take1.2.1` is its first item, `Send2.1` the first record there. */
const drawn = (text: string): Move[] =>
  text.split(/\s+/).map((word, line) => {
    const [, name = '', numbers = ''] = /^([A-Za-z]+)([\d.]*)$/.exec(word) ?? [];
    return { action: `${name}(${numbers.replaceAll('.', ', ')})`, line };
  });

const MOVED = 'Grant1.1 Take1.1.1 Grant1.2 Take1.2.2';

/** What a tier with one bug would do: the step in brackets is the first that the specification forbids. */
test.each([
  ['takes in what another receiver holds', 'Grant1.1 Take1.1.1 [Take1.2.2]'],
  ['leaves an item out', 'Grant1.1 [Take1.1.2]'],
  ['sends before the other receiver has sent', `${MOVED} [Send2.1]`],
  ['sends before the other receiver has its answer', `${MOVED} Send1.1 Arrive1.1 [Send2.1]`],
  ['sends past a record', 'Grant1.1 Take1.1.1 Take1.1.2 [Send1.2]'],
  ['takes what was not sent', 'Grant1.1 Take1.1.1 [Arrive1.1]'],
  ['takes an item once more', 'Grant1.1 Take1.1.1 Send1.1 Arrive1.1 [Arrive1.1]'],
  ['settles what nobody took', 'Grant1.1 Take1.1.1 Send1.1 [Settle1.1]'],
  ['goes back behind what is settled', 'Grant1.1 Take1.1.1 Send1.1 Arrive1.1 Settle1.1 [Again1]'],
  ['forgets in the third receiver what the first has', 'Grant1.1 Take1.1.1 Grant1.2 Grant1.3 Take1.3.2 [Send3.1]'],
])('it refuses a tier that %s, at that step', (_, text) => {
  const at = text.split(/\s+/).findIndex((word) => word.startsWith('['));
  const constants = { R: '3', S: '2', N: '4', Moves: '99', MaxFaults: '99' };
  const judged = followMoves(
    checker,
    { module: withoutComments(ORDER), constants },
    drawn(text.replace(/[[\]]/g, '')),
    () => {},
  );
  expect(judged).toMatchObject({ kind: 'forbidden', move: { line: at } });
});

test('a step of a real history that is left out is missed at the next that needs it', async () => {
  const { events } = await next(1);
  for (const step of ['Deliver', 'Transmit'] as const) {
    const at = events.findIndex((event) => event.step === step && event.stream.startsWith('feedc0de00000002-'));
    expect(at, step).toBeGreaterThan(0);
    expect(follow(events.filter((_event, index) => index !== at))?.kind, step).toBe('forbidden');
  }
});
