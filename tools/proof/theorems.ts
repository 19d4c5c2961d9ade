/*
 * The questions that are put to spec/: a module, sizes, what must hold, and what must not. The number of states of each is pinned: a
 * definition that the checker silently dropped, or an action that silently never happens, changes it.
 */

/** Values of the constants of a module, as TLA+. */
type Constants = Readonly<Record<string, string>>;

export interface Model {
  readonly module: string;
  /** Names the sizes. */
  readonly name: string;
  readonly constants: Constants;
  readonly invariants: readonly string[];
  /** Liveness: `[]<>P` under weak fairness of Progress. */
  readonly properties: readonly string[];
  /** Distinct states of the whole search. */
  readonly states: number;
  /** Left out of the quick run. */
  readonly full?: boolean;
  /** In words, for docs/proof.md. */
  readonly says: string;
}

/** A statement that is usual and false: the checker must refute it. */
export interface Wrong {
  readonly module: string;
  readonly statement: string;
  readonly constants: Constants;
  /** As property: a liveness statement. */
  readonly temporal?: boolean;
  readonly usual: string;
  readonly why: string;
}

const SENDER: Constants = {
  N: '2',
  NT: '1',
  NC: '1',
  NB: '1',
  BatchMax: '2',
  MaxRetries: '1',
  MaxFaults: '1',
  Poison: '{}',
};
const SENDER_LIVE = ['LiveFinal', 'LiveStored', 'LiveApply'];
const INTAKE: Constants = { NS: '1', R: '2', MaxFaults: '2' };
const TIER: Constants = { S: '1', N: '2', MaxFaults: '2' };
const ORDER: Constants = { R: '2', S: '2', N: '2', Moves: '4', MaxFaults: '0' };
const WINDOW: Constants = { N: '4', W: '2', L: '3' };
const FLOW: Constants = {
  Rate: '2',
  Burst: '3',
  QueueMax: '4',
  Conns: '3',
  ArriveMin: '1',
  ArriveMax: '3',
  Up: 'TRUE',
  Window: '4',
};
const LATENCY: Constants = { Q: '2', D: '2', B: '1', R: '1', A: '1' };

export const MODELS: readonly Model[] = [
  model('Intake', 'r2', INTAKE, ['LiveStored'], 1191, 'no loss, exactly once: two records, two crashes or failures'),
  model('Intake', 'r2f3', { ...INTAKE, MaxFaults: '3' }, ['LiveStored'], 1830, 'the same with three faults'),
  model('Intake', 'r3', { ...INTAKE, R: '3' }, ['LiveStored'], 2239, 'three records'),
  model('Intake', 's2', { NS: '2', R: '1', MaxFaults: '1' }, ['LiveStored'], 21233, 'two segments side by side', true),
  model('Sender', 'one', { ...SENDER, N: '1', NC: '2' }, [], 1676, 'one message, two connections'),
  model('Sender', 'bm1', { ...SENDER, BatchMax: '1' }, SENDER_LIVE, 7890, 'progress: batches of one message'),
  model('Sender', 'poison', { ...SENDER, Poison: '{2}' }, SENDER_LIVE, 8713, 'a message that is rejected for good'),
  model('Sender', 'b221', SENDER, [], 25813, 'integrity, order, errors: two messages in a batch', true),
  model('Sender', 'live', SENDER, SENDER_LIVE, 25813, 'progress: two messages in a batch', true),
  model(
    'Sender',
    'pool',
    { ...SENDER, NC: '2', BatchMax: '1' },
    [],
    22698,
    'two connections, drained and broken',
    true,
  ),
  model('Sender', 'f2', { ...SENDER, MaxFaults: '2' }, SENDER_LIVE, 82853, 'two faults', true),
  model('Sender', 'r2', { ...SENDER, MaxRetries: '2' }, SENDER_LIVE, 53544, 'two retries', true),
  model('Tier', 'n2', TIER, ['LiveAll'], 709, 'edge, regional, central: no loss, once, in order; two faults'),
  model('Tier', 'n3', { ...TIER, N: '3' }, ['LiveAll'], 4488, 'three items'),
  model('Tier', 's2', { S: '2', N: '1', MaxFaults: '1' }, ['LiveAll'], 841, 'two edges'),
  model('Tier', 's2n2', { S: '2', N: '2', MaxFaults: '1' }, [], 66029, 'two edges of two items', true),
  model(
    'Order',
    'r2',
    { ...ORDER, S: '1', N: '3', MaxFaults: '1' },
    ['LiveAll'],
    2695,
    'a stream that goes from one receiver to another and back',
  ),
  model('Order', 'r3', { ...ORDER, R: '3', S: '1', N: '3', Moves: '3' }, ['LiveAll'], 1912, 'three receivers'),
  model('Order', 's2', ORDER, [], 33373, 'two streams that change places: in order, and nobody waits in a circle'),
  model('Order', 'live', ORDER, ['LiveAll'], 33373, 'the same: everything leaves in the end', true),
  model('Order', 'r3f1', { ...ORDER, R: '3', S: '1', N: '4', MaxFaults: '1' }, ['LiveAll'], 33979, 'four items', true),
  model('Window', 'l3', WINDOW, [], 11401, 'at most once while no batch outlives the window: W ≥ L − 1'),
  model('Window', 'l2', { ...WINDOW, W: '1', L: '2' }, [], 2856, 'the same with a window of one'),
  model(
    'Flow',
    'any',
    { ...FLOW, ArriveMin: '0', Up: 'FALSE', Window: '3' },
    [],
    26292,
    'in any window of t ticks at most rate · (t − 1) + burst',
  ),
  model(
    'Flow',
    'min',
    FLOW,
    [],
    3510,
    'at least the minimum, under arrivals and a service that is up',
    false,
    'Average',
  ),
  model(
    'Latency',
    'q2',
    LATENCY,
    [],
    7300,
    'every message ends, one way or the other, within Q · ((R + 1) · D + R · B + A)',
  ),
  model('Latency', 'q3', { ...LATENCY, Q: '3', D: '1' }, [], 20841, 'three in the queue', true),
];

function model(
  module: string,
  name: string,
  constants: Constants,
  properties: readonly string[],
  states: number,
  says: string,
  full = false,
  ...more: readonly string[]
): Model {
  return { module, name, constants, invariants: ['Safety', ...more], properties, states, says, full };
}

export const WRONGS: readonly Wrong[] = [
  wrong(
    'Sender',
    'WrongFailedMax',
    { ...SENDER, MaxRetries: '2' },
    'a failed message has used up its retries',
    'FAILED comes before each retry',
  ),
  wrong(
    'Sender',
    'WrongDeadMax',
    { ...SENDER, Poison: '{2}' },
    'one given up has used up its retries',
    'what cannot be retried is given up at once',
  ),
  wrong(
    'Sender',
    'WrongDeadLost',
    SENDER,
    'what was given up is not stored',
    'its answer may have been lost: given up means not known to be stored',
  ),
  wrong('Sender', 'WrongStoredAcked', SENDER, 'what is stored was acknowledged', 'the answer comes after'),
  wrong(
    'Sender',
    'WrongAckedStored',
    SENDER,
    'what was acknowledged is in the store',
    'it is durable in the journal, and will be in the store',
  ),
  wrong('Sender', 'WrongRetryingOpen', SENDER, 'what is tried again is not stored', 'an answer that was lost'),
  wrong(
    'Sender',
    'WrongGlobalOrder',
    { ...SENDER, NT: '2', BatchMax: '1', NB: '2' },
    'stored in the order of acceptance',
    'only within one trace',
  ),
  wrong(
    'Sender',
    'WrongGapFree',
    { ...SENDER, Poison: '{1}' },
    'no gap before a stored message',
    'a rejected message leaves one',
  ),
  {
    ...wrong(
      'Sender',
      'WrongLiveAcked',
      { ...SENDER, BatchMax: '1' },
      'every accepted message is acknowledged in the end',
      'retries are bounded',
    ),
    temporal: true,
  },
  wrong(
    'Intake',
    'WrongAnsweredStored',
    INTAKE,
    'what was answered is in the store',
    'it is in the journal, and will be in the store',
  ),
  wrong(
    'Intake',
    'WrongStoredAnswered',
    INTAKE,
    'the store holds exactly what was answered',
    'a crash between fsync and answer: the client does not know',
  ),
  wrong(
    'Intake',
    'WrongRowsThere',
    INTAKE,
    'the rows of a sealed segment are there',
    'their files are not fsynced: they are made again from the journal',
  ),
  wrong(
    'Intake',
    'WrongReplayedAnswered',
    INTAKE,
    'what is read back after a crash was answered',
    'the journal may hold more: a client that repeats it may be stored twice',
  ),
  wrong(
    'Intake',
    'WrongLoadedOnce',
    INTAKE,
    'once loaded, the state of the manifest is known',
    'a crash may undo a rename: the token makes the second load harmless',
  ),
  wrong(
    'Intake',
    'WrongGoneForGood',
    INTAKE,
    'a removed mark stays removed',
    'its removal is not made durable, and need not be',
  ),
  wrong('Tier', 'WrongForgottenStored', TIER, 'what the edge forgot is at the centre', 'it is durable one hop on'),
  wrong('Tier', 'WrongTakenDurable', TIER, 'what a hop took is durable', 'it is answered only when it is'),
  wrong(
    'Order',
    'WrongAllInOrder',
    ORDER,
    'what a tier took in first leaves it first',
    'only within a stream: lanes go on side by side',
  ),
  wrong(
    'Order',
    'WrongWhole',
    ORDER,
    'whole journals, or segments, could wait for one another',
    'two streams that change places leave two journals that wait in a circle; single records do not',
  ),
  wrong(
    'Window',
    'Safety',
    { ...WINDOW, W: '1' },
    'retries and any bounded window give exactly once',
    'a batch that outlives the window is applied again',
  ),
  wrong(
    'Window',
    'WrongRemembered',
    WINDOW,
    'what was applied is remembered',
    'the window is bounded; it must only be long enough',
  ),
  wrong('Flow', 'WrongRateAlone', FLOW, 'in every window at most rate · t', 'a burst comes on top'),
  wrong('Flow', 'WrongAlwaysOne', { ...FLOW, ArriveMin: '0' }, 'a minimum throughput, always', 'not without arrivals'),
  wrong(
    'Flow',
    'Average',
    { ...FLOW, ArriveMin: '2', Up: 'FALSE' },
    'a minimum throughput under arrivals',
    'not with a service that is not up',
  ),
  wrong('Flow', 'WrongNeverRefused', FLOW, 'nothing is refused', 'the queue is bounded'),
  wrong(
    'Latency',
    'WrongOneTurn',
    LATENCY,
    'a message waits for its own tries at most',
    'others are before it in the queue',
  ),
  wrong(
    'Latency',
    'WrongAllAcked',
    LATENCY,
    'every message is acknowledged within the bound',
    'or it is reported within it',
  ),
  wrong('Latency', 'WrongTighter', LATENCY, 'a smaller bound', 'the bound is reached'),
];

function wrong(module: string, statement: string, constants: Constants, usual: string, why: string): Wrong {
  return { module, statement, constants, usual, why };
}
