import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { checker, INTAKE } from '../../src/history/lives-world.ts';
import { type HistoryLine, readHistory } from '../../src/history/steps.ts';
import { validateHistory } from '../../src/history/validate.ts';
import { validateStreams } from '../../src/history/validate-streams.ts';
import { scheduleOf } from '../simulation/schedule.ts';
import type { simulate as simulateWell } from '../simulation/simulation.ts';
import { TOKENS_REMEMBERED } from '../simulation/store-twin.ts';
import { type InsertStep, validateInserts } from './inserts.ts';
import { laneShape } from './lane-world.ts';
import { validateOrder } from './order.ts';
import { validateFlow, validateLatency } from './ticks.ts';
import { journeysIn, validateJourney } from './tiers.ts';

vi.setConfig({ testTimeout: 120_000 });

/*
 * Bugs put into the program itself, a line each: its simulated histories must be refused, and at the step where the bug shows. Each buggy
 * program is a copy of src below .build, so that nothing of it can be left behind.
 */

const COPIES = path.resolve('.build/bugs');
const FOLDERS = [
  'base',
  'host',
  'wire',
  'columns',
  'transcode',
  'journal',
  'receive',
  'send',
  'store',
  'main',
  'history',
];
const isNoTest = (file: string): boolean => !file.endsWith('.test.ts');
/** Of each module: seeds of which one must find a bug. */
const SEEDS = 120;

interface Bug {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The first step that the specification forbids. */
  readonly shows: string;
}

/** A specification, and the histories that are followed through it. */
type Module = keyof typeof REFUSALS;

const SYNC = `      await this.#file.sync();
      record('Sync', receiver, segment, records);
`;
const WRITE = `      await this.#file.write(pieces);
      record('Write', receiver, segment, records);
`;

const INTAKE_BUGS: readonly Bug[] = [
  { name: 'answers without an fsync', file: 'journal/journal.ts', from: SYNC, to: '', shows: 'Answer' },
  { name: 'fsyncs before it writes', file: 'journal/journal.ts', from: WRITE + SYNC, to: SYNC + WRITE, shows: 'Sync' },
  {
    name: 'answers what failed',
    file: 'receive/intake.ts',
    from: "if (written.kind === 'failed') return",
    to: "if (written.kind === 'failed' && request.signal === 'traces') return",
    shows: 'Answer',
  },
  {
    name: 'reads back one record too few',
    file: 'receive/rebuild.ts',
    from: 'records: scanned.records.length,',
    to: 'records: Math.max(0, scanned.records.length - 1),',
    shows: 'Replay',
  },
  {
    name: 'seals what it read back without an fsync',
    file: 'receive/rebuild.ts',
    from: `  if (extent === undefined) await writeOver(disk, path, content);
  record('Sync', directory, segment, replayed.records);
`,
    to: '',
    shows: 'Publish',
  },
  {
    name: 'replays what is sealed',
    file: 'receive/recovery.ts',
    from: 'if ((await disk.size(sealedPath)) !== undefined) {',
    to: 'if ((await disk.size(sealedPath)) === 0) {',
    shows: 'Replay',
  },
  {
    name: 'seals another number of records than it has',
    file: 'receive/sealer.ts',
    from: 'journal.durable,',
    to: '{ ...journal.durable, records: journal.durable.records - 1 },',
    shows: 'Files',
  },
  {
    name: 'removes without a mark',
    file: 'journal/forget.ts',
    from: '  await markLoaded(disk, directory, segment, forgetting);\n  await removeLoaded',
    to: '  await removeLoaded',
    shows: 'Remove',
  },
  {
    name: 'removes before the mark is durable',
    file: 'journal/forget.ts',
    from: `  await disk.syncDirectory(directory);
  record('Marked', directory, segment);
`,
    to: '',
    shows: 'Remove',
  },
];

const SENDER_BUGS: readonly Bug[] = [
  {
    name: 'goes on before a giving up is accounted for',
    file: 'send/lane.ts',
    from: '    await progress.saved();\n  }\n}',
    to: '  }\n}',
    shows: 'Fill',
  },
  {
    name: 'does not count its retries',
    file: 'send/retry.ts',
    from: 'retries: tries.retries + 1',
    to: 'retries: tries.retries',
    shows: 'Resend',
  },
  {
    name: 'gives up at the first failure',
    file: 'send/retry.ts',
    from: 'if (tries.retries >= Math.min(policy.retriesMax, LIMITS.retriesMax))',
    to: 'if (tries.retries >= 0)',
    shows: 'Renew',
  },
  {
    name: 'takes the end of sending for an acknowledgement',
    file: 'send/delivery.ts',
    from: "if (reply === 'stopped') return { kind: 'stopped' };",
    to: "if (reply === 'stopped') {\n      slot.ok();\n      return { kind: 'acknowledged', rejected: 0 };\n    }",
    shows: 'Save',
  },
  {
    name: 'is answered before the fsync',
    file: 'journal/journal.ts',
    from: SYNC,
    to: '',
    shows: 'BatchOk',
  },
];

const TIER_BUGS: readonly Bug[] = [
  { name: 'is answered before the fsync of the region', file: 'journal/journal.ts', from: SYNC, to: '', shows: 'Save' },
  {
    name: 'forgets what it has taken',
    file: 'receive/once.ts',
    from: '      this.#marks.note(batch.stream, batch.mark);\n',
    to: '',
    shows: 'Deliver',
  },
  {
    name: 'reads back one record too few of what it answered',
    file: 'receive/rebuild.ts',
    from: 'records: scanned.records.length,',
    to: 'records: Math.max(0, scanned.records.length - 1),',
    shows: 'Replay',
  },
  {
    name: 'leaves out a record',
    file: 'send/batch.ts',
    from: '      this.#slot.accepted(position);\n',
    to: '      this.#slot.accepted(position);\n      if (record.sequence % 3 === 1) continue;\n',
    shows: 'Transmit',
  },
];

const FLOW_BUGS: readonly Bug[] = [
  {
    name: 'lets one request too many in',
    file: 'receive/intake.ts',
    from: 'if (this.#journalBytes() + ahead > quotaBytes)',
    to: 'if (this.#journalBytes() / 2 + ahead > quotaBytes)',
    shows: 'Answer',
  },
  {
    name: 'never frees its quota',
    file: 'receive/retained.ts',
    from: '    this.bytes += bytes - (',
    to: '    if (bytes === 0) return;\n    this.bytes += bytes - (',
    shows: 'Refused',
  },
  {
    name: 'waits beside a queue',
    file: 'send/lane.ts',
    from: "    this.#failures = 0;\n    this.#lastFailure = '';",
    to: "    this.#failures = 0;\n    this.#isStopping = true;\n    clock.after(300, () => { this.#isStopping = false; this.#running = this.#run(); });\n    this.#lastFailure = '';",
    shows: 'Tick',
  },
];

const LATENCY_BUGS: readonly Bug[] = [
  {
    name: 'pauses longer than it may',
    file: 'base/backoff.ts',
    from: 'delayMs: Math.ceil(wholeMs / 2 + (chance * wholeMs) / 2)',
    to: 'delayMs: Math.ceil(wholeMs * 2)',
    shows: 'Tick',
  },
  {
    name: 'does not count its retries',
    file: 'send/retry.ts',
    from: 'retries: tries.retries + 1',
    to: 'retries: tries.retries',
    shows: 'Timeout',
  },
  {
    name: 'gives up too early',
    file: 'send/retry.ts',
    from: 'tries.retries >= Math.min(policy.retriesMax, LIMITS.retriesMax)',
    to: 'tries.retries >= 0',
    shows: 'Requeue',
  },
  {
    name: 'goes on before a giving up is written down',
    file: 'send/lane.ts',
    from: '    await progress.saved();\n  }\n}',
    to: '  }\n}',
    shows: 'Transmit',
  },
];

const WINDOW_BUGS: readonly Bug[] = [
  {
    name: 'inserts under another token at every try',
    file: 'store/loader.ts',
    from: 'token: insertToken(sealed, table),',
    to: 'token: insertToken(sealed, table) + this.#failures,',
    shows: 'Apply',
  },
  {
    name: 'inserts under another token after a restart',
    file: 'store/load-plan.ts',
    from: 'table: string): string {\n',
    to: 'table: string): string {\n  return table + performance.now();\n',
    shows: 'Apply',
  },
];

const ORDER_BUGS: readonly Bug[] = [
  {
    name: 'does not wait for what another receiver took in before',
    file: 'send/batch.ts',
    from: 'if (first.after.length > 0) await this.#predecessors(first);',
    to: '',
    shows: 'Transmit',
  },
  {
    name: 'hands a stream on without where its records stand',
    file: 'main/stream-desk.ts',
    from: 'entry.places.set(at.receiver, at.position);',
    to: '',
    shows: 'Transmit',
  },
];

const dangers = { loss: 0.3, crash: 0.6, refusal: 0.4, retriesMax: 2 };

/** The step of a buggy program's history of a seed that is refused; undefined: the specification allows it. */
const REFUSALS = {
  Intake: async (copy: string, seed: number) => {
    const buggy = (await import(
      `${copy}/src/history/lives-world.ts`
    )) as typeof import('../../src/history/lives-world.ts');
    for (const trouble of ['crash', 'errors'] as const) {
      const judged = validateHistory(checker, INTAKE, linesOf(await buggy.simulatedHistory(seed, trouble)));
      if (judged.kind === 'forbidden') return judged.step.step;
    }
    return undefined;
  },
  Sender: async (copy: string, seed: number) => {
    const { tiersHistory } = (await import(
      `${copy}/src/history/tiers-world.ts`
    )) as typeof import('../../src/history/tiers-world.ts');
    const judged = validateStreams(checker, SPEC.Sender, linesOf((await tiersHistory(seed, dangers)).text));
    return judged.kind === 'forbidden' ? judged.step.step : undefined;
  },
  Tier: async (copy: string, seed: number) => {
    const { tiersHistory } = (await import(
      `${copy}/src/history/tiers-world.ts`
    )) as typeof import('../../src/history/tiers-world.ts');
    const lines = linesOf((await tiersHistory(seed, { ...dangers, refusal: 0, retriesMax: 200 })).text);
    const [journey] = journeysIn(lines);
    const judged = journey && validateJourney(checker, SPEC.Tier, lines, journey);
    if (judged?.kind !== 'forbidden') return undefined;
    return lines.find(({ line }) => line === judged.move.line)?.step;
  },
  Flow: async (copy: string, seed: number) => {
    const { laneHistory } = (await import(`${copy}/test/histories/lane-world.ts`)) as typeof import('./lane-world.ts');
    const shape = laneShape(seed);
    const steps = await laneHistory(seed, shape);
    const judged = validateFlow(checker, SPEC.Flow, steps, shape.queueMax);
    return judged.kind === 'forbidden' ? steps[judged.move.line] : undefined;
  },
  Latency: async (copy: string, seed: number) => {
    const { laneHistory } = (await import(`${copy}/test/histories/lane-world.ts`)) as typeof import('./lane-world.ts');
    const shape = laneShape(seed);
    const steps = await laneHistory(seed, shape);
    const judged = validateLatency(checker, SPEC.Latency, steps, shape);
    return judged.kind === 'forbidden' ? steps[judged.move.line] : undefined;
  },
  Window: async (copy: string, seed: number) => {
    const { simulate } = (await import(`${copy}/test/simulation/simulation.ts`)) as {
      readonly simulate: typeof simulateWell;
    };
    const steps: InsertStep[] = [];
    await simulate(scheduleOf(seed), undefined, (step, table, file) => steps.push({ step, table, file }));
    const judged = validateInserts(checker, SPEC.Window, steps, TOKENS_REMEMBERED);
    return judged?.kind === 'forbidden' ? steps[judged.move.line]?.step : undefined;
  },
  Order: async (copy: string, seed: number) => {
    const { orderHistory } = (await import(`${copy}/test/histories/order.ts`)) as typeof import('./order.ts');
    const events = await orderHistory(seed);
    const judged = events && validateOrder(checker, SPEC.Order, events);
    return judged?.kind === 'forbidden' ? events?.[judged.move.line]?.step : undefined;
  },
};

const moduleText = (name: string): string => fs.readFileSync(`spec/${name}.tla`, 'utf8');
const SPEC = {
  Sender: moduleText('Sender'),
  Tier: moduleText('Tier'),
  Flow: moduleText('Flow'),
  Latency: moduleText('Latency'),
  Window: moduleText('Window'),
  Order: moduleText('Order'),
};

function linesOf(text: string): HistoryLine[] {
  const read = readHistory(text);
  if ('problem' in read) throw new Error(read.problem);
  return read.steps;
}

afterAll(() => fs.rmSync(COPIES, { recursive: true, force: true }));

test.each([
  ...INTAKE_BUGS.map((bug) => ({ module: 'Intake' as Module, ...bug })),
  ...SENDER_BUGS.map((bug) => ({ module: 'Sender' as Module, ...bug })),
  ...TIER_BUGS.map((bug) => ({ module: 'Tier' as Module, ...bug })),
  ...FLOW_BUGS.map((bug) => ({ module: 'Flow' as Module, ...bug })),
  ...LATENCY_BUGS.map((bug) => ({ module: 'Latency' as Module, ...bug })),
  ...WINDOW_BUGS.map((bug) => ({ module: 'Window' as Module, ...bug })),
  ...ORDER_BUGS.map((bug) => ({ module: 'Order' as Module, ...bug })),
])('$module: a program that $name is refused at $shows', async ({ module, file, from, to, shows, name }) => {
  const copy = path.join(COPIES, `${module}-${name.replaceAll(' ', '-')}`);
  for (const folder of FOLDERS) {
    fs.cpSync(`src/${folder}`, path.join(copy, 'src', folder), { recursive: true, filter: isNoTest });
  }
  for (const folder of ['test/simulation', 'test/histories']) {
    fs.cpSync(folder, path.join(copy, folder), { recursive: true, filter: isNoTest });
  }
  const text = fs.readFileSync(path.join(copy, 'src', file), 'utf8');
  const parts = text.split(from);
  expect(parts.length, `${JSON.stringify(from)} stands once in ${file}`).toBe(2);
  fs.writeFileSync(path.join(copy, 'src', file), parts.join(to));
  let refused: string | undefined;
  for (let seed = 1; refused === undefined && seed <= SEEDS; seed++) refused = await REFUSALS[module](copy, seed);
  expect(refused).toBe(shows);
});
