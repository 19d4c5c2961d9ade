/** A rectangle of the scatter of traces: when they begin, how long they take. */
export interface Selection {
  readonly fromMs: number;
  readonly toMs: number;
  readonly minNs: number;
  readonly maxNs: number;
}

/** For the URL: whole numbers, the times rounded outward. */
export function writeSelection({ fromMs, toMs, minNs, maxNs }: Selection): string {
  return [Math.floor(fromMs), Math.ceil(toMs), Math.max(0, Math.floor(minNs)), Math.ceil(maxNs)].join('_');
}

/** Null when the text is none. */
export function readSelection(text: string | null): Selection | null {
  const match = /^(\d{1,15})_(\d{1,15})_(\d{1,18})_(\d{1,18})$/.exec(text ?? '');
  if (match === null) return null;
  const [fromMs, toMs, minNs, maxNs] = match.slice(1).map(Number);
  return fromMs <= toMs && minNs <= maxNs ? { fromMs, toMs, minNs, maxNs } : null;
}

/** As the API takes it. */
export function selectionQuery({ fromMs, toMs, minNs, maxNs }: Selection): Readonly<Record<string, string>> {
  return {
    selectedStart: nanosOf(fromMs),
    selectedEnd: nanosOf(toMs),
    selectedMinDuration: durationOf(minNs),
    selectedMaxDuration: durationOf(maxNs),
  };
}

/** Nanoseconds, so that a time is not taken for one of another unit by its size. */
const nanosOf = (ms: number): string => (BigInt(ms) * 1_000_000n).toString();

/** A duration has at most twelve digits before its unit. */
const durationOf = (ns: number): string => (ns < 1e12 ? `${ns}ns` : `${Math.round(ns / 1e3)}us`);
