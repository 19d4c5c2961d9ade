import { type TlaChecker, withoutComments } from '../../src/history/checker.ts';
import { PLENTY } from '../../src/history/validate.ts';
import { type LaneShape, type LaneStep, NOTE_TICKS, pauseTicks } from './lane-world.ts';
import { followMoves, type Move, type MovesJudged } from './moves.ts';

/*
 * What one destination's lane did in ticks, as steps of spec/Flow.tla and spec/Latency.tla. The line of a move is its place in the history.
 */

/** Queue and pool. No limit is set for these lanes (`send.requestsPerSecondMax`): tokens are never short. */
function flowMoves(steps: readonly LaneStep[]): Move[] {
  return told(steps, {
    Answer: 'Arrive',
    Refused: 'Refuse',
    First: 'Begin',
    BatchOk: 'End',
    Noted: 'End',
    Forget: 'Forget',
    Tick: 'Tick',
  });
}

/** How long each message takes. */
function latencyMoves(steps: readonly LaneStep[]): Move[] {
  return told(steps, {
    Answer: 'Accept',
    First: 'Send',
    Again: 'Retry',
    Failed: 'Fail',
    BatchOk: 'Ack',
    Requeue: 'GiveUp',
    Noted: 'Note',
    Tick: 'Tick',
  });
}

/** `First`, `Again`: of a batch, it is transmitted; `Failed`: for now; `Noted`: what was given up is written down. */
type Told = LaneStep | 'First' | 'Again' | 'Failed' | 'Noted';

/** Each step under the name that it has in a specification; steps without one are none of it. */
function told(steps: readonly LaneStep[], names: Readonly<Partial<Record<Told, string>>>): Move[] {
  const moves: Move[] = [];
  let isAgain = false;
  let isGivenUp = false;
  for (const [line, step] of steps.entries()) {
    const say = (what: Told): void => {
      const action = names[what];
      if (action !== undefined) moves.push({ action, line });
    };
    if (step === 'Transmit') {
      say(isAgain ? 'Again' : 'First');
      isAgain = false;
    } else if (step === 'Timeout') {
      // A try has failed for now, or it was the last one.
      const next = steps.slice(line).find((later) => later === 'Resend' || later === 'Requeue');
      if (next !== 'Requeue') say('Failed');
    } else if (step === 'Save') {
      if (isGivenUp) say('Noted');
      isGivenUp = false;
    } else {
      if (step === 'Resend') isAgain = true;
      if (step === 'Requeue') isGivenUp = true;
      say(step);
    }
  }
  return moves;
}

/** Follows a lane's history through spec/Flow.tla (`spec`, the module's text). */
export function validateFlow(
  checker: TlaChecker,
  spec: string,
  steps: readonly LaneStep[],
  queueMax: number,
  taken: (action: string) => void = () => {},
): MovesJudged {
  const plenty = String(PLENTY);
  const constants = {
    Rate: plenty,
    Burst: plenty,
    QueueMax: String(queueMax),
    Conns: '1',
    ArriveMin: '0',
    ArriveMax: plenty,
    Up: 'FALSE',
    Window: '3',
  };
  return followMoves(checker, { module: withoutComments(spec), constants }, flowMoves(steps), taken);
}

/** Follows a lane's history through spec/Latency.tla (`spec`, the module's text). */
export function validateLatency(
  checker: TlaChecker,
  spec: string,
  steps: readonly LaneStep[],
  { queueMax, retriesMax, answerTicks }: LaneShape,
  taken: (action: string) => void = () => {},
): MovesJudged {
  const constants = {
    Q: String(queueMax),
    D: String(answerTicks),
    B: String(pauseTicks(retriesMax)),
    R: String(retriesMax),
    A: String(NOTE_TICKS),
  };
  return followMoves(checker, { module: withoutComments(spec), constants }, latencyMoves(steps), taken);
}
