import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isSegmentStep, readHistory } from '../history/steps.ts';
import { type Forbidden, type Judgement, validateHistory } from '../history/validate.ts';
import { validateStreams } from '../history/validate-streams.ts';
import { errorText, readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';

const USAGE = `usage: clew history check FILE

Follows FILE, the history of a run, through the specification (its segments through spec/Intake.tla, its streams to other Clews through
spec/Sender.tla) and names the first step that the specification forbids.
A Clew that was started with CLEW_HISTORY=FILE in its environment keeps such a history. Exit code 0: every step is allowed; 1: one is
not, or the file is no history.
`;

/** `clew history …`: prints the judgement; the result is the exit code of the process. */
export async function runHistory(words: readonly string[]): Promise<number> {
  const [command, file, ...more] = words;
  if (command !== 'check' || file === undefined || more.length > 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    const read = readHistory(Buffer.from(await readWhole(nodeDisk, file)).toString('utf8'));
    if ('problem' in read) {
      process.stderr.write(`clew: ${file}:${read.line}: ${read.problem}\n`);
      return 1;
    }
    const checker = await loadChecker();
    const judged = [
      validateHistory(checker, await specification('Intake'), read.steps),
      validateStreams(checker, await specification('Sender'), read.steps),
    ];
    process.stdout.write(describe(file, judged));
    return judged.every(({ kind }) => kind === 'allowed') ? 0 : 1;
  } catch (error) {
    process.stderr.write(`clew: ${errorText(error)}\n`);
    return 1;
  }
}

/** What was found, of several refusals the one that stands first in the file. */
function describe(file: string, [segments, streams]: readonly Judgement[]): string {
  const refusals = [segments, streams].filter((judged): judged is Forbidden => judged?.kind === 'forbidden');
  const [first] = refusals.sort((a, b) => a.step.line - b.step.line);
  if (first === undefined) {
    const [of, others] = [segments, streams].map((judged) =>
      judged?.kind === 'allowed' ? judged : { steps: 0, lives: 0 },
    );
    return `${file}: the specification allows all ${of?.steps} steps, of ${of?.lives} segments, and ${others?.steps} of ${others?.lives} streams\n`;
  }
  const { step, module, state, allowed, unsafe } = first;
  const what = isSegmentStep(step)
    ? `${step.step} (${step.count} records) of segment ${step.segment} of ${step.receiver}`
    : `${step.step} of stream ${step.stream}`;
  return [
    `${file}:${step.line}: the specification forbids ${what} (spec/${module}.tla)`,
    ...(unsafe ? ['  it leads to a state in which a theorem does not hold'] : []),
    `  before it: ${state}`,
    `  allowed there: ${allowed.join(', ')}\n`,
  ].join('\n');
}

async function loadChecker() {
  const checker = await import('tla-checker');
  const wasm = createRequire(import.meta.url).resolve('tla-checker/tla_checker_bg.wasm');
  checker.initSync({ module: new Uint8Array(await readWhole(nodeDisk, wasm)) });
  return checker;
}

/** The modules lie beside dist and src alike. */
async function specification(module: string): Promise<string> {
  const path = fileURLToPath(new URL(`../../spec/${module}.tla`, import.meta.url));
  return Buffer.from(await readWhole(nodeDisk, path)).toString('utf8');
}
