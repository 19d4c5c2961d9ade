/**
 * Steps of the protocol between receivers, journal and store, named as the actions of spec/Intake.tla. A step is recorded where it takes
 * effect: after what made it true, but before a rename or removal that another process may see.
 */
export const STEPS = [
  'Open',
  'Add',
  'Write',
  'Sync',
  'Answer',
  'Fail',
  'Close',
  'Cut',
  'Replay',
  'Files',
  'Publish',
  'Repair',
  'Seal',
  'Load',
  'Mark',
  'Marked',
  'Remove',
  'Forget',
  'Boot',
  'StoreBoot',
] as const;

export type StepName = (typeof STEPS)[number];

/**
 * `where`: the index of the receiver or its journal directory; `count`: the number of records that the step speaks of, 0 where it speaks
 * of none. `segment` is '' for Boot (all segments of the receiver) and, with `where` '*', for StoreBoot.
 */
export type TakeStep = (step: StepName, where: number | string, segment: string, count: number) => void;

let taken: TakeStep | undefined;

/** Hands every step to `take` from now on; undefined: to nobody. One process keeps one history. */
export function keepHistory(take: TakeStep | undefined): void {
  taken = take;
}

/** Records one step; nothing while no history is kept. */
export function record(step: StepName, where: number | string, segment: string, count = 0): void {
  taken?.(step, where, segment, count);
}

/** A step as one line of a history file. */
export function historyLine(step: StepName, where: number | string, segment: string, count: number): string {
  const receiver = typeof where === 'number' ? `r${where}` : (where.split('/').at(-1) ?? '');
  return `${JSON.stringify({ step, receiver, segment, count })}\n`;
}
