/** A piece of work would make its buffers larger than it was allowed. */
export class GrowthError extends Error {
  constructor() {
    super('the buffers of this piece of work would grow beyond its limit');
    this.name = 'GrowthError';
  }
}

/** What is left to the piece of work that runs now. Work is synchronous, so there is never more than one. */
let leftBytes = Number.POSITIVE_INFINITY;

/** Runs `work`, in which all buffers of bytes.ts and lists.ts together may grow by `bytes`. Over it they throw a GrowthError, unchanged. */
export function withGrowth<T>(bytes: number, work: () => T): T {
  leftBytes = bytes;
  try {
    return work();
  } finally {
    leftBytes = Number.POSITIVE_INFINITY;
  }
}

/** To be called by a buffer before it grows by `bytes`. */
export function grow(bytes: number): void {
  if (bytes > leftBytes) throw new GrowthError();
  leftBytes -= bytes;
}
