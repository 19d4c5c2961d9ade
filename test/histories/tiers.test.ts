import fs from 'node:fs';
import { afterAll, expect, test, vi } from 'vitest';
import { withoutComments } from '../../src/history/checker.ts';
import { checker } from '../../src/history/lives-world.ts';
import { type HistoryLine, readHistory } from '../../src/history/steps.ts';
import { type Dangers, tiersHistory } from '../../src/history/tiers-world.ts';
import { moduleActions } from '../../tools/proof/prove.ts';
import { followMoves, type Move } from './moves.ts';
import { type Journey, journeysIn, validateJourney } from './tiers.ts';

/** CLEW_TIER_HISTORIES sets how many histories of edge, region and centre are followed. */
const HISTORIES = Number(process.env['CLEW_TIER_HISTORIES'] ?? 100);
vi.setConfig({ testTimeout: 600_000 + HISTORIES * 2_000 });
const TIER = fs.readFileSync('spec/Tier.tla', 'utf8');

const DANGERS: readonly Dangers[] = [
  { loss: 0.2, crash: 0.4, refusal: 0, retriesMax: 200 },
  { loss: 0.4, crash: 0.8, refusal: 0, retriesMax: 200 },
];

const seen = new Map<string, number>();

function linesOf(text: string): HistoryLine[] {
  const read = readHistory(text);
  if ('problem' in read) throw new Error(`line ${read.line} ${read.problem}`);
  return read.steps;
}

function follow(lines: readonly HistoryLine[]): ReturnType<typeof validateJourney> {
  const [journey] = journeysIn(lines);
  if (journey === undefined) throw new Error('nothing came to the centre');
  return validateJourney(checker, TIER, lines, journey, (action) => seen.set(action, (seen.get(action) ?? 0) + 1));
}

afterAll(() => {
  const actions = moduleActions('Tier');
  const table = actions.map((name) => `${name.padEnd(12)} ${seen.get(name) ?? 0}`).join('\n');
  console.log(`actions of spec/Tier.tla in validated histories:\n${table}`);
  expect(actions.filter((name) => !seen.has(name))).toEqual([]);
});

test('the specification allows every history of edge, region and centre, and all of it is at the centre in the end', async () => {
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const { text } = await tiersHistory(seed, DANGERS[seed % DANGERS.length] as Dangers);
    const judged = follow(linesOf(text));
    expect(judged, `seed ${seed}`).toMatchObject({ kind: 'allowed' });
    if (judged.kind === 'allowed') {
      expect(judged.state.get('cdur'), `seed ${seed}`).toEqual(judged.state.get('acc'));
    }
  }
});

/** Moves of one source, a word each: `EdgeSend1` speaks of the first item, `RegionSync2` of two. */
function moves(text: string): Move[] {
  return text.split(/\s+/).map((word, line) => {
    const [, name = '', number = ''] = /^([A-Za-z]+)(\d*)$/.exec(word) ?? [];
    if (name === 'Accept') return { action: 'Accept(1)', line };
    if (name === 'RegionCrash' || name === 'CentreCrash') return { action: `${name}(<<${number}>>)`, line };
    return { action: number === '' ? name : `${name}(1, ${number})`, line };
  });
}

const SIZES = { S: '1', N: '4', MaxFaults: '99' };
const TAKEN = 'Accept EdgeSend1 RegionTake1';
const HELD = `${TAKEN} RegionSync1`;

/** What hops with one bug would do: the step in brackets is the first that the specification forbids. */
test.each([
  ['sends what it has not accepted', 'Accept EdgeSend1 [EdgeSend2]'],
  ['leaves an item out', 'Accept Accept [EdgeSend2]'],
  ['takes past a gap', 'Accept Accept EdgeSend1 EdgeSend2 [RegionTake2]'],
  ['takes an item twice', `${TAKEN} [RegionTake1]`],
  ['takes what nobody sent', 'Accept [RegionTake1]'],
  ['forgets at the edge before the region is durable', `${TAKEN} [EdgeForget1]`],
  ['forwards what is not durable', `${TAKEN} [RegionSend1]`],
  ['forgets in the region before the centre is durable', `${HELD} RegionSend1 CentreTake1 [RegionForget1] CentreSync1`],
  ['forgets in the region what was not forwarded', `${HELD} [RegionForget1]`],
  ['loses in a crash what was durable', `${HELD} EdgeForget1 [RegionCrash0]`],
  ['loses at the centre what was durable', `${HELD} RegionSend1 CentreTake1 CentreSync1 [CentreCrash0]`],
  ['reads back more than was there', `${HELD} [RegionCrash2]`],
  ['goes back behind what was answered', `${HELD} EdgeForget1 [EdgeAgain0]`],
  ['goes on after a crash where the last one was', `Accept Accept EdgeSend1 EdgeCrash [EdgeSend2]`],
])('it refuses a fleet that %s, at that step', (_, text) => {
  const at = text.split(/\s+/).findIndex((word) => word.startsWith('['));
  const sized = { module: withoutComments(TIER), constants: SIZES };
  const judged = followMoves(checker, sized, moves(text.replace(/[[\]]/g, '')), () => {});
  expect(judged).toMatchObject({ kind: 'forbidden', move: { line: at } });
});

test('a step of a real history that is left out, or told twice, is missed at the next that needs it', async () => {
  const lines = linesOf((await tiersHistory(3, DANGERS[0] as Dangers)).text);
  const [journey] = journeysIn(lines);
  const ofStream = (name: string | undefined, step: string) =>
    lines.findIndex((line) => 'stream' in line && line.stream === name && line.step === step);
  const without = (at: number) =>
    validateJourney(checker, TIER, [...lines.slice(0, at), ...lines.slice(at + 1)], journey as Journey);
  for (const stream of [journey?.edge, journey?.region]) {
    for (const step of ['Transmit', 'Deliver']) {
      expect(without(ofStream(stream, step)).kind, `${stream} without ${step}`).toBe('forbidden');
    }
    const at = ofStream(stream, 'Deliver');
    const twice = validateJourney(checker, TIER, [...lines.slice(0, at + 1), ...lines.slice(at)], journey as Journey);
    expect(twice, `${stream} with Deliver twice`).toMatchObject({ kind: 'forbidden', move: { line: lines[at]?.line } });
  }
});

test('an fsync that is left out is missed at the next step that needs it', async () => {
  const lines = linesOf((await tiersHistory(3, DANGERS[0] as Dangers)).text);
  for (const receiver of ['r1', 'r2']) {
    const unsynced = lines.filter(
      (line) => !(line.step === 'Sync' && 'receiver' in line && line.receiver.endsWith(receiver)),
    );
    expect(follow(unsynced), receiver).toMatchObject({ kind: 'forbidden' });
  }
});
