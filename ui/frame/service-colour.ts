import { chooseColour } from '../model/palette.ts';

const KEY = 'clew.services';
const known = read();

/** The colour of a service as a CSS expression: the same on every page, kept on this machine. */
export function serviceColour(service: string): string {
  let colour = known.get(service);
  if (colour === undefined) {
    colour = chooseColour(service, known);
    known.set(service, colour);
    localStorage.setItem(KEY, JSON.stringify([...known]));
  }
  return `var(--s${colour})`;
}

function read(): Map<string, number> {
  try {
    return new Map(JSON.parse(localStorage.getItem(KEY) ?? '[]') as [string, number][]);
  } catch {
    return new Map();
  }
}
