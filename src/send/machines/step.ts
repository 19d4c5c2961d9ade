/** What one event does to a machine: the state after it, and what the caller is to do, in this order. */
export interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/**
 * Where each event may lead from each state; an empty list: the event is refused. Total by its type: a missing cell does not compile. Where
 * a cell names two states, the machine's file says which condition decides.
 */
export type Table<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Record<Event, readonly State[]>>>
>;

/** No transition: the state stays, the event is counted. */
export const NO: readonly never[] = [];

/** The step of a refused event. */
export function refuse<State extends { readonly refused: number }>(state: State): Step<State, never> {
  return { state: { ...state, refused: state.refused + 1 }, effects: NO };
}
