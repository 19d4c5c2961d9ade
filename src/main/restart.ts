import { LIMITS } from '../base/limits.ts';

/** What decides when a process that died is started again. */
export interface RestartState {
  /** Deaths since it was last steady. */
  readonly deathsInRow: number;
}

export const FRESH: RestartState = { deathsInRow: 0 };

/** After a death: the next state and how long to wait. `readyForMs` is how long it had been ready, 0 when never. */
export function afterDeath(
  state: RestartState,
  readyForMs: number,
): { readonly state: RestartState; readonly delayMs: number } {
  const deathsInRow = readyForMs >= LIMITS.restartSteadyMs ? 1 : state.deathsInRow + 1;
  const delayMs = Math.min(LIMITS.restartBackoffMsMin * 2 ** Math.min(deathsInRow - 1, 16), LIMITS.restartBackoffMsMax);
  return { state: { deathsInRow }, delayMs };
}
