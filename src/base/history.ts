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
 * Steps of one stream: what a sender takes from one journal, of one signal, to one destination. Named as the actions of spec/Sender.tla;
 * of its receiver only what joins the two is recorded (`Deliver`), for its other steps are those of its journal and store.
 */
export const STREAM_STEPS = [
  'Connect',
  'ConnectOk',
  'ConnectFail',
  'Open',
  'Recover',
  'ConnErr',
  'Drain',
  'DrainDone',
  'Close',
  'Accept',
  'Fill',
  'Flush',
  'Abandon',
  'Send',
  'Transmit',
  'Release',
  'BatchOk',
  'Refuse',
  'Split',
  'Timeout',
  'Overlap',
  'Requeue',
  'Resend',
  'Renew',
  'Miss',
  'Save',
  'SCrash',
  'Deliver',
] as const;

export type StreamStepName = (typeof STREAM_STEPS)[number];

/**
 * `where`: the index of the receiver or its journal directory; `count`: the number of records that the step speaks of, 0 where it speaks
 * of none. `segment` is '' for Boot (all segments of the receiver) and for StoreBoot, whose receiver is `*`, every one.
 */
export type TakeStep = (step: StepName, where: number | string, segment: string, count: number) => void;

/**
 * `at`: the position that the step speaks of, '' where it speaks of none. `count`: a connection, or a number of retries. `where`: of
 * Deliver, the receiver, segment and record that the batch up to `at` became.
 */
export type TakeStreamStep = (step: StreamStepName, stream: string, count: number, at: string, where: string) => void;

let taken: TakeStep | undefined;
let takenOfStream: TakeStreamStep | undefined;

/** Hands every step to `take` and `takeOfStream` from now on; undefined: to nobody. One process keeps one history. */
export function keepHistory(take: TakeStep | undefined, takeOfStream?: TakeStreamStep): void {
  taken = take;
  takenOfStream = takeOfStream;
}

/** Records one step; nothing while no history is kept. */
export function record(step: StepName, where: number | string, segment: string, count = 0): void {
  taken?.(step, where, segment, count);
}

/** Records one step of a stream; nothing while no history is kept. */
export function recordStream(step: StreamStepName, stream: string, count = 0, at = '', where = ''): void {
  takenOfStream?.(step, stream, count, at, where);
}

const receiverName = (where: number | string): string =>
  typeof where === 'number' ? `r${where}` : (where.split('/').at(-1) ?? '');

/** A step as one line of a history file. `node`: which Clew it is of, where several write one file. */
export function historyLine(step: StepName, where: number | string, segment: string, count: number, node = ''): string {
  return `${JSON.stringify({ step, receiver: receiverName(where), segment, count, ...(node === '' ? {} : { node }) })}\n`;
}

/** A step of a stream as one line of a history file. `node`: as of `historyLine`; only Deliver speaks of a receiver, hence of its node. */
export function streamLine(
  step: StreamStepName,
  stream: string,
  count: number,
  at: string,
  where: string,
  node = '',
): string {
  const known = { step, stream, count, at };
  if (where === '') return `${JSON.stringify(known)}\n`;
  return `${JSON.stringify({ ...known, where, ...(node === '' ? {} : { node }) })}\n`;
}
