/**
 * A place in what a receiver directory has taken in: segment (16 hexadecimal digits) and record (8). Positions sort as text, in order of
 * writing, across restarts of the receiver.
 */
export type Position = string;

/** Before everything. */
export const START: Position = '';

export const positionOf = (segment: string, sequence: number): Position =>
  segment + sequence.toString(16).padStart(8, '0');

/** Where a record stands: in which receiver directory, and where in it. */
export interface Place {
  readonly receiver: number;
  readonly position: Position;
}

/** The segment of a position. */
export const segmentOf = (position: Position): string => position.slice(0, SEGMENT_CHARS);

/** Places as text, without spaces; '' for none. */
export const encodePlaces = (places: readonly Place[]): string =>
  places.map(({ receiver, position }) => `${receiver}:${position}`).join(',');

/** The places in such a text. */
export const decodePlaces = (text: string): Place[] =>
  text === '' ? [] : text.split(',').map((place) => placeIn(place.split(':')));

const placeIn = ([receiver = '', position = START]: readonly string[]): Place => ({
  receiver: Number(receiver),
  position,
});

const SEGMENT_CHARS = 16;

/** After every record of the segment. */
export const endOf = (segment: string): Position => `${segment}ffffffff`;
