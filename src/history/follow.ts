import { assert } from '../base/assert.ts';
import { check, type TlaChecker } from './checker.ts';
import { parseValue, printState, type State, stateJson } from './values.ts';

/** A specification at one size. */
export interface Sized {
  /** The module's text without comments. */
  readonly module: string;
  readonly constants: Readonly<Record<string, string>>;
}

/** Where following ended. */
export interface Followed {
  /** How many of the moves the specification allows. */
  readonly moves: number;
  /** The state after them; undefined for the first state of the specification. */
  readonly state: State | undefined;
  /** The next move is allowed, but leads to a state that is not safe. */
  readonly unsafe: boolean;
}

/**
 * Follows `actions` (TLA+, each with its parameters) from a state: each must be a step of the specification and lead to a state in which
 * its safety theorems hold.
 */
export function follow(
  checker: TlaChecker,
  sized: Sized,
  state: State | undefined,
  actions: readonly string[],
): Followed {
  if (actions.length === 0) return { moves: 0, state, unsafe: false };
  const ran = run(checker, sized, state, actions);
  if (ran.moves === actions.length || ran.moves === 0) return ran;
  // The checker tells the last state only of a run that comes to its end.
  return { ...run(checker, sized, state, actions.slice(0, ran.moves)), unsafe: ran.unsafe };
}

/**
 * The checker is told which action comes at which place, and that the end is never reached: the counterexample is the history itself, and
 * its last state is where it leads.
 */
function run(checker: TlaChecker, sized: Sized, state: State | undefined, actions: readonly string[]): Followed {
  const count = actions.length;
  const text = withDefinitions(
    sized.module.replace(/^VARIABLES\b/m, 'VARIABLES place,'),
    `HistoryInit == ${state === undefined ? 'Init' : printState(state)} /\\ place = 0`,
    `HistoryNext == ${choice(actions, 0, count)}`,
    `Unfinished == place < ${count}`,
  );
  const configured = configuration(sized, 'HistoryInit', 'HistoryNext', ['Unfinished', 'Safety']);
  const end = check(checker, text, configured, { statesMax: count + 2 });
  // The specification leaves no choice once the action and its parameters are known: one state for each move.
  if (end.kind === 'holds') return { moves: end.states - 1, state, unsafe: false };
  if (end.invariant === 0) return { moves: count, state: lastState(end.trace), unsafe: false };
  return { moves: Math.max(0, end.states - 2), state, unsafe: true };
}

/** The action of each place from `begin` to `end`, found by halving: a list of all would be read through at each. */
function choice(actions: readonly string[], begin: number, end: number): string {
  if (end - begin === 1) return `(place = ${begin} /\\ ${actions[begin]} /\\ place' = ${end})`;
  const middle = (begin + end) >> 1;
  return `(IF place < ${middle} THEN ${choice(actions, begin, middle)} ELSE ${choice(actions, middle, end)})`;
}

/** The actions that the specification allows in a state, for the person who reads the judgement. */
export function allowedFrom(checker: TlaChecker, sized: Sized, state: State): string[] {
  const text = withDefinitions(sized.module, `HistoryInit == ${printState(state)}`);
  const configured = configuration(sized, 'HistoryInit', 'Next', []);
  const found = JSON.parse(checker.explore_next(text, configured, '{}', stateJson(state))) as {
    readonly transitions?: readonly { readonly action: string }[];
  };
  return [...new Set((found.transitions ?? []).map(({ action }) => action))];
}

/** The first state of a specification. */
export function firstState(checker: TlaChecker, sized: Sized): State {
  const text = withDefinitions(sized.module, 'Never == FALSE');
  const end = check(checker, text, configuration(sized, 'Init', 'Next', ['Never']), { statesMax: 2 });
  assert(end.kind === 'refuted', 'a specification has a first state');
  return lastState(end.trace);
}

function withDefinitions(module: string, ...definitions: readonly string[]): string {
  return module.replace(/^====\s*$/m, () => `${definitions.join('\n')}\n====\n`);
}

function configuration(sized: Sized, init: string, next: string, invariants: readonly string[]): string {
  const constants = Object.entries(sized.constants).map(([name, value]) => `  ${name} = ${value}`);
  return [
    `CONSTANTS\n${constants.join('\n')}`,
    `INIT ${init}\nNEXT ${next}`,
    ...invariants.map((name) => `INVARIANT ${name}`),
    'CHECK_DEADLOCK FALSE\n',
  ].join('\n');
}

/** The last state of a counterexample. */
function lastState(trace: string): State {
  const text = trace.slice(trace.lastIndexOf('State '));
  const state = new Map([...text.matchAll(/^ {2}(\w+) = (.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
  state.delete('place');
  assert(state.size > 0, `the checker's trace cannot be read: ${text}`);
  return new Map([...state].map(([name, value]) => [name, parseValue(value)]));
}
