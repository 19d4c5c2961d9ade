import { STEPS, STREAM_STEPS, type StepName, type StreamStepName } from '../base/history.ts';

/** One step of a segment, and the line of the file on which it stands. */
export interface HistoryStep {
  readonly line: number;
  readonly step: StepName;
  /** `r0`, …, where several Clews keep one history after the node's name and a slash; `*` for the store. */
  readonly receiver: string;
  readonly segment: string;
  readonly count: number;
}

/** One step of a stream, and the line of the file on which it stands. */
export interface StreamStep {
  readonly line: number;
  readonly step: StreamStepName;
  readonly stream: string;
  readonly count: number;
  /** A position; of Deliver, those of the first and the last record, with a hyphen between. */
  readonly at: string;
  /** Of Deliver: receiver (as in HistoryStep) and segment. */
  readonly where: string;
}

/** One line of a history. */
export type HistoryLine = HistoryStep | StreamStep;

/** What cannot be read as a step. */
interface Unreadable {
  readonly line: number;
  readonly problem: string;
}

const NAMES: ReadonlySet<string> = new Set(STEPS);
const STREAM_NAMES: ReadonlySet<string> = new Set(STREAM_STEPS);

/** Reads a history, one JSON object a line. A last line without its end was cut by a crash and is left out. */
export function readHistory(text: string): { readonly steps: HistoryLine[] } | Unreadable {
  const lines = text.split('\n');
  lines.pop();
  const steps: HistoryLine[] = [];
  for (const [index, content] of lines.entries()) {
    const line = index + 1;
    let value: unknown;
    try {
      value = JSON.parse(content);
    } catch {
      return { line, problem: 'is not JSON' };
    }
    const step = stepOf(value, line);
    if (step === undefined) return { line, problem: `names no step of the specification: ${content.slice(0, 200)}` };
    steps.push(step);
  }
  return steps.length === 0 ? { line: 1, problem: 'holds no step at all' } : { steps };
}

/** Whether a line is a step of a segment. */
export function isSegmentStep(line: HistoryLine): line is HistoryStep {
  return 'segment' in line;
}

function stepOf(value: unknown, line: number): HistoryLine | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const {
    step,
    receiver,
    segment,
    stream,
    count,
    at,
    where = '',
    node = '',
  } = value as Readonly<Record<string, unknown>>;
  if (typeof step !== 'string' || typeof node !== 'string') return undefined;
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0) return undefined;
  const named = (name: string): string => (node === '' || name === '' ? name : `${node}/${name}`);
  if (typeof receiver === 'string' && typeof segment === 'string' && NAMES.has(step)) {
    return { line, step: step as StepName, receiver: named(receiver), segment, count };
  }
  if (typeof stream !== 'string' || typeof at !== 'string' || typeof where !== 'string') return undefined;
  if (!STREAM_NAMES.has(step)) return undefined;
  return { line, step: step as StreamStepName, stream, count, at, where: named(where) };
}
