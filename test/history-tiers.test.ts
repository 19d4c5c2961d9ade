import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checker } from '../src/history/lives-world.ts';
import { type HistoryLine, readHistory } from '../src/history/steps.ts';
import { runTiersCampaign } from './campaigns/tiers.ts';
import { journeysIn, validateJourney } from './histories/tiers.ts';
import { CLI } from './support/clew.ts';

const run = promisify(execFile);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-history-tiers-'));
const file = path.join(directory, 'history.jsonl');
let lines: readonly HistoryLine[] = [];

/** CLEW_HISTORY_KILLS sets how many processes of the three real Clews are killed while their history is kept. */
beforeAll(async () => {
  process.env['CLEW_HISTORY'] = file;
  try {
    await runTiersCampaign({
      kills: Number(process.env['CLEW_HISTORY_KILLS'] ?? 3),
      seed: 5,
      receivers: 1,
      rate: 300,
      pauseMsMax: 400,
      transport: 'http',
      compression: 'gzip',
      log: () => {},
    });
  } finally {
    delete process.env['CLEW_HISTORY'];
  }
  const read = readHistory(fs.readFileSync(file, 'utf8'));
  if ('problem' in read) throw new Error(`line ${read.line} ${read.problem}`);
  lines = read.steps;
}, 240_000);

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

test('the specifications of intake and sender allow the history of three Clews whose processes were killed', async () => {
  const { stdout } = await run(process.execPath, [CLI, 'history', 'check', file]);
  expect(stdout).toMatch(/allows all \d+ steps/);
}, 240_000);

test('so does that of the tiers, and everything is durable at the centre in the end', () => {
  const spec = fs.readFileSync('spec/Tier.tla', 'utf8');
  const journeys = journeysIn(lines);
  expect(journeys.map(({ edge }) => edge.split('-')[2]).sort()).toEqual(['logs', 'traces']);
  for (const journey of journeys) {
    const judged = validateJourney(checker, spec, lines, journey);
    expect(judged, journey.edge).toMatchObject({ kind: 'allowed' });
    if (judged.kind === 'allowed') expect(judged.state.get('cdur')).toEqual(judged.state.get('acc'));
  }
}, 240_000);
