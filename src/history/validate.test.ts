import { afterAll, expect, test, vi } from 'vitest';
import { STEPS } from '../base/history.ts';
import { checker, INTAKE, simulatedHistory, type Trouble } from './lives-world.ts';
import { type HistoryStep, isSegmentStep, readHistory } from './steps.ts';
import { validateHistory } from './validate.ts';

vi.setConfig({ testTimeout: 120_000 });

/** CLEW_HISTORIES sets how many simulated histories are checked, half of each kind; CLEW_HISTORY_SEED the first seed of each. */
const HISTORIES = Number(process.env['CLEW_HISTORIES'] ?? 1000);
const FIRST_SEED = Number(process.env['CLEW_HISTORY_SEED'] ?? 1);

const seen = new Map<string, number>();

function stepsOf(text: string): HistoryStep[] {
  const read = readHistory(text);
  if ('problem' in read) throw new Error(`line ${read.line} ${read.problem}`);
  return read.steps.filter(isSegmentStep);
}

afterAll(() => {
  const table = STEPS.map((step) => `${step.padEnd(10)} ${seen.get(step) ?? 0}`).join('\n');
  console.log(`actions of spec/Intake.tla in validated histories:\n${table}`);
  expect(STEPS.filter((step) => !seen.has(step))).toEqual([]);
});

test.each<Trouble>(['crash', 'errors'])(
  'the specification allows every history of the simulated intake: %s',
  async (trouble) => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES / 2; seed++) {
      const steps = stepsOf(await simulatedHistory(seed, trouble));
      const judged = validateHistory(checker, INTAKE, steps);
      if (judged.kind === 'forbidden') {
        const { step } = judged;
        const key = (other: HistoryStep) =>
          !isSegmentStep(step) || other.segment === step.segment || other.segment === '';
        const life = steps
          .filter((other) => key(other) && other.line <= step.line)
          .map(({ step, count }) => `${step} ${count}`);
        expect.fail(`seed ${seed}: ${JSON.stringify(judged, null, 1)}\n${life.join(', ')}`);
      }
      for (const { step } of steps) seen.set(step, (seen.get(step) ?? 0) + 1);
    }
  },
  120_000 + HISTORIES * 500,
);

/** One segment's life, a step a word: `Sync3` speaks of three records. */
function drawn(text: string): HistoryStep[] {
  return text.split(/\s+/).map((word, index) => {
    const [, step = '', count = ''] = /^([A-Za-z]+)(\d*)$/.exec(word) ?? [];
    const forAll = step === 'Boot' || step === 'StoreBoot';
    const receiver = step === 'StoreBoot' ? '*' : 'r0';
    return {
      line: index + 1,
      step: step as HistoryStep['step'],
      receiver,
      segment: forAll ? '' : 's',
      count: Number(count),
    };
  });
}

const TAKEN = 'Open Add1 Add2 Write2 Sync2 Answer1 Answer2';
const HANDED = `${TAKEN} Close Files2 Publish2 Seal Load Mark Marked Remove Forget`;

test.each([
  ['a whole life', HANDED],
  ['an answer after the segment was closed', 'Open Add1 Add2 Write2 Close Sync2 Answer2 Answer1 Files2 Publish2 Seal'],
  [
    'a crash after which more is read back than was answered',
    'Open Add1 Add2 Write2 Sync2 Answer1 Boot Replay2 Files2',
  ],
  [
    'a crash that undoes a manifest that was not durable',
    `${TAKEN} Close Files2 Publish2 Boot Replay2 Files2 Publish2 Seal Load`,
  ],
  [
    'a load repeated after a crash of the store',
    `${TAKEN} Close Files2 Publish2 Seal Load Mark StoreBoot Load Mark Marked`,
  ],
  [
    'a mark found after a crash',
    `${TAKEN} Close Files2 Publish2 Load Seal Mark StoreBoot Remove Forget StoreBoot Remove Forget`,
  ],
  [
    'files of rows that were lost and made again',
    `${TAKEN} Close Files2 Publish2 Seal Boot Repair2 Publish2 Seal Load Mark`,
  ],
  [
    'what was read back, fsynced and sealed',
    'Open Add1 Add2 Write1 Sync1 Answer1 Boot Replay2 Sync2 Files2 Publish2 Seal',
  ],
  ['a failed fsync', 'Open Add1 Write1 Sync1 Answer1 Add2 Fail Close Cut Replay1 Files1 Publish1 Seal Load'],
])('the specification allows %s', (_, text) => {
  expect(validateHistory(checker, INTAKE, drawn(text))).toMatchObject({ kind: 'allowed', lives: 1 });
});

/** What a program with one bug would record: the step in brackets is the first that the specification forbids. */
test.each([
  ['answers before the fsync', 'Open Add1 Write1 [Answer1] Sync1'],
  ['answers a record that was never appended', 'Open Add1 Write1 Sync1 [Answer2]'],
  ['answers what failed', 'Open Add1 Write1 Fail [Answer1]'],
  ['fsyncs before it writes', 'Open Add1 [Sync1] Write1'],
  ['appends to a closed segment', 'Open Add1 Close [Add2]'],
  ['appends after a failure', 'Open Add1 Fail [Add2]'],
  ['goes on writing after a failure', 'Open Add1 Add2 Fail [Write2]'],
  ['seals fewer rows than it journalled', `${TAKEN} Close [Files1]`],
  ['seals before the last fsync', 'Open Add1 Write1 Close [Files1]'],
  ['seals an open segment', `${TAKEN} [Files2]`],
  ['publishes before the rows are written', `${TAKEN} Close [Publish2] Files2`],
  [
    'publishes what it read back and did not fsync',
    'Open Add1 Add2 Write1 Sync1 Answer1 Boot Replay2 Files2 [Publish2]',
  ],
  ['repairs with other rows', `${TAKEN} Close Files2 Publish2 Seal Boot [Repair1]`],
  ['publishes another number than it wrote', `${TAKEN} Close Files2 [Publish1]`],
  ['loses an answered record in a crash', `${TAKEN} Boot [Replay1]`],
  ['reads back more than was ever appended', `${TAKEN} Boot [Replay3]`],
  ['rebuilds more than is durable after a failure', 'Open Add1 Write1 Sync1 Add2 Fail Close [Replay2]'],
  ['replays what is sealed', `${TAKEN} Close Files2 Publish2 Seal Boot [Replay2]`],
  ['loads before the manifest is there', `${TAKEN} Close Files2 [Load]`],
  ['marks before it has loaded', `${TAKEN} Close Files2 Publish2 Seal [Mark]`],
  ['loads what it has marked', `${TAKEN} Close Files2 Publish2 Seal Load Mark Marked [Load]`],
  ['removes before the mark is durable', `${TAKEN} Close Files2 Publish2 Seal Load Mark [Remove]`],
  ['removes without a mark', `${TAKEN} Close Files2 Publish2 Seal Load [Remove]`],
  ['removes the mark before the rows', `${TAKEN} Close Files2 Publish2 Seal Load Mark Marked [Forget]`],
  ['opens a segment again', `${HANDED} [Open]`],
  ['goes on with an open segment of the process before', `${TAKEN} Boot [Add3]`],
])('it refuses a program that %s, at that step', (_, text) => {
  const words = text.split(/\s+/);
  const at = words.findIndex((word) => word.startsWith('['));
  const judged = validateHistory(checker, INTAKE, drawn(text.replace(/[[\]]/g, '')));
  expect(judged).toMatchObject({ kind: 'forbidden', step: { line: at + 1 } });
  if (judged.kind === 'forbidden') expect(judged.allowed).not.toEqual([]);
});

test('a disk whose fsync does nothing is found out: some history is refused where the journal is read back', async () => {
  let refused = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const judged = validateHistory(checker, INTAKE, stepsOf(await simulatedHistory(seed, 'lies')));
    if (judged.kind === 'allowed') continue;
    expect(judged.step.step).toBe('Replay');
    refused++;
  }
  expect(refused).toBeGreaterThan(5);
});

/** The steps of a segment from its beginning to its end, none of them done again after a crash: the crash itself is no step of a segment. */
async function straightLife(): Promise<HistoryStep[]> {
  for (let seed = 1; seed <= 40; seed++) {
    const steps = stepsOf(await simulatedHistory(seed, 'crash'));
    for (const one of new Set(steps.map(({ segment }) => segment))) {
      const life = steps.filter(({ segment }) => segment === one);
      const kinds = life.map(({ step }) => step);
      const isOnce = kinds.filter((kind) => kind === 'Mark').length === 1;
      const isStraight = isOnce && !kinds.includes('Repair') && !kinds.includes('Replay');
      if (isStraight && kinds.includes('Forget')) return life;
    }
  }
  return [];
}

test('a step that is left out of a history, or told twice, is missed at the next that needs it', async () => {
  const kinds = ['Write', 'Sync', 'Files', 'Publish', 'Load', 'Mark', 'Marked', 'Remove'] as const;
  const life = await straightLife();
  expect(life.map(({ step }) => step)).toEqual(expect.arrayContaining([...kinds]));
  for (const kind of kinds) {
    const last = life.findLast(({ step }) => step === kind);
    const without = life.filter((step) => step !== last);
    const judged = validateHistory(checker, INTAKE, without);
    expect(judged.kind, `without ${kind}`).toBe('forbidden');
  }
  for (const kind of ['Open', 'Add', 'Write', 'Sync', 'Mark', 'Marked', 'Forget'] as const) {
    const at = life.findLastIndex(({ step }) => step === kind);
    const judged = validateHistory(checker, INTAKE, [...life.slice(0, at + 1), ...life.slice(at)]);
    expect(judged, `${kind} twice`).toMatchObject({ kind: 'forbidden', step: { step: kind } });
  }
});
