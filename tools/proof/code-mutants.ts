import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/*
 * Faults put into the program, a line each, in copies of it. Every one must be caught by the test that is named: a test that lets one pass
 * says less than it seems to.
 */

export interface CodeMutant {
  readonly name: string;
  /** Below src. */
  readonly file: string;
  /** Text that stands there once, and what it becomes. */
  readonly from: string;
  readonly to: string;
  /** The test file that catches it, below src. */
  readonly test: string;
}

/** What became of one: the title of the first test that failed, or undefined. */
export interface CodeAnswer {
  readonly mutant: CodeMutant;
  readonly caughtBy: string | undefined;
}

function mutants(file: string, test: string, rows: readonly (readonly [string, string, string])[]): CodeMutant[] {
  return rows.map(([name, from, to]) => ({ name, file, from, to, test }));
}

const MACHINES = 'send/machines/machines.test.ts';

export const CODE_MUTANTS: readonly CodeMutant[] = [
  ...mutants('send/machines/protocol.ts', MACHINES, [
    ['takes a failure to connect for a connection', "connect_failure: ['ERROR']", "connect_failure: ['CONNECTED']"],
    ['sends in every state but one', "return protocol.phase === 'CONNECTED';", "return protocol.phase !== 'CLOSED';"],
    [
      'counts failures over a success',
      '{ state: { ...state, backoff: firstBackoff() }, effects: NO }',
      '{ state, effects: NO }',
    ],
  ]),
  ...mutants('send/machines/protocol.ts', 'send/lines.test.ts', [
    ['never tries to connect again', "retry_request: ['CONNECTING']", 'retry_request: NO'],
  ]),
  ...mutants('send/machines/connection.ts', MACHINES, [
    ['carries one request too many', 'requests < streamsMax', 'requests <= streamsMax'],
    ['stays active without requests', "to(left === 0 ? 'IDLE' : 'ACTIVE', left)", "to('ACTIVE', left)"],
    ['forgets to end what drains', "effects: left === 0 ? [{ kind: 'drained' }] : NO", 'effects: NO'],
    ['reports one lost request for many', "[{ kind: 'lost', requests }]", "[{ kind: 'lost', requests: 1 }]"],
  ]),
  ...mutants('send/machines/batch.ts', MACHINES, [
    ['fills a batch over its limit', 'batch.items + items <= limits.itemsMax', 'batch.items <= limits.itemsMax'],
    ['loses all but the last message', 'before: batch.last }', 'before: undefined }'],
    ['hands messages out backwards', 'return messages.reverse();', 'return messages;'],
    ['calls a failed batch acknowledged', "const acknowledged = batch.phase === 'SENT';", 'const acknowledged = true;'],
  ]),
  ...mutants('send/retry.ts', MACHINES, [
    ['tries once too often', 'tries.retries >= Math.min(', 'tries.retries > Math.min('],
  ]),
  ...mutants('send/retry.ts', 'send/retry.test.ts', [
    ['tries again what was refused', "failure.kind === 'refused'", 'false'],
    ['does not count retries', 'retries: tries.retries + 1', 'retries: tries.retries'],
    ['tries what is too old', '> policy.expiresMs)', '> policy.expiresMs * 2)'],
  ]),
  ...mutants('base/backoff.ts', 'send/retry.test.ts', [
    ['comes before the time that the server asked for', '(1 + chance * 0.2)', '(1 - chance * 0.2)'],
    ['does not back off', 'wholeMs * 2)', 'wholeMs)'],
    [
      'waits longer than it may',
      'const wholeMs = Math.min(limits.retryDelayMsMax, backoff.fromMs);',
      'const wholeMs = backoff.fromMs * 2;',
    ],
  ]),
  ...mutants('send/lines.ts', 'send/lines.test.ts', [
    ['hears a connection that is gone', 'if (turn === this.#turn) act();', 'act();'],
    ['never replaces an old connection', '    this.#drainOld();\n', ''],
    ['leaves a broken connection open', "    this.#step({ kind: 'error' });\n", ''],
  ]),
  ...mutants('send/link.ts', 'send/lines.test.ts', [
    [
      'takes one broken connection for all',
      "if (this.#usable + this.#opening === 0 && this.phase === 'CONNECTED')",
      "if (this.phase === 'CONNECTED')",
    ],
    ['opens connections after its end', "if (this.phase === 'CLOSED') return false;", ''],
  ]),
  ...mutants('send/batch.ts', 'send/forwarder.test.ts', [
    ['merges what has another baggage', 'letter.baggage === first.baggage && ', ''],
  ]),
  ...mutants('send/lane.ts', 'send/forwarder.test.ts', [
    ['does not count what the disk has lost', 'lost: this.account.lost + missing', 'lost: this.account.lost'],
    ['gives up what was merged with a refused request', 'result.divisible && batch.letters.length > 1', 'false'],
    ['goes on before a giving up is durable', '    await progress.saved();\n  }\n}', '  }\n}'],
    ['sends again what the receiver holds', 'const rest = after(batch, mark);', "const rest = after(batch, '');"],
  ]),
  ...mutants('send/answer.ts', 'send/checklist.client.test.ts', [
    ['retries a status that must not be', 'new Set([429, 502, 503, 504])', 'new Set([429, 500, 502, 503, 504])'],
    ['does not retry a code that may be', 'new Set([1, 4, 10, 11, 14, 15])', 'new Set([1, 4, 10, 11, 14])'],
  ]),
  ...mutants('send/health.ts', 'send/health.test.ts', [
    ['needs one failed check more', 'contrary < LIMITS.healthThreshold', 'contrary <= LIMITS.healthThreshold'],
    ['ejects more targets than it may', 'ejected + 1 <= group.length', 'ejected <= group.length'],
  ]),
  ...mutants('send/pool.ts', 'send/pool.test.ts', [
    ['leaves a target that has not answered', 'this.#stuck = row;', 'this.#stuck = undefined;'],
    ['sends before the target is written down', 'await this.#pin.set(url);', '{}'],
  ]),
  ...mutants('receive/once.ts', 'receive/once.test.ts', [
    ['stores a repeated batch', 'if (batch.mark <= mark) {', 'if (batch.mark < mark) {'],
    ['takes a batch that overlaps', 'if (batch.from <= mark) return', 'if (batch.from < mark) return'],
    ['forgets what it has taken', '      this.#marks.note(batch.stream, batch.mark);\n', ''],
  ]),
  ...mutants('receive/marks.ts', 'receive/once.test.ts', [
    [
      'goes back in a stream',
      'if (mark <= this.get(stream)) return;',
      'if (mark >= this.get(stream) && this.get(stream) !== "") return;',
    ],
  ]),
];

const ROOT = path.resolve('.build/mutants');

/** Makes a copy of the program for each, and runs the named tests in all of them at once. */
export function catchCode(chosen: readonly CodeMutant[]): CodeAnswer[] {
  fs.rmSync(ROOT, { recursive: true, force: true });
  const tests = chosen.map((mutant, index) => prepare(mutant, path.join(ROOT, String(index))));
  const report = path.join(ROOT, 'report.json');
  const config = path.join(ROOT, 'vitest.config.mjs');
  fs.writeFileSync(
    config,
    `export default { root: ${JSON.stringify(path.resolve('.'))}, test: { include: ['.build/mutants/*/src/**/*.test.ts'], pool: 'forks', maxWorkers: 2, testTimeout: 15000 } };\n`,
  );
  const words = ['run', '--config', config, '--reporter=json', `--outputFile=${report}`, ...tests];
  spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', ...words], {
    encoding: 'utf8',
    env: { ...process.env, CLEW_PROPERTY_RUNS: '300' },
  });
  const found = JSON.parse(fs.readFileSync(report, 'utf8')) as Report;
  const answers = chosen.map((mutant, index) => {
    const result = found.testResults.find(({ name }) => name === tests[index]);
    if (result === undefined) throw new Error(`${mutant.file}: ${mutant.test} did not run`);
    const failed = result.assertionResults.find(({ status }) => status === 'failed');
    // A file that cannot even be loaded proves nothing.
    return { mutant, caughtBy: result.assertionResults.length > 1 ? failed?.title : undefined };
  });
  fs.rmSync(ROOT, { recursive: true, force: true });
  return answers;
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[];
  }[];
}

/** Returns the path of the test in the copy. */
function prepare({ file, from, to, test, name }: CodeMutant, copy: string): string {
  fs.mkdirSync(copy, { recursive: true });
  for (const folder of ['src', 'test/support', 'tools/proof', 'bench']) {
    fs.cpSync(folder, path.join(copy, folder), { recursive: true });
  }
  const target = path.join(copy, 'src', file);
  const text = fs.readFileSync(target, 'utf8');
  if (text.split(from).length !== 2) throw new Error(`${name}: ${JSON.stringify(from)} does not stand once in ${file}`);
  fs.writeFileSync(
    target,
    text.replace(from, () => to),
  );
  return path.join(copy, 'src', test);
}
