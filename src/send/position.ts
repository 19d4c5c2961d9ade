/**
 * A place in what a receiver directory has taken in: segment (16 hexadecimal digits) and record (8). Positions sort as text, in order of
 * writing, across restarts of the receiver.
 */
export type Position = string;

/** Before everything. */
export const START: Position = '';

export const positionOf = (segment: string, sequence: number): Position =>
  segment + sequence.toString(16).padStart(8, '0');

/** After every record of the segment. */
export const endOf = (segment: string): Position => `${segment}ffffffff`;
