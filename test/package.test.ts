import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { freePorts, waitUntil } from './support/clew.ts';

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** What `npm pack` would put into the package. The build has run before the tests. */
function pack(...flags: string[]): Packed {
  const words = ['pack', '--json', '--ignore-scripts', ...flags];
  const [packed] = JSON.parse(execFileSync('npm', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  return packed as Packed;
}

const listing = pack('--dry-run');

describe('the package', () => {
  test('holds the command, the UI, the schema and the licence, and is small', () => {
    const { files, size } = listing;
    const paths = files.map((file) => file.path);
    for (const needed of [
      'dist/main/cli.js',
      'dist/kernel/spans.wasm',
      'dist/ui/index.html',
      'clew.schema.json',
      'LICENSE',
      'README.md',
      'dist/guard/index.js',
      'dist/guard/index.d.ts',
    ]) {
      expect(paths).toContain(needed);
    }
    expect(size).toBeLessThan(1024 * 1024);
  });

  test('holds no tests, sources, source maps or twins of tests', () => {
    const paths = listing.files.map((file) => file.path);
    expect(
      paths.filter((file) => /\.(map|tsx)$|(?<!\.d)\.ts$|\.test\.|contract|lying|manual-clock/.test(file)),
    ).toEqual([]);
    expect(
      paths.filter(
        (file) => !/^(dist\/|package\.json$|clew\.schema\.json$|spec\/(Intake|Sender)\.tla$|[A-Z]+(\.md)?$)/.test(file),
      ),
    ).toEqual([]);
  });

  test('imports only what it brings or depends on', () => {
    const manifest = JSON.parse(fs.readFileSync('package.json', 'utf8'));
    const known = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
    const scripts = listing.files.filter((file) => /^dist\/(?!ui\/).*\.js$/.test(file.path));
    const shipped = new Set(scripts.map((file) => file.path));
    for (const { path: file } of scripts) {
      const text = fs.readFileSync(file, 'utf8');
      for (const match of text.matchAll(/^(?:import|export)\b[^'";]*?\bfrom\s+'([^']+)'|\bimport\('([^']+)'\)/gm)) {
        const specifier = match[1] ?? match[2] ?? '';
        const target = path.posix.join(path.posix.dirname(file), specifier);
        const isKnown = specifier.startsWith('.')
          ? shipped.has(target)
          : specifier.startsWith('node:') ||
            known.some((name) => specifier === name || specifier.startsWith(`${name}/`));
        expect(isKnown, `${file} imports ${specifier}`).toBe(true);
      }
    }
  });

  const installs = process.env['CLEW_TEST_PACKAGE'] === '1';
  const name = `runs from an empty folder${installs ? '' : ' (only with CLEW_TEST_PACKAGE=1: it installs 600 MB)'}`;
  test.runIf(installs)(
    name,
    async () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-package-'));
      const { filename } = pack('--pack-destination', folder);
      execFileSync('npm', ['init', '-y'], { cwd: folder, stdio: 'ignore' });
      execFileSync('npm', ['install', `./${filename}`], { cwd: folder, stdio: 'ignore' });
      const { grpc, http, api } = await freePorts();
      const ports = ['--grpc-port', `${grpc}`, '--http-port', `${http}`, '--api-port', `${api}`];
      const child = spawn(path.join(folder, 'node_modules/.bin/clew'), ports, { cwd: folder, stdio: 'ignore' });
      const exit = new Promise((resolve) => child.once('exit', resolve));
      await waitUntil('the API is ready', 20_000, async () =>
        (await fetch(`http://127.0.0.1:${api}/readyz`)).ok ? true : null,
      );
      expect(await (await fetch(`http://127.0.0.1:${api}/`)).text()).toContain('<html');
      child.kill('SIGTERM');
      expect(await exit).toBe(0);
      fs.rmSync(folder, { recursive: true });
    },
    300_000,
  );
});
