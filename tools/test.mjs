// npm test: everything that must hold before a change is taken, in order of how quickly it tells.
import fs from 'node:fs';
import path from 'node:path';
import { ensureChromium } from './chromium.mjs';
import { checkNode, node, root, step, tool } from './steps.mjs';

checkNode();
const startedAt = performance.now();
const failed = [];
let chromium = '';

function check(name, run) {
  if (!step(name, run)) failed.push(name);
}

check('build', () => node([path.join('tools', 'build.mjs')]));
check('types of the tests', () => node([tool('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.test.json']));
if (fs.existsSync(path.join(root, 'ui', 'tsconfig.json'))) {
  check('types of the UI', () =>
    node([tool('typescript/bin/tsc'), '--noEmit', '-p', path.join('ui', 'tsconfig.json')]),
  );
}
const linted = ['src', 'kernel', 'ui', 'tools', 'test', 'bench', 'demo'].filter((name) =>
  fs.existsSync(path.join(root, name)),
);
check('lint and format', () => node([tool('@biomejs/biome/bin/biome'), 'check', ...linted]));
check('tidy', () => node([path.join('tools', 'run.mjs'), path.join('tools', 'tidy-main.ts')]));
check('browser', () => {
  try {
    chromium = ensureChromium();
    return true;
  } catch (error) {
    console.error(`  ${error.message}`);
    return false;
  }
});
// The store's engine needs threads: the size of the pool is read before the first one starts.
const environment = { UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? '12', CLEW_CHROMIUM: chromium };
check('tests', () => node([tool('vitest/vitest.mjs'), 'run', ...process.argv.slice(2)], environment));

const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
if (failed.length > 0) {
  console.error(`\n✗ failed: ${failed.join(', ')} (${minutes} min)`);
  process.exit(1);
}
console.log(`\n✓ all is well (${minutes} min)`);
