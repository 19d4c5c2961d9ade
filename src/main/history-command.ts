import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { readHistory } from '../history/steps.ts';
import { type Judgement, validateHistory } from '../history/validate.ts';
import { errorText, readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';

const USAGE = `usage: clew history check FILE

Follows FILE, the history of a run, through the specification (spec/Intake.tla) and names the first step that the specification forbids.
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
    const judged = validateHistory(await loadChecker(), await specification(), read.steps);
    process.stdout.write(describe(file, judged));
    return judged.kind === 'allowed' ? 0 : 1;
  } catch (error) {
    process.stderr.write(`clew: ${errorText(error)}\n`);
    return 1;
  }
}

function describe(file: string, judged: Judgement): string {
  if (judged.kind === 'allowed') {
    return `${file}: the specification allows all ${judged.steps} steps, of ${judged.segments} segments\n`;
  }
  const { step, state, allowed } = judged;
  const { line, receiver, segment, count } = step;
  return [
    `${file}:${line}: the specification forbids ${step.step} (${count} records) of segment ${segment} of ${receiver}`,
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

/** The module lies beside dist and src alike. */
async function specification(): Promise<string> {
  const path = fileURLToPath(new URL('../../spec/Intake.tla', import.meta.url));
  return Buffer.from(await readWhole(nodeDisk, path)).toString('utf8');
}
