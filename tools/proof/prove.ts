import fs from 'node:fs';
import { createRequire } from 'node:module';
import * as tla from 'tla-checker';
import { type CheckEnd, check, withoutComments } from '../../src/history/checker.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { MODELS, type Model, WRONGS, type Wrong } from './theorems.ts';

tla.initSync({ module: fs.readFileSync(createRequire(import.meta.url).resolve('tla-checker/tla_checker_bg.wasm')) });

/** States after which a search that should be small is stopped. */
const STATES_MAX = 200_000;

/** Of this process: the figures of a busy machine are those of a quiet one. */
const cpuMs = (): number => process.cpuUsage().user / 1000;

/** One question, its answer, and whether it is the one that was expected. */
export interface Answer {
  readonly question: string;
  readonly well: boolean;
  readonly outcome: string;
  readonly states: number;
  /** Processor time. */
  readonly ms: number;
}

const modules = new Map<string, string>();

/** The text of a module of spec/, without comments. */
function moduleText(name: string): string {
  let text = modules.get(name);
  if (text === undefined) {
    text = withoutComments(fs.readFileSync(`spec/${name}.tla`, 'utf8'));
    modules.set(name, text);
  }
  return text;
}

interface Question {
  readonly constants: Readonly<Record<string, string>>;
  readonly invariants: readonly string[];
  readonly properties: readonly string[];
  readonly graph?: boolean;
}

function ask(text: string, { constants, invariants, properties, graph }: Question): { end: CheckEnd; ms: number } {
  const configuration = [
    `CONSTANTS\n${Object.entries(constants)
      .map(([name, value]) => `  ${name} = ${value}`)
      .join('\n')}`,
    properties.length > 0 ? 'SPECIFICATION Spec' : 'INIT Init\nNEXT Next',
    ...invariants.map((name) => `INVARIANT ${name}`),
    ...properties.map((name) => `PROPERTY ${name}`),
    'CHECK_DEADLOCK FALSE\n',
  ].join('\n');
  const startedMs = cpuMs();
  const end = check(tla, text, configuration, { statesMax: STATES_MAX, graph: graph ?? false });
  return { end, ms: cpuMs() - startedMs };
}

/** Theorems of one model: they hold, and the search has the pinned number of states. */
export function proveModel(model: Model): Answer {
  const question = `${model.module} ${model.name}`;
  const { end, ms } = ask(moduleText(model.module), model);
  const holds = end.kind === 'holds';
  const well = holds && end.states === model.states;
  const outcome = holds
    ? well
      ? 'holds'
      : `holds, but with ${end.states} states instead of ${model.states}`
    : refutation(end);
  return { question, well, outcome, states: end.states, ms };
}

/** A usual statement that is false: refuted. */
export function refuteWrong(wrong: Wrong): Answer {
  const { module, statement, constants, temporal = false } = wrong;
  const { end, ms } = ask(moduleText(module), {
    constants,
    invariants: temporal ? [] : [statement],
    properties: temporal ? [statement] : [],
  });
  const question = `${module} ${statement}`;
  const well = end.kind === 'refuted';
  return { question, well, outcome: well ? 'refuted' : 'holds, but is wrong', states: end.states, ms };
}

/** A faulty specification: refuted by its model. */
export function killMutant({ module, name, model, edits }: Mutant): Answer {
  const question = `${module} ${name}`;
  const found = MODELS.find((other) => other.module === module && other.name === model);
  if (found === undefined) throw new Error(`${question}: there is no model ${model}`);
  let text = moduleText(module);
  for (const [from, to] of edits) {
    if (text.split(from).length !== 2)
      throw new Error(`${question}: ${JSON.stringify(from)} does not stand there once`);
    text = text.replace(from, () => to);
  }
  const { end, ms } = ask(text, found);
  const well = end.kind === 'refuted';
  return { question, well, outcome: well ? refutation(end) : 'is not noticed', states: end.states, ms };
}

function refutation(end: Extract<CheckEnd, { kind: 'refuted' }>): string {
  return end.invariant === undefined ? 'breaks liveness' : 'breaks safety';
}

/** The actions of a module, as its Next lists them. */
export function moduleActions(module: string): string[] {
  const text = moduleText(module);
  const next = text.slice(text.search(/^Next ==/m)).split(/\n\s*\n/)[0] ?? '';
  return next
    .split('\n')
    .slice(1)
    .map((line) => /(\w+)(?:\([^()]*\))?\s*$/.exec(line)?.[1] ?? '');
}

/** Every action of a module happens in the graph of one of its models: no theorem holds because nothing goes on. */
export function witnessActions(module: string): Answer {
  const text = moduleText(module);
  const startedMs = cpuMs();
  const missing = new Set(moduleActions(module));
  const count = missing.size;
  let states = 0;
  const models = MODELS.filter((other) => other.module === module).sort((a, b) => a.states - b.states);
  for (const model of models) {
    if (missing.size === 0) break;
    const { end } = ask(text, {
      constants: model.constants,
      invariants: model.invariants,
      properties: [],
      graph: true,
    });
    if (end.kind !== 'holds') continue;
    states += end.states;
    for (const match of (end.graph ?? '').matchAll(/label="(\w+)"/g)) missing.delete(match[1] ?? '');
  }
  const well = missing.size === 0 && count > 0;
  const outcome = well ? `all ${count} actions happen` : `never: ${[...missing].join(', ')}`;
  return { question: `${module} actions`, well, outcome, states, ms: cpuMs() - startedMs };
}

export const MODULES: readonly string[] = [...new Set(MODELS.map(({ module }) => module))];

export interface Proof {
  readonly models: readonly Answer[];
  readonly wrongs: readonly Answer[];
  readonly mutants: readonly Answer[];
  readonly actions: readonly Answer[];
}

/** Asks everything. `full`: the large models too. `tell` hears each answer. */
export function prove(full: boolean, tell: (answer: Answer) => void): Proof {
  const told = <T>(items: readonly T[], answer: (item: T) => Answer): Answer[] =>
    items.map((item) => {
      const one = answer(item);
      tell(one);
      return one;
    });
  return {
    models: told(
      MODELS.filter((model) => full || model.full !== true),
      proveModel,
    ),
    wrongs: told(WRONGS, refuteWrong),
    mutants: told(MUTANTS, killMutant),
    actions: told(MODULES, witnessActions),
  };
}
