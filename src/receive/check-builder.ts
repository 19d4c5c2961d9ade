import { SIGNALS, type Signal } from '../base/signal.ts';
import { checkRequest } from '../wire/check.ts';
import { WireError } from '../wire/wire-error.ts';
import type { SegmentBuilder } from './segment-builder.ts';

/** For segments that are forwarded as they came: requests are checked and counted, no rows are made. */
export function checkBuilder(): SegmentBuilder {
  const zero = (): Record<Signal, number> => ({ traces: 0, metrics: 0, logs: 0 });
  let counts = zero();
  return {
    get items() {
      return SIGNALS.reduce((sum, signal) => sum + counts[signal], 0);
    },
    sizeBytes: 0,
    sharedBytes: 0,
    repeatedBytes: 0,
    transcode(signal, body) {
      try {
        const { items, rejected, message } = checkRequest(signal, body);
        counts[signal] += items;
        return { kind: 'ok', accepted: items, rejected, message };
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        return { kind: 'invalid', message: `${signal} request cannot be decoded: ${error.message}` };
      }
    },
    freeze: () => [],
    reset: () => {
      counts = zero();
    },
    counts: () => ({ ...counts }),
  };
}
