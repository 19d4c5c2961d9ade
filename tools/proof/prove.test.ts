import { execFileSync } from 'node:child_process';
import { expect, test, vi } from 'vitest';
import { checker } from '../../src/history/lives-world.ts';
import { seededChance } from '../../src/host/seeded-chance.ts';
import { askChecker, decide, randomGraph } from './graphs.ts';
import { MUTANTS } from './mutants.ts';
import { killMutant, MODULES, proveModel, refuteWrong, witnessActions } from './prove.ts';
import { MODELS, WRONGS } from './theorems.ts';

vi.setConfig({ testTimeout: 300_000 });

/** CLEW_PROVE=full: the large models too (about three minutes). */
const FULL = process.env['CLEW_PROVE'] === 'full';
const models = MODELS.filter((model) => FULL || model.full !== true);

test.each(models)('$module $name holds: $says', (model) => {
  expect(proveModel(model)).toMatchObject({ outcome: 'holds' });
});

test.each(WRONGS)('$module: it is false that $usual', (wrong) => {
  expect(refuteWrong(wrong)).toMatchObject({ outcome: 'refuted' });
});

test.each(MUTANTS)('a specification that $name is refuted ($module)', (mutant) => {
  expect(killMutant(mutant)).toMatchObject({ well: true });
});

test.each(MODULES)('every action of %s happens', (module) => {
  expect(witnessActions(module)).toMatchObject({ well: true });
});

test('the checker decides []<>P under weak fairness as a dumb twin does, on 1000 random graphs', () => {
  const chance = seededChance(20);
  let holding = 0;
  for (let round = 0; round < 1000; round++) {
    const graph = randomGraph(chance);
    const holds = decide(graph);
    expect(askChecker(checker, graph), JSON.stringify({ ...graph, good: [...graph.good] })).toBe(holds);
    if (holds) holding++;
  }
  expect(holding).toBeGreaterThan(100);
  expect(holding).toBeLessThan(900);
});

test('the lemmas hold for all parameters', () => {
  const lines = execFileSync(process.execPath, ['tools/proof/lemmas.mjs'], { encoding: 'utf8' }).trim().split('\n');
  const lemmas = lines.map(
    (line) => JSON.parse(line) as { name: string; expected: string; result: string; premises: string },
  );
  expect(lemmas.length).toBeGreaterThanOrEqual(7);
  for (const { name, expected, result, premises } of lemmas) {
    expect(result, name).toBe(expected);
    expect(premises, `${name} without its goal`).not.toBe('unsat');
  }
});
