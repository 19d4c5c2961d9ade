// What the project's scripts share: where the root is, running a command, naming the time a step took.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Ends the process with a clear message when this Node is older than package.json's engines. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`clew: Node ${process.versions.node} is too old: it needs Node 20.19 or newer (https://nodejs.org).`);
  process.exit(1);
}

/** The path of a package's command as a JavaScript file that node runs. */
export function tool(file) {
  return path.join(root, 'node_modules', file);
}

/** Runs node with `args` in the repository's root. True when it ended well. */
export function node(args, environment = {}) {
  const result = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  return result.status === 0;
}

/** Runs one step of a longer script and prints what it is, and how long it took when it is done. */
export function step(name, run) {
  const startedAt = performance.now();
  console.log(`• ${name} …`);
  const ok = run();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${ok ? '✓' : '✗'} ${name} (${seconds} s)`);
  return ok;
}
