/** How many hues tokens.css has for services (--s0 and so on), each in three shades. Colour is never the only carrier: the name stands beside it. */
const HUES = 10;
const SHADES = 3;

/** The colour of a service as a CSS expression: by the hash of its name alone, so that it is the same on every page and every machine. */
export function serviceColour(service: string): string {
  const number = hash(service) % (HUES * SHADES);
  const hue = `var(--s${number % HUES})`;
  const shade = Math.floor(number / HUES);
  if (shade === 0) return hue;
  return shade === 1 ? `color-mix(in srgb, ${hue} 68%, var(--ink))` : `color-mix(in srgb, ${hue} 62%, var(--bg))`;
}

/** FNV-1a, its upper bits mixed into the lower ones. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return (state ^ (state >>> 15)) >>> 0;
}
