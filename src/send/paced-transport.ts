import { type Clock, pause } from '../host/clock.ts';
import { TokenBucket } from './token-bucket.ts';
import type { ExportCall, Reply, Transport } from './transport.ts';

/** What all lanes of one destination may send together. */
export interface Pace {
  /** Requests a second; 0 for as many as go. */
  readonly requestsPerSecondMax: number;
  /** Bytes a second, before they are packed; 0 for as many as go. */
  readonly bytesPerSecondMax: number;
}

/** The pace that was set, for the transports of one destination. Answers the transport itself when there is none. */
export function pacer(pace: Pace, clock: Clock): (transport: Transport) => Transport {
  const buckets = [
    { perSecond: pace.requestsPerSecondMax, tokensOf: () => 1 },
    { perSecond: pace.bytesPerSecondMax, tokensOf: bytesOf },
  ]
    .filter(({ perSecond }) => perSecond > 0)
    .map(({ perSecond, tokensOf }) => ({ bucket: new TokenBucket(perSecond, clock.monotonicMs()), tokensOf }));
  if (buckets.length === 0) return (transport) => transport;
  const waitFor = (call: ExportCall): number =>
    Math.max(...buckets.map(({ bucket, tokensOf }) => bucket.take(tokensOf(call), clock.monotonicMs())));
  return (transport) => new PacedTransport(transport, clock, waitFor);
}

const bytesOf = (call: ExportCall): number => call.body.reduce((sum, { length }) => sum + length, 0);

/** A transport whose calls wait for their turn. A retry is a call like any other. */
class PacedTransport implements Transport {
  readonly #inner: Transport;
  readonly #clock: Clock;
  readonly #waitFor: (call: ExportCall) => number;
  #isClosed = false;

  constructor(inner: Transport, clock: Clock, waitFor: (call: ExportCall) => number) {
    this.#inner = inner;
    this.#clock = clock;
    this.#waitFor = waitFor;
  }

  async call(call: ExportCall): Promise<Reply> {
    const waitMs = this.#waitFor(call);
    if (waitMs > 0) await pause(this.#clock, waitMs);
    if (this.#isClosed) return { kind: 'none', reason: 'sending has ended', sent: false };
    return this.#inner.call(call);
  }

  close(): void {
    this.#isClosed = true;
    this.#inner.close();
  }

  connections(): ReturnType<Transport['connections']> {
    return this.#inner.connections();
  }
}
