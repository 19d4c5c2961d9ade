// Runs a TypeScript program of this repository on every supported Node: node tools/run.mjs bench/run.ts [arguments].
// The sources are compiled to .build/ first (about a second); the working directory stays the repository's root.
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [program, ...rest] = process.argv.slice(2);
if (!program?.endsWith('.ts')) {
  console.error('usage: node tools/run.mjs FILE.ts [arguments]');
  process.exit(2);
}
const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
const compiled = spawnSync(process.execPath, [compiler, '-p', path.join(root, 'tsconfig.tools.json')], {
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);
const script = path.join(root, '.build', path.relative(root, path.resolve(program)).replace(/\.ts$/, '.js'));
const child = spawn(process.execPath, ['--enable-source-maps', script, ...rest], { stdio: 'inherit', cwd: root });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
