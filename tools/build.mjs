// npm run build: src → dist (TypeScript 7), ui → dist/ui (Vite), and the files that are made from the settings table.
// What has not changed since the last build is not built again, so that `npm start` is quick the second time.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { checkNode, node, root, step, tool } from './steps.mjs';

checkNode();
const dist = path.join(root, 'dist');
const stamps = path.join(root, '.build', 'stamps');

/** Every file below `name` (a file or a folder of the repository), sorted. */
function filesBelow(name) {
  const full = path.join(root, name);
  const stat = fs.statSync(full, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (stat.isFile()) return [name];
  return fs
    .readdirSync(full, { withFileTypes: true })
    .flatMap((entry) => (entry.name === 'node_modules' ? [] : filesBelow(path.join(name, entry.name))))
    .sort();
}

/** A digest of the content of all inputs of a part. */
function digestOf(inputs) {
  const hash = createHash('sha256').update(process.versions.node.split('.')[0]);
  for (const file of inputs.flatMap(filesBelow)) {
    if (/\.(test|fuzz|bench)\.tsx?$/.test(file)) continue;
    hash.update(`\0${file}\0`).update(fs.readFileSync(path.join(root, file)));
  }
  return hash.digest('hex');
}

/** Builds a part unless its inputs are as they were and its output is there. */
function part(name, inputs, output, run) {
  const stamp = path.join(stamps, name);
  const digest = digestOf(inputs);
  const before = fs.existsSync(stamp) ? fs.readFileSync(stamp, 'utf8') : '';
  if (before === digest && fs.existsSync(path.join(root, output))) return;
  fs.rmSync(stamp, { force: true });
  if (!step(`build ${name}`, run)) {
    console.error(`clew: the build of ${name} failed; what is wrong stands above.`);
    process.exit(1);
  }
  fs.mkdirSync(stamps, { recursive: true });
  fs.writeFileSync(stamp, digest);
}

/** Removes what an earlier build left in dist and no source makes any more. */
function removeStale() {
  for (const file of filesBelow('dist')) {
    const name = path.relative('dist', file);
    if (name.startsWith(`ui${path.sep}`) || name.startsWith(`kernel${path.sep}`)) continue;
    const source = path.join(root, 'src', name.replace(/\.(d\.ts|js(\.map)?)$/, '.ts'));
    const isForTests = /(-world|\.(contract|test|fuzz|bench))\.js/.test(name);
    if (isForTests || !fs.existsSync(source)) fs.rmSync(path.join(root, file));
  }
}

part('server', ['src', 'tsconfig.json', 'package-lock.json'], 'dist/main/cli.js', () => {
  const ok = node([tool('typescript/bin/tsc'), '-p', 'tsconfig.json']);
  removeStale();
  const cli = path.join(dist, 'main', 'cli.js');
  if (!fs.existsSync(cli)) return false;
  fs.chmodSync(cli, 0o755);
  return ok;
});

// The span decoder in WebAssembly (kernel/README.md). Its memory has a fixed size: what kernel-layout.ts lays out, in pages of 64 KiB.
const KERNEL_PAGES = '536';
const ASSEMBLYSCRIPT = tool('assemblyscript/bin/asc.js');
if (!fs.existsSync(ASSEMBLYSCRIPT)) {
  console.error('clew: the package assemblyscript is not installed (node_modules is older than package.json): npm ci');
  process.exit(1);
}
part('kernel', ['kernel', 'src/transcode/kernel-layout.ts', 'package-lock.json'], 'dist/kernel/spans.wasm', () => {
  const features = ['--enable', 'simd', '--enable', 'bulk-memory', '--runtime', 'stub', '--noAssert', '-O3'];
  const memory = ['--initialMemory', KERNEL_PAGES, '--maximumMemory', KERNEL_PAGES];
  const output = ['--outFile', path.join('dist', 'kernel', 'spans.wasm')];
  return node([
    tool('assemblyscript/bin/asc.js'),
    path.join('kernel', 'request.ts'),
    ...output,
    ...features,
    ...memory,
  ]);
});

part('types', ['src/guard', 'src/analysis', 'src/host', 'tsconfig.guard.json'], 'dist/guard/index.d.ts', () =>
  node([tool('typescript/bin/tsc'), '-p', 'tsconfig.guard.json']),
);

if (fs.existsSync(path.join(root, 'ui', 'vite.config.ts'))) {
  const inputs = ['ui', 'src/query/api.ts', 'src/analysis', 'src/base', 'package-lock.json'];
  part('ui', inputs, 'dist/ui/index.html', () =>
    node([tool('vite/bin/vite.js'), 'build', '--config', 'ui/vite.config.ts', '--logLevel', 'warn']),
  );
}

part('reference', ['src/main', 'src/base'], 'clew.schema.json', () => node([path.join('tools', 'reference.mjs')]));
