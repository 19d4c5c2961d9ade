// Puts the lemmas of spec/lemmas to the solver: each file says in its first line what must come out. A process of its own, because the
// solver's threads end only with it. Prints one JSON object a lemma.
import fs from 'node:fs';
import { init } from 'z3-solver';

const { Context } = await init();
const { Solver } = new Context('lemmas');

async function solve(text) {
  const solver = new Solver();
  solver.set('timeout', 60_000);
  solver.fromString(text);
  return solver.check();
}

for (const name of fs.readdirSync('spec/lemmas').sort()) {
  if (!name.endsWith('.smt2')) continue;
  const text = fs.readFileSync(`spec/lemmas/${name}`, 'utf8');
  const [, expected, says] = /^; (unsat|sat): ((?:.|\n;)*)\n/.exec(text) ?? [];
  const startedMs = performance.now();
  const result = await solve(text);
  // Without its goal a lemma must be possible: from what cannot be, everything follows.
  const premises = await solve(text.slice(0, text.lastIndexOf('(assert (not')));
  const ms = performance.now() - startedMs;
  console.log(JSON.stringify({ name, says: (says ?? '').replaceAll('\n; ', ' '), expected, result, premises, ms }));
}
process.exit(0);
