import type { ReceiverVitals } from '../base/messages.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';

/** What arrived between two looks at the counters of a receiver. */
export interface Arrived {
  readonly items: Readonly<Record<Signal, number>>;
  readonly refused: number;
}

export const NOTHING: Arrived = { items: { traces: 0, metrics: 0, logs: 0 }, refused: 0 };

/** From `before` (undefined: the receiver had not been seen) to `now`. Counters of a receiver that was started again begin at zero. */
export function arrivedBetween(before: ReceiverVitals | undefined, now: ReceiverVitals): Arrived {
  const same = before !== undefined && before.startedAtMs === now.startedAtMs && before.pid === now.pid;
  const base = same ? before : undefined;
  const items = { traces: 0, metrics: 0, logs: 0 };
  for (const signal of SIGNALS) items[signal] = now.accepted[signal] - (base?.accepted[signal] ?? 0);
  return { items, refused: refusedTotal(now) - (base === undefined ? 0 : refusedTotal(base)) };
}

function refusedTotal(vitals: ReceiverVitals): number {
  return Object.values(vitals.refused).reduce((sum, count) => sum + count, 0);
}

export function addArrived(a: Arrived, b: Arrived): Arrived {
  return {
    items: {
      traces: a.items.traces + b.items.traces,
      metrics: a.items.metrics + b.items.metrics,
      logs: a.items.logs + b.items.logs,
    },
    refused: a.refused + b.refused,
  };
}

/** Items a second, by signal. */
export function perSecond(items: Readonly<Record<Signal, number>>, elapsedMs: number): Record<Signal, number> {
  const rate = (count: number): number => (elapsedMs <= 0 ? 0 : Math.round((count * 10_000) / elapsedMs) / 10);
  return { traces: rate(items.traces), metrics: rate(items.metrics), logs: rate(items.logs) };
}
