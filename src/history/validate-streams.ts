import { type TlaChecker, withoutComments } from './checker.ts';
import { allowedFrom, firstState, follow, type Sized } from './follow.ts';
import type { HistoryLine } from './steps.ts';
import { type StreamLife, type StreamMove, streamLives } from './streams.ts';
import { type Forbidden, type Judgement, PLENTY } from './validate.ts';
import { printState, type State, type Value } from './values.ts';

/** Moves followed in one run, and messages of one run: the cost of a state grows with their number. */
const CHUNK_MOVES = 60;
const CHUNK_MESSAGES = 4;

/**
 * Follows the steps of streams through spec/Sender.tla (`spec`, the module's text): from the first state each must be a step of the
 * specification and lead to a state in which its safety theorems hold. Streams share nothing, so each is followed alone.
 */
export function validateStreams(
  checker: TlaChecker,
  spec: string,
  lines: readonly HistoryLine[],
  taken: (action: string) => void = () => {},
): Judgement {
  const module = withoutComments(spec);
  const lives = streamLives(lines);
  let first: Forbidden | undefined;
  let steps = 0;
  for (const life of lives) {
    let found: Forbidden | undefined;
    if ('problem' in life) {
      found = { kind: 'forbidden', step: life.line, module: 'Sender', state: '', allowed: [], unsafe: false };
      found = { ...found, state: life.problem };
    } else {
      steps += life.moves.length;
      found = validateLife(checker, module, life, taken);
    }
    if (found !== undefined && (first === undefined || found.step.line < first.step.line)) first = found;
  }
  return first ?? { kind: 'allowed', steps, lives: lives.length };
}

/** What was taken out of a state, for it is over for good. */
interface Gone {
  readonly messages: number;
  /** Of the receiver's journal. */
  readonly entries: number;
}

/** Follows one life piece by piece. What a piece has left behind for good is taken out of the state before the next one. */
function validateLife(
  checker: TlaChecker,
  module: string,
  life: StreamLife,
  taken: (action: string) => void,
): Forbidden | undefined {
  const moves = life.isReceiverKnown ? life.moves : supplied(life.moves);
  let state: State | undefined;
  let gone: Gone = { messages: 0, entries: 0 };
  let accepted = 0;
  for (let at = 0; at < moves.length; ) {
    const piece = pieceFrom(moves, at);
    at += piece.length;
    accepted += piece.filter(({ name }) => name === 'Accept').length;
    const sized = sender(module, life, gone.messages, accepted);
    const actions = piece.map((move) => actionOf(move, gone));
    // What speaks of something that is over for good is no step of the specification.
    const old = actions.indexOf(undefined);
    const known = (old === -1 ? actions : actions.slice(0, old)) as readonly string[];
    const start = state && withMessages(state, accepted - gone.messages);
    const followed = follow(checker, sized, start, known);
    for (const { name } of piece.slice(0, followed.moves)) taken(name);
    const refused = piece[followed.moves];
    if (refused !== undefined) {
      const before = followed.state ?? firstState(checker, sized);
      const { unsafe } = followed;
      const numbers = refused.numbers.join(', ');
      return {
        kind: 'forbidden',
        step: refused.line,
        module: 'Sender',
        state: `${life.stream}: ${refused.name}(${numbers}), ${gone.messages} messages over: ${printState(before)}`,
        allowed: allowedFrom(checker, sized, before),
        unsafe,
      };
    }
    const rest = withoutSettled(followed.state ?? new Map());
    state = rest.state;
    gone = { messages: gone.messages + rest.gone.messages, entries: gone.entries + rest.gone.entries };
  }
  return undefined;
}

/** The next moves that are followed in one run. */
function pieceFrom(moves: readonly StreamMove[], begin: number): readonly StreamMove[] {
  let messages = 0;
  let end = begin;
  while (end < moves.length && end - begin < CHUNK_MOVES && messages < CHUNK_MESSAGES) {
    if (moves[end]?.name === 'Accept') messages++;
    end++;
  }
  return moves.slice(begin, end);
}

function sender(module: string, life: StreamLife, gone: number, accepted: number): Sized {
  const count = Math.max(1, accepted - gone);
  const poison = [...life.poison].map((message) => message - gone).filter((message) => 0 < message && message <= count);
  const constants = {
    N: String(count),
    NT: '1',
    NC: String(life.connections),
    NB: '1',
    BatchMax: String(PLENTY),
    MaxRetries: String(life.retriesMax),
    MaxFaults: String(PLENTY),
    Poison: `{${poison.join(', ')}}`,
  };
  return { module, constants };
}

/** What a receiver that keeps no history must have done before each answer, and a store behind it. */
function supplied(moves: readonly StreamMove[]): StreamMove[] {
  const sent: (readonly number[])[] = [];
  let batch: number[] = [];
  let journal = 0;
  let last = 0;
  return moves.flatMap((move): StreamMove[] => {
    const { name, numbers, line } = move;
    const [, message = 0] = numbers;
    if (name === 'Fill') batch = [...batch, message];
    if (name === 'Transmit') sent.push(batch);
    const held = name === 'BatchOk' ? batch : name === 'Overlap' ? sent.find((one) => one.at(-1) === message) : [];
    if (ENDS_BATCH.has(name)) batch = [];
    const news = (held ?? []).filter((one) => one > last);
    if (held === undefined || news.length === 0) return [move];
    journal += news.length;
    last = news.at(-1) ?? last;
    return [
      { name: 'Deliver', numbers: held, line },
      { name: 'Fsync', numbers: [journal], line },
      ...news.map(() => ({ name: 'Apply', numbers: [], line })),
      { name: 'CommitOff', numbers: [journal], line },
      move,
    ];
  });
}

const ENDS_BATCH: ReadonlySet<string> = new Set([
  'BatchOk',
  'Refuse',
  'Split',
  'Overlap',
  'Requeue',
  'Abandon',
  'SCrash',
]);

/** Actions whose last number is a message, and those whose only one is a number of entries. */
const OF_MESSAGES: ReadonlySet<string> = new Set(['Fill', 'Overlap', 'Save', 'SCrash']);
const OF_ENTRIES: ReadonlySet<string> = new Set(['Fsync', 'CommitOff', 'RCrash']);

/** A move as TLA+, in the numbers of what is left in the state; undefined when it speaks of what is not. */
function actionOf({ name, numbers }: StreamMove, gone: Gone): string | undefined {
  if (name === 'Deliver') {
    const messages = numbers.map((message) => message - gone.messages);
    return Math.min(...messages) < 1 ? undefined : `Deliver(<<${messages.join(', ')}>>, TRUE)`;
  }
  if (numbers.length === 0) return name;
  const shift = OF_MESSAGES.has(name) ? gone.messages : OF_ENTRIES.has(name) ? gone.entries : 0;
  const last = (numbers.at(-1) ?? 0) - shift;
  if (last < (name === 'SCrash' || name === 'RCrash' ? 0 : 1)) return undefined;
  return `${name}(${[...numbers.slice(0, -1), last].join(', ')})`;
}

function listOf(state: State, name: string): readonly Value[] {
  const value = state.get(name);
  return typeof value === 'object' && value.kind !== 'record' ? value.items : [];
}

const tuple = (items: readonly Value[]): Value => ({ kind: 'tuple', items });

/** The state with room for `count` messages: new ones are as they are in the first state. */
function withMessages(state: State, count: number): State {
  const grown = new Map(state);
  for (const [name, fresh] of [
    ['msg', 'PENDING'],
    ['retry', 0],
    ['out', 'none'],
  ] as const) {
    const items = listOf(state, name);
    grown.set(name, tuple([...items, ...Array<Value>(Math.max(0, Math.max(1, count) - items.length)).fill(fresh)]));
  }
  return grown;
}

/**
 * Takes out the messages at the front that are over for good: their end is accounted for, they are in no batch, and what the journal holds
 * of them is applied and marked. Nothing that may still come can concern them, but what the specification would forbid.
 */
function withoutSettled(state: State): { readonly state: State; readonly gone: Gone } {
  const idOf = (entry: Value | undefined): number =>
    typeof entry === 'object' && entry.kind === 'record'
      ? Number(entry.fields.find(([name]) => name === 'id')?.[1])
      : 0;
  const journal = listOf(state, 'rwal');
  const marked = Number(state.get('coff'));
  const unmarked = journal.slice(marked).map(idOf);
  const [batch] = listOf(state, 'bit');
  const batched = typeof batch === 'object' && batch.kind === 'tuple' ? batch.items.map(Number) : [];
  const open = Math.min(...unmarked, ...batched, Number.POSITIVE_INFINITY);
  const firstOpen = listOf(state, 'out').indexOf('none') + 1;
  const ended = firstOpen === 0 ? listOf(state, 'out').length : firstOpen - 1;
  const messages = Math.min(ended, open - 1);
  const entries = journal.filter((entry) => idOf(entry) <= messages).length;
  const rest = new Map(state);
  for (const name of ['msg', 'retry', 'out']) rest.set(name, tuple(listOf(state, name).slice(messages)));
  for (const name of ['fs', 'aoff', 'coff']) rest.set(name, Number(state.get(name)) - entries);
  rest.set('acc', Number(state.get('acc')) - messages);
  const renumbered = (values: readonly Value[]): Value =>
    tuple(
      values
        .filter((entry) => idOf(entry) > messages)
        .map((entry) => ({
          kind: 'record',
          fields: [
            ['id', idOf(entry) - messages],
            ['ok', true],
          ],
        })),
    );
  rest.set('rwal', renumbered(journal));
  rest.set('store', renumbered(listOf(state, 'store')));
  const shifted = (ids: readonly Value[]): Value =>
    tuple(ids.filter((id) => Number(id) > messages).map((id) => Number(id) - messages));
  rest.set('bit', tuple(listOf(state, 'bit').map((ids) => shifted(tupleItems(ids)))));
  const requests = listOf(state, 'net').map((ids) => shifted(tupleItems(ids)));
  rest.set('net', { kind: 'set', items: requests.filter((ids) => tupleItems(ids).length > 0) });
  return { state: rest, gone: { messages, entries } };
}

function tupleItems(value: Value): readonly Value[] {
  return typeof value === 'object' && value.kind === 'tuple' ? value.items : [];
}
