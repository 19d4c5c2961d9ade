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

/** What became of one: which test has failed, or came to no end; undefined where all of them pass. */
export interface CodeAnswer {
  readonly mutant: CodeMutant;
  readonly caughtBy: string | undefined;
}

function mutants(file: string, test: string, rows: readonly (readonly [string, string, string])[]): CodeMutant[] {
  return rows.map(([name, from, to]) => ({ name, file, from, to, test }));
}

const MACHINES = 'send/machines/machines.test.ts';
const INSERT_TOKEN = 'export function insertToken(sealed: SealedSegment, table: string): string {\n';

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
  ...mutants('send/machines/message.ts', MACHINES, [
    ['waits for ever for an answer', "ack_timeout: ['FAILED', 'DEAD']", 'ack_timeout: NO'],
    ['tells nobody that it was acknowledged', "effects: [{ kind: 'acked' }]", 'effects: NO'],
    ['gives up in silence', "effects: [{ kind: 'dead', why, reason: failure.reason }]", 'effects: NO'],
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
  ...mutants('send/http-transport.ts', 'send/http-transport.test.ts', [
    ['sends on a connection that is gone', 'if (wire.isGone())', 'if (wire.agent === undefined)'],
    [
      'waits for ever for an answer',
      "        settle({ kind: 'none', reason: `no answer within ",
      "        void ({ kind: 'none', reason: `no answer within ",
    ],
  ]),
  ...mutants('send/batch.ts', 'send/forwarder.test.ts', [
    ['merges what has another baggage', 'letter.baggage === first.baggage && ', ''],
  ]),
  ...mutants('send/batch.ts', 'send/predecessors.test.ts', [
    ['does not wait for other receivers', 'if (first.after.length > 0) await this.#predecessors(first);', ''],
    ['merges what must wait with what was before it', ' && letter.after.length === 0', ''],
  ]),
  ...mutants('send/predecessors.ts', 'send/predecessors.test.ts', [
    ['does not hear that a lane has come further', 'change?.tell();', ''],
  ]),
  ...mutants('send/forwarder.ts', 'send/predecessors.test.ts', [
    ['takes what is not sealed yet for gone', 'segment <= segmentOf(position);', 'segment < segmentOf(position);'],
  ]),
  ...mutants('main/stream-desk.ts', 'main/stream-desk.test.ts', [
    ['hands a stream on without where its records stand', 'entry.places.set(at.receiver, at.position);', ''],
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
    [
      'leaves a target that has not answered',
      'reply.sent)) this.#stuck = url;',
      'reply.sent)) this.#stuck = undefined;',
    ],
    ['opens connections after its end', 'if (this.#isClosed) return CLOSED;', ''],
    ['sends before the target is written down', 'await this.#pin.set(url);', '{}'],
  ]),
  ...mutants('receive/once.ts', 'receive/once.test.ts', [
    ['stores a repeated batch', 'if (batch.mark <= mark) {', 'if (batch.mark < mark) {'],
    ['takes a batch that overlaps', 'if (batch.from <= mark) return', 'if (batch.from < mark) return'],
    ['forgets what it has taken', '      this.#marks.note(batch.stream, batch.mark);\n', ''],
    [
      'does not say in its first record what was before it',
      'after.length === 0 ? request : { ...request, batch: { ...batch, after } }',
      'request',
    ],
  ]),
  ...mutants('receive/marks.ts', 'receive/once.test.ts', [
    [
      'goes back in a stream',
      'if (mark <= known.mark) return;',
      'if (mark >= known.mark && known.mark !== "") return;',
    ],
  ]),
  ...mutants('journal/journal.ts', 'journal/journal.test.ts', [
    ['answers without an fsync', '      await this.#file.sync();\n', ''],
    ['answers what failed', 'failure === undefined ? DURABLE', 'group.length > 0 ? DURABLE'],
    ['appends after a failure', 'if (this.failure !== undefined) return', 'if (this.failure === null) return'],
    ['counts a group as one record', 'this.durable.records + count', 'this.durable.records + 1'],
  ]),
  ...mutants('journal/manifest.ts', 'journal/format.test.ts', [
    ['believes a damaged manifest', 'if (checksum !==', 'if (end < 0 && checksum !=='],
  ]),
  ...mutants('journal/reader.ts', 'journal/reader.test.ts', [
    ['hands out twice what stands there twice', 'if (record.sequence < this.#nextSequence) continue;', ''],
    ['passes over a whole record behind a damaged one', 'this.#offset + 1), this', 'this.#offset + 99), this'],
  ]),
  ...mutants('journal/forget.ts', 'journal/forget.test.ts', [
    [
      'loads again what is marked as loaded',
      'if (!files.includes(loadedFile(segment))) continue;',
      'if (files.includes(loadedFile(segment))) continue;',
    ],
    ['marks once more what is marked', "    forgetting.at = 'named';\n", ''],
  ]),
  ...mutants('store/load-plan.ts', 'store/loader.test.ts', [
    ['loads the newest segment first', 'isBefore(load.sealed, oldest.sealed)', 'isBefore(oldest.sealed, load.sealed)'],
    ['sets a good segment aside', 'if (!isPermanent(error)) {', 'if (error === load) {'],
    [
      'inserts under another token after a restart',
      INSERT_TOKEN,
      `${INSERT_TOKEN}  if (performance.now() > 0) return String(performance.now());\n`,
    ],
  ]),
  ...mutants('store/loader.ts', 'store/loader.test.ts', [
    [
      'inserts under another token at every try',
      'token: insertToken(sealed, table),',
      "token: insertToken(sealed, table) + (this.#failures || ''),",
    ],
    ['loads damaged files', 'if (damage !== undefined) throw new DamagedSegment(damage);', ''],
    [
      'forgets what is still being inserted',
      'await this.#insert(load, directory);',
      'void this.#insert(load, directory).catch(() => {});',
    ],
    ['inserts again the tables that it has inserted', 'if (inserted.has(table)) continue;', ''],
  ]),
  ...mutants('store/dangling-tokens.ts', 'store/dangling-tokens.test.ts', [
    ['leaves a token without its rows', '    return false;\n', '    return true;\n'],
    [
      'takes back the tokens of merged parts',
      'whole.first <= part.first && whole.last >= part.last',
      'whole.first === part.first && whole.last === part.last',
    ],
  ]),
];

const ROOT = path.resolve('.build/mutants');
const CONFIG = path.join(ROOT, 'vitest.config.mjs');
const REPORT = path.join(ROOT, 'report.json');
/** Of one process: a test that turns in a circle is ended by it. Time in which the machine stands still does not count. */
const CPU_SECONDS_MAX = 90;
/** Of one test that waits for what does not come. */
const WAIT_MS_MAX = 15_000;

/** Puts each fault into one copy of the program, and runs the named test there. `tell` hears each answer. */
export function catchCode(chosen: readonly CodeMutant[], tell: (answer: CodeAnswer) => void = () => {}): CodeAnswer[] {
  fs.rmSync(ROOT, { recursive: true, force: true });
  for (const folder of ['src', 'test/support', 'tools/proof', 'bench']) {
    fs.cpSync(folder, path.join(ROOT, folder), { recursive: true });
  }
  fs.writeFileSync(
    CONFIG,
    `export default { root: ${JSON.stringify(path.resolve('.'))}, test: { include: ['.build/mutants/src/**/*.test.ts'], pool: 'forks', maxWorkers: 1, bail: 1, testTimeout: ${WAIT_MS_MAX} } };\n`,
  );
  for (const test of new Set(chosen.map((mutant) => mutant.test))) {
    const { failure } = runOnce(test);
    if (failure !== undefined) throw new Error(`${test} fails without any fault: ${failure}`);
  }
  const answers = chosen.map((mutant) => {
    const target = path.join(ROOT, 'src', mutant.file);
    const text = fs.readFileSync(target, 'utf8');
    fs.writeFileSync(target, withFault(text, mutant));
    const answer = { mutant, caughtBy: firstFailure(mutant) };
    fs.writeFileSync(target, text);
    tell(answer);
    return answer;
  });
  fs.rmSync(ROOT, { recursive: true, force: true });
  return answers;
}

/** The text of a file with a fault in it. Throws unless its place stands there exactly once. */
export function withFault(text: string, { file, from, to, name }: CodeMutant): string {
  if (text.split(from).length !== 2) throw new Error(`${name}: ${JSON.stringify(from)} does not stand once in ${file}`);
  return text.replace(from, () => to);
}

/** Which test of the named file fails, or has no end. */
function firstFailure({ test }: CodeMutant): string | undefined {
  const once = runOnce(test);
  // A machine that stood still makes a test late: only one that is late twice has no end.
  return once.isLate ? runOnce(test).failure : once.failure;
}

function runOnce(test: string): { readonly failure: string | undefined; readonly isLate: boolean } {
  fs.rmSync(REPORT, { force: true });
  const vitest = `node_modules/vitest/vitest.mjs run --config ${CONFIG} --reporter=json --outputFile=${REPORT}`;
  const command = `ulimit -t ${CPU_SECONDS_MAX}; exec "${process.execPath}" ${vitest} ${path.join(ROOT, 'src', test)}`;
  const ran = spawnSync('sh', ['-c', command], {
    encoding: 'utf8',
    env: { ...process.env, CLEW_PROPERTY_RUNS: '1500', UV_THREADPOOL_SIZE: '12' },
  });
  const found = JSON.parse(fs.readFileSync(REPORT, 'utf8')) as Report;
  const results = found.testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = results.find(({ status }) => status === 'failed');
  if (failed !== undefined) {
    const isLate = /timed out in \d+ ?ms/i.test(failed.failureMessages[0] ?? '');
    return { failure: isLate ? `has no end: ${failed.title}` : failed.title, isLate };
  }
  const pending = results.find(({ status }) => status === 'pending');
  if (pending !== undefined || ran.signal !== null) {
    return {
      failure: `has no end: stopped after ${CPU_SECONDS_MAX} s of CPU in ${pending?.title ?? test}`,
      isLate: false,
    };
  }
  if (results.length === 0) throw new Error(`${test} did not run: ${ran.stderr}`);
  return { failure: undefined, isLate: false };
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}
