import { STEPS, type StepName } from '../base/history.ts';

/** One step of a history, and the line of the file on which it stands. */
export interface HistoryStep {
  readonly line: number;
  readonly step: StepName;
  /** `r0`, …; `*` for the store. */
  readonly receiver: string;
  readonly segment: string;
  readonly count: number;
}

/** What cannot be read as a step. */
interface Unreadable {
  readonly line: number;
  readonly problem: string;
}

const NAMES: ReadonlySet<string> = new Set(STEPS);

/** Reads a history, one JSON object a line. A last line without its end was cut by a crash and is left out. */
export function readHistory(text: string): { readonly steps: HistoryStep[] } | Unreadable {
  const lines = text.split('\n');
  lines.pop();
  const steps: HistoryStep[] = [];
  for (const [index, content] of lines.entries()) {
    const line = index + 1;
    let value: unknown;
    try {
      value = JSON.parse(content);
    } catch {
      return { line, problem: 'is not JSON' };
    }
    if (!isStep(value)) return { line, problem: `names no step of the specification: ${content.slice(0, 200)}` };
    steps.push({ line, step: value.step, receiver: value.receiver, segment: value.segment, count: value.count });
  }
  return steps.length === 0 ? { line: 1, problem: 'holds no step at all' } : { steps };
}

function isStep(value: unknown): value is Omit<HistoryStep, 'line'> {
  if (typeof value !== 'object' || value === null) return false;
  const { step, receiver, segment, count } = value as Readonly<Record<string, unknown>>;
  return (
    typeof step === 'string' &&
    NAMES.has(step) &&
    typeof receiver === 'string' &&
    typeof segment === 'string' &&
    typeof count === 'number' &&
    Number.isSafeInteger(count) &&
    count >= 0
  );
}
