import { LIMITS } from '../base/limits.ts';

/** What one connection holds and has taken: made by its door, judged by the intake. */
export interface Client {
  /** Bytes of its requests that are in flight. */
  heldBytes: number;
  /** Bytes it was given lately, as of `askedMs`: what it took half-lives ago counts less. */
  takenBytes: number;
  /** When it last asked, monotonic; undefined: never. */
  askedMs: number | undefined;
}

/** What one request holds. */
export interface Holder {
  readonly client: Client;
  readonly heldBytes: number;
}

export const newClient = (): Client => ({ heldBytes: 0, takenBytes: 0, askedMs: undefined });

/** After so long without asking, what a connection took and that it is there at all count half. */
const HALF_LIFE_MS = 4_000;
/** So many times the mean of all connections a connection may take before it is over its share. */
const OVER_MEAN = 1.25;

/**
 * How much each connection takes beside the others. Where all want more than there is, the last part of the journal quota and half of
 * what is free of the bytes in flight are kept for those that have taken least: a client that sends without a pause would otherwise take whatever becomes free before one that waits, as it was told
 * to, asks again.
 */
export class Shares {
  #atMs = 0;
  /** Sums over all clients, decayed to `#atMs`: their bytes, and themselves. */
  #takenBytes = 0;
  #clients = 0;

  /** Notes that `client` asks, and answers whether it has taken more than its share. Alone it never has. */
  isOver(client: Client, nowMs: number): boolean {
    const factor = decay(nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#takenBytes *= factor;
    const remains = client.askedMs === undefined ? 0 : decay(nowMs - client.askedMs);
    this.#clients = this.#clients * factor + 1 - remains;
    client.takenBytes *= remains;
    client.askedMs = nowMs;
    return client.takenBytes * this.#clients > this.#takenBytes * OVER_MEAN;
  }

  /** `client`, which has just asked, was given `bytes`. */
  give(client: Client, bytes: number): void {
    client.takenBytes += bytes;
    client.heldBytes += bytes;
    this.#takenBytes += bytes;
  }
}

const decay = (ageMs: number): number => 2 ** (-ageMs / HALF_LIFE_MS);

/** What of `limit` a client that has taken its share leaves to the others. */
export const withoutReserve = (limit: number): number => Math.floor(limit * (1 - LIMITS.fairReserveShare));
