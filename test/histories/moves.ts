import type { TlaChecker } from '../../src/history/checker.ts';
import { allowedFrom, firstState, follow, type Sized } from '../../src/history/follow.ts';
import { printState, type State } from '../../src/history/values.ts';

/** A step of a specification with its parameters, as TLA+, and the line of a history that it stands for. */
export interface Move {
  readonly action: string;
  readonly line: number;
}

/** Whether a specification allows all moves, and the state that they lead to. */
export type MovesJudged =
  | { readonly kind: 'allowed'; readonly state: State }
  | {
      readonly kind: 'forbidden';
      readonly move: Move;
      /** The state before the move, as the specification writes it. */
      readonly state: string;
      /** The actions that the specification allows there. */
      readonly allowed: readonly string[];
      /** The move itself is allowed, but leads to a state in which a safety theorem is broken. */
      readonly unsafe: boolean;
    };

/** Moves checked in one run. */
const CHUNK_MOVES = 150;

/** Follows moves from the first state: each must be a step of the specification and lead to a state in which its safety theorems hold. */
export function followMoves(
  checker: TlaChecker,
  sized: Sized,
  moves: readonly Move[],
  taken: (action: string) => void,
): MovesJudged {
  let state: State | undefined;
  for (let at = 0; at < moves.length; at += CHUNK_MOVES) {
    const chunk = moves.slice(at, at + CHUNK_MOVES);
    const actions = chunk.map(({ action }) => action);
    const followed = follow(checker, sized, state, actions);
    for (const action of actions.slice(0, followed.moves)) taken(/^\w+/.exec(action)?.[0] ?? '');
    const refused = chunk[followed.moves];
    if (refused !== undefined) {
      const before = followed.state ?? firstState(checker, sized);
      const { unsafe } = followed;
      const allowed = allowedFrom(checker, sized, before);
      return { kind: 'forbidden', move: refused, state: printState(before), allowed, unsafe };
    }
    state = followed.state;
  }
  return { kind: 'allowed', state: state ?? firstState(checker, sized) };
}
