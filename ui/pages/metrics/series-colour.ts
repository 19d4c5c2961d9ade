const COLOURS = 10;

/** Colour of the nth series of a chart. */
export function seriesColour(index: number): string {
  return `var(--s${index % COLOURS})`;
}
