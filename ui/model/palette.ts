/** How many colours tokens.css has for services: --s0 and so on. Colour is never the only carrier: the name stands beside it. */
const SERVICE_COLOURS = 10;

/**
 * The colour of a service that has none yet: by the hash of its name, so that it is mostly the same on every machine; when a service that
 * is known has that one, the next that is free, as long as one is.
 */
export function chooseColour(service: string, known: ReadonlyMap<string, number>): number {
  const wanted = hash(service) % SERVICE_COLOURS;
  const taken = new Set(known.values());
  for (let step = 0; step < SERVICE_COLOURS; step++) {
    const colour = (wanted + step) % SERVICE_COLOURS;
    if (!taken.has(colour)) return colour;
  }
  return wanted;
}

/** FNV-1a, its upper bits mixed into the lower ones. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return (state ^ (state >>> 15)) >>> 0;
}
