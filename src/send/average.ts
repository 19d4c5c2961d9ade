/** A mean that forgets: each new value counts for a tenth, the first ones for as much as all before them. */
export interface Average {
  readonly value: number;
  readonly count: number;
}

const PART_MIN = 0.1;

/** Of nothing. */
export function newAverage(): Average {
  return { value: 0, count: 0 };
}

/** With one more value. */
export function average(before: Average, value: number): Average {
  const count = before.count + 1;
  return { value: before.value + (value - before.value) * Math.max(PART_MIN, 1 / count), count };
}
