import fs from 'node:fs';
import { afterAll, expect, test, vi } from 'vitest';
import { checker } from '../../src/history/lives-world.ts';
import { moduleActions } from '../../tools/proof/prove.ts';
import { type LaneStep, laneHistory, laneShape } from './lane-world.ts';
import { validateFlow, validateLatency } from './ticks.ts';

/** CLEW_LANE_HISTORIES sets how many histories of a lane are followed, each through both specifications. */
const HISTORIES = Number(process.env['CLEW_LANE_HISTORIES'] ?? 100);
vi.setConfig({ testTimeout: 600_000 + HISTORIES * 2_000 });
const FLOW = fs.readFileSync('spec/Flow.tla', 'utf8');
const LATENCY = fs.readFileSync('spec/Latency.tla', 'utf8');

const seen = new Map<string, number>();
const note = (module: string) => (action: string) => {
  const key = `${module} ${action}`;
  seen.set(key, (seen.get(key) ?? 0) + 1);
};

afterAll(() => {
  for (const module of ['Flow', 'Latency']) {
    const actions = moduleActions(module).map((name) => `${module} ${name}`);
    const table = actions.map((name) => `${name.split(' ')[1]?.padEnd(12)} ${seen.get(name) ?? 0}`).join('\n');
    console.log(`actions of spec/${module}.tla in validated histories:\n${table}`);
    expect(actions.filter((name) => !seen.has(name))).toEqual([]);
  }
});

test('the specifications allow every history of a lane whose destination answers in time', async () => {
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const shape = laneShape(seed);
    const steps = await laneHistory(seed, shape);
    const flow = validateFlow(checker, FLOW, steps, shape.queueMax, note('Flow'));
    expect(flow, `seed ${seed}: ${steps.join(' ')}`).toMatchObject({ kind: 'allowed' });
    const latency = validateLatency(checker, LATENCY, steps, shape, note('Latency'));
    expect(latency, `seed ${seed}: ${JSON.stringify(shape)} ${steps.join(' ')}`).toMatchObject({ kind: 'allowed' });
  }
});

const SHAPE = { queueMax: 2, retriesMax: 1, answerTicks: 2 };

test.each([
  [
    'a try that fails and one that succeeds',
    'Answer Transmit Tick Timeout Tick Tick Resend Transmit BatchOk Save Forget',
  ],
  ['one that is given up', 'Answer Transmit Timeout Resend Transmit Timeout Requeue Tick Save Forget'],
  ['a full queue', 'Answer Transmit Answer Refused Tick BatchOk Transmit Save Forget Answer'],
])('the specifications allow %s', (_, text) => {
  const steps = text.split(' ') as LaneStep[];
  expect(validateFlow(checker, FLOW, steps, SHAPE.queueMax)).toMatchObject({ kind: 'allowed' });
  expect(validateLatency(checker, LATENCY, steps, SHAPE)).toMatchObject({ kind: 'allowed' });
});

/** What a lane or intake with one bug would do: the step in brackets is the first that the specification forbids. */
test.each([
  ['keeps more than its quota', 'Answer Transmit Answer [Answer]'],
  ['refuses while there is room', 'Answer Transmit [Refused]'],
  ['frees a place before the request has ended', 'Answer Transmit [Forget]'],
  ['begins what is not there', 'Answer Transmit [Transmit]'],
  ['sends more at once than it has connections', 'Answer Answer Transmit [Transmit]'],
  ['waits beside a queue', 'Answer [Tick] Transmit'],
  ['ends what was not begun', 'Answer [BatchOk]'],
  ['does not free the place of what is forgotten', 'Answer Transmit BatchOk Forget Answer Transmit [Refused]'],
])('flow control refuses one that %s, at that step', (_, text) => {
  const at = text.split(' ').findIndex((word) => word.startsWith('['));
  const judged = validateFlow(checker, FLOW, text.replace(/[[\]]/g, '').split(' ') as LaneStep[], SHAPE.queueMax);
  expect(judged).toMatchObject({ kind: 'forbidden', move: { line: at } });
});

test.each([
  ['waits for an answer too long', 'Answer Transmit Tick Tick [Tick] BatchOk'],
  ['pauses too long', 'Answer Transmit Timeout Tick Tick [Tick] Resend'],
  ['waits beside a queue', 'Answer [Tick] Transmit'],
  ['tries once too often', 'Answer Transmit Timeout Resend Transmit [Timeout] Resend Transmit'],
  ['gives up too early', 'Answer Transmit Timeout [Requeue]'],
  [
    'takes long to write down what it gave up',
    'Answer Transmit Timeout Resend Transmit Timeout Requeue Tick [Tick] Save',
  ],
  [
    'goes on before a giving up is written down',
    'Answer Answer Transmit Timeout Resend Transmit Timeout Requeue [Transmit]',
  ],
  ['keeps more than its queue', 'Answer Transmit Answer [Answer]'],
])('the bound of the latency refuses one that %s, at that step', (_, text) => {
  const at = text.split(' ').findIndex((word) => word.startsWith('['));
  const judged = validateLatency(checker, LATENCY, text.replace(/[[\]]/g, '').split(' ') as LaneStep[], SHAPE);
  expect(judged).toMatchObject({ kind: 'forbidden', move: { line: at } });
});
