/** npm run prove: checks spec/ and says what holds. `--full`: the large models and the faults in the program too (a quarter of an hour); with `--page` it writes docs/proof.md. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { CODE_MUTANTS, catchCode } from './proof/code-mutants.ts';
import { type Lemma, proofPage } from './proof/page.ts';
import { type Answer, MODULES, moduleActions, prove } from './proof/prove.ts';

const full = process.argv.includes('--full');
let wrong = 0;

function tell({ question, well, outcome, states, ms }: Answer): void {
  if (!well) wrong++;
  console.log(`${well ? '✓' : '✗'} ${question}: ${outcome} (${states} states, ${(ms / 1000).toFixed(1)} s)`);
}

const proof = prove(full, tell);
const printed = execFileSync(process.execPath, ['tools/proof/lemmas.mjs'], { encoding: 'utf8' }).trim();
const lemmas = printed.split('\n').map((line) => JSON.parse(line) as Lemma);
for (const { name, expected, result, premises, ms } of lemmas) {
  const well = result === expected && premises !== 'unsat';
  tell({ question: `lemma ${name}`, well, outcome: result, states: 0, ms });
}
if (full) {
  const codes = catchCode(CODE_MUTANTS, ({ mutant, caughtBy }) => {
    const outcome = caughtBy === undefined ? 'is not noticed' : `caught by ${mutant.test}: ${caughtBy}`;
    tell({ question: `src/${mutant.file} ${mutant.name}`, well: caughtBy !== undefined, outcome, states: 0, ms: 0 });
  });
  const actions = MODULES.reduce((sum, module) => sum + moduleActions(module).length, 0);
  if (process.argv.includes('--page')) fs.writeFileSync('docs/proof.md', proofPage(proof, lemmas, codes, actions));
}
console.log(wrong === 0 ? 'everything is as it should be' : `${wrong} answers are not what they should be`);
process.exit(wrong === 0 ? 0 : 1);
