import fs from 'node:fs';
import { afterAll, expect, test, vi } from 'vitest';
import { moduleActions } from '../../tools/proof/prove.ts';
import { checker, INTAKE } from './lives-world.ts';
import { type HistoryLine, readHistory, type StreamStep } from './steps.ts';
import { type Dangers, tiersHistory } from './tiers-world.ts';
import { validateHistory } from './validate.ts';
import { validateStreams } from './validate-streams.ts';

/** CLEW_STREAM_HISTORIES sets how many histories of edge, region and centre are followed. */
const HISTORIES = Number(process.env['CLEW_STREAM_HISTORIES'] ?? 60);
vi.setConfig({ testTimeout: 600_000 + HISTORIES * 2_000 });
const SENDER = fs.readFileSync('spec/Sender.tla', 'utf8');

const DANGERS: readonly Dangers[] = [
  { loss: 0.2, crash: 0.4, refusal: 0.1, retriesMax: 200 },
  { loss: 0.3, crash: 0.7, refusal: 0.6, retriesMax: 200 },
  { loss: 0.3, crash: 0.3, refusal: 0.4, retriesMax: 1 },
];

const seen = new Map<string, number>();

function linesOf(text: string): HistoryLine[] {
  const read = readHistory(text);
  if ('problem' in read) throw new Error(`line ${read.line} ${read.problem}`);
  return read.steps;
}

const follow = (lines: readonly HistoryLine[]) =>
  validateStreams(checker, SENDER, lines, (action) => seen.set(action, (seen.get(action) ?? 0) + 1));

afterAll(() => {
  const actions = moduleActions('Sender');
  console.log(
    `actions of spec/Sender.tla in validated histories:\n${actions.map((name) => `${name.padEnd(12)} ${seen.get(name) ?? 0}`).join('\n')}`,
  );
  expect(actions.filter((name) => !seen.has(name))).toEqual([]);
});

test('the specification allows every history of edge, region and centre, and nothing is stored twice', async () => {
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const { text, stored } = await tiersHistory(seed, DANGERS[seed % DANGERS.length] as Dangers);
    const lines = linesOf(text);
    expect(follow(lines), `seed ${seed}`).toMatchObject({ kind: 'allowed' });
    expect(validateHistory(checker, INTAKE, lines), `seed ${seed}`).toMatchObject({ kind: 'allowed' });
    expect(stored.length, `seed ${seed}`).toBe(new Set(stored).size);
  }
});

test('the specification allows a sender whose disk refuses to be read in the middle of a batch', async () => {
  const dangers = { loss: 0, crash: 0, refusal: 0, retriesMax: 9, bytesMax: 8_000_000, lineBytes: 700_000 };
  const lines = linesOf((await tiersHistory(3, dangers, 2)).text);
  expect(lines.some(({ step }) => step === 'Abandon')).toBe(true);
  expect(follow(lines)).toMatchObject({ kind: 'allowed' });
});

test('an answer that says what is held already is followed', async () => {
  let overlaps = 0;
  for (let seed = 1; overlaps === 0 && seed < 200; seed++) {
    const lines = linesOf((await tiersHistory(seed, DANGERS[1] as Dangers, 2)).text);
    if (!lines.some(({ step }) => step === 'Overlap')) continue;
    overlaps++;
    expect(follow(lines)).toMatchObject({ kind: 'allowed' });
  }
  expect(overlaps).toBe(1);
});

/** One stream's life, a step a word, with a number where it has one: `Fill3` speaks of record 3, `Send1` of connection 1. */
function drawn(text: string): StreamStep[] {
  const position = (n: string): string => `${'1'.repeat(16)}${n.padStart(8, '0')}`;
  return text.split(/\s+/).map((word, index) => {
    const [, step = '', number = ''] = /^([A-Za-z]+)(\d*)$/.exec(word) ?? [];
    const isOfRecord = ['Accept', 'Fill', 'Overlap', 'Save', 'SCrash'].includes(step);
    const at = isOfRecord && number !== '' ? position(number) : '';
    const count = step === 'SCrash' ? 1 : isOfRecord ? 0 : Number(number);
    return { line: index + 1, step: step as StreamStep['step'], stream: 's', count, at, where: '' };
  });
}

const UP = 'SCrash Connect ConnectOk1 Accept1 Accept2';
const SENT = `${UP} Fill1 Flush Send1 Transmit Release1`;
const FAILED = `${SENT} Timeout`;

/** What a program with one bug would record: the step in brackets is the first that the specification forbids. */
test.each([
  ['sends before it is connected', 'SCrash Accept1 Fill1 Flush [Send1]'],
  ['sends on a connection that is busy', `${UP} Fill1 Flush Send1 [Send1]`],
  ['sends on a connection that drains', `${UP} Drain1 Fill1 Flush [Send1]`],
  ['sends on a connection that broke', `${UP} ConnErr1 Fill1 Flush [Send1]`],
  ['sends a batch that is not complete', `${UP} Fill1 [Send1]`],
  ['sends twice under one begin', `${UP} Fill1 Flush Send1 Transmit [Transmit]`],
  ['adds to a batch that is complete', `${UP} Fill1 Flush [Fill2]`],
  ['puts a later record before an earlier one', `${UP} [Fill2] Flush`],
  ['overtakes within a stream', `${FAILED} Requeue [Fill2]`],
  ['sends again what was acknowledged', `${SENT} BatchOk [Fill1]`],
  ['retries what it has given up', `${FAILED} Resend Send1 Transmit Release1 Timeout Requeue [Fill1]`],
  ['tries once too often', `${FAILED} Resend Send1 Transmit Release1 Timeout [Resend]`],
  ['accounts for a giving up with retries left', `${FAILED} Requeue [Save1]`],
  ['retries a batch that did not fail', `${SENT} [Resend]`],
  ['takes an answer before the call has ended', `${UP} Fill1 Flush Send1 Transmit [BatchOk]`],
  ['acknowledges what was never sent', `${UP} Fill1 Flush [BatchOk]`],
  ['saves an account of what is open', `${SENT} [Save1]`],
  ['closes with open records', `${UP} [Close]`],
  ['finds after a crash less than it had saved', `${SENT} BatchOk Save1 [SCrash]`],
  ['finds after a crash more than had ended', `${SENT} [SCrash1]`],
  ['goes on before a giving up is accounted for', `${SENT} Refuse [Fill2]`],
  ['goes on with the batch of the process before', `${UP} Fill1 Flush SCrash Connect ConnectOk1 [Send1]`],
  ['closes a connection that carries a request', `${UP} Fill1 Flush Send1 Drain1 [DrainDone1]`],
  ['says that a part is held that ends the batch', `${SENT} [Overlap1]`],
  ['connects twice', 'SCrash Connect [Connect]'],
  ['recovers a connection that is whole', `${UP} [Recover1]`],
])('it refuses a sender that %s, at that step', (_, text) => {
  const words = text.split(/\s+/);
  const at = words.findIndex((word) => word.startsWith('['));
  const judged = follow(drawn(text.replace(/[[\]]/g, '')));
  expect(judged).toMatchObject({ kind: 'forbidden', step: { line: at + 1 } });
});

test('what no lane began is passed over: a report to another Clew, a stream whose sender keeps no history', () => {
  const report = drawn('Connect ConnectOk1 Send1 Release1 ConnErr1').map((step) => ({ ...step, stream: 'peer' }));
  const mark = `${'1'.repeat(16)}00000001`;
  const step = {
    line: 9,
    step: 'Deliver',
    stream: 'of another',
    count: 1,
    at: `${mark}-${mark}`,
    where: 'r0/1',
  } as const;
  const lives = follow([...drawn(`${SENT} BatchOk Save1`), ...report, step]);
  expect(lives).toMatchObject({ kind: 'allowed', lives: 1 });
});

test('a step of a real history that is left out, or told twice, is missed at the next that needs it', async () => {
  const lines = linesOf((await tiersHistory(1, DANGERS[0] as Dangers, 2)).text);
  for (const step of ['Send', 'Transmit', 'Release', 'Flush', 'Deliver', 'ConnectOk', 'BatchOk'] as const) {
    const at = lines.findIndex((line) => line.step === step);
    expect(at, step).toBeGreaterThan(0);
    expect(follow([...lines.slice(0, at), ...lines.slice(at + 1)]).kind, `without ${step}`).toBe('forbidden');
    const twice = follow([...lines.slice(0, at + 1), ...lines.slice(at)]);
    expect(twice, `${step} twice`).toMatchObject({ kind: 'forbidden', step: { step } });
  }
});
