import fs from 'node:fs';
import { afterAll, expect, test, vi } from 'vitest';
import { checker } from '../../src/history/lives-world.ts';
import { moduleActions } from '../../tools/proof/prove.ts';
import { scheduleOf } from '../simulation/schedule.ts';
import { simulate } from '../simulation/simulation.ts';
import { TOKENS_REMEMBERED } from '../simulation/store-twin.ts';
import { type InsertStep, validateInserts } from './inserts.ts';

/** CLEW_INSERT_HISTORIES sets how many simulated schedules are followed. */
const HISTORIES = Number(process.env['CLEW_INSERT_HISTORIES'] ?? 200);
vi.setConfig({ testTimeout: 600_000 + HISTORIES * 2_000 });
const WINDOW = fs.readFileSync('spec/Window.tla', 'utf8');

const seen = new Map<string, number>();

const follow = (steps: readonly InsertStep[], window = TOKENS_REMEMBERED) =>
  validateInserts(checker, WINDOW, steps, window, (action) => seen.set(action, (seen.get(action) ?? 0) + 1));

afterAll(() => {
  const actions = moduleActions('Window');
  const table = actions.map((name) => `${name.padEnd(12)} ${seen.get(name) ?? 0}`).join('\n');
  console.log(`actions of spec/Window.tla in validated histories:\n${table}`);
  expect(actions.filter((name) => !seen.has(name))).toEqual([]);
});

test('the specification allows what every simulated loader has its store do', async () => {
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const steps: InsertStep[] = [];
    await simulate(scheduleOf(seed), undefined, (step, table, file) => steps.push({ step, table, file }));
    if (steps.length === 0) continue;
    expect(follow(steps), `seed ${seed}`).toMatchObject({ kind: 'allowed' });
  }
});

/** Steps of one table, a word each: `Send1` speaks of the first file. */
function drawn(text: string): InsertStep[] {
  return text.split(/\s+/).map((word) => {
    const [, step = '', file = ''] = /^(Send|Apply|Skip)(\d+)$/.exec(word) ?? [];
    return { step: step as InsertStep['step'], table: 't', file };
  });
}

test.each([
  ['a repetition within the window', 'Send1 Apply1 Send2 Apply2 Send1 Skip1'],
  ['one that waited while as many were applied as are remembered', 'Send1 Send2 Apply2 Send3 Apply3 Apply1'],
  ['two under way at once', 'Send1 Send2 Apply2 Apply1 Skip2'],
])('the specification allows %s', (_, text) => {
  expect(follow(drawn(text), 2)).toMatchObject({ kind: 'allowed' });
});

/** What a loader or store with one bug would do: the step in brackets is the first that the specification forbids. */
test.each([
  ['applies a repetition', 'Send1 Apply1 [Apply1]'],
  ['passes over what it never applied', 'Send1 [Skip1]'],
  ['passes over what it has forgotten', 'Send1 Apply1 Send2 Apply2 Send3 Apply3 [Skip1]'],
  ['applies what was never sent', '[Apply1]'],
  [
    'tries a file again after more were applied than are remembered',
    'Send1 Send2 Apply2 Send3 Apply3 Send4 Apply4 [Apply1]',
  ],
  ['forgets a token too early', 'Send1 Apply1 Send2 Apply2 [Apply1]'],
])('it refuses one that %s, at that step', (_, text) => {
  const at = text.split(/\s+/).findIndex((word) => word.startsWith('['));
  expect(follow(drawn(text.replace(/[[\]]/g, '')), 2)).toMatchObject({ kind: 'forbidden', move: { line: at } });
});
