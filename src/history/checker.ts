import { assert } from '../base/assert.ts';

/** The functions of tla-checker that are used; texts in, JSON out. */
export interface TlaChecker {
  check_spec_with_options(spec: string, options: string): string;
  explore_next(spec: string, configuration: string, constants: string, state: string): string;
}

/** How a check ended. */
export type CheckEnd =
  | { readonly kind: 'holds'; readonly states: number; readonly graph: string | undefined }
  /** `invariant`: its index in the configuration; undefined for a property. `trace`: states as text, the last one breaks it. */
  | {
      readonly kind: 'refuted';
      readonly states: number;
      readonly invariant: number | undefined;
      readonly trace: string;
    };

export interface CheckLimits {
  readonly statesMax: number;
  /** Asks for the whole graph, with the action of each edge. */
  readonly graph?: boolean;
}

/** The error types that mean a refutation. Every other one means that the check itself is wrong. */
const REFUTATIONS: ReadonlySet<string> = new Set(['InvariantViolation', 'LivenessViolation']);

/**
 * Checks a module. The checker must say nothing that is not understood here: a warning, an unknown kind of error, a limit that was reached
 * or a missing number is our mistake, and is thrown.
 */
export function check(checker: TlaChecker, spec: string, configuration: string, limits: CheckLimits): CheckEnd {
  const options = {
    cfg_source: configuration,
    max_states: limits.statesMax,
    max_depth: limits.statesMax,
    allow_deadlock: true,
    constants: {},
    ...(limits.graph === true ? { export_dot: true, dot_mode: 'full' } : {}),
  };
  const answer = JSON.parse(checker.check_spec_with_options(spec, JSON.stringify(options))) as Answer;
  const { success, error_type: type, error_message: message, states_explored: states, warnings } = answer;
  assert(Array.isArray(warnings) && warnings.length === 0, `the checker warns: ${JSON.stringify(warnings)}`);
  assert(typeof states === 'number' && states > 0, `the checker explored nothing: ${type} ${message}`);
  if (success === true && (type === null || type === undefined)) {
    return { kind: 'holds', states, graph: answer.dot ?? undefined };
  }
  assert(success === false && REFUTATIONS.has(String(type)), `the checker failed: ${type} ${message}`);
  const index = /^Invariant (\d+) violated/.exec(message ?? '')?.[1];
  assert((type === 'InvariantViolation') === (index !== undefined), `an unknown message of the checker: ${message}`);
  const trace = (answer.trace ?? []).join('\n');
  return { kind: 'refuted', states, invariant: index === undefined ? undefined : Number(index), trace };
}

interface Answer {
  readonly success?: boolean;
  readonly error_type?: string | null;
  readonly error_message?: string | null;
  readonly states_explored?: number;
  readonly trace?: readonly string[] | null;
  readonly warnings?: readonly string[];
  readonly dot?: string | null;
}

/** A module without its comments: half of the time of a small check is reading. */
export function withoutComments(spec: string): string {
  return spec.replace(/\(\*[\s\S]*?\*\)/g, '').replace(/\\\*.*$/gm, '');
}
