/** Colours of services and severities, as CSS variables of tokens.css. Colour is never the only carrier: the name stands beside it. */

const SERVICE_COLOURS = 10;

/** The same service has the same colour on every page and every machine: FNV-1a of its name. */
export function serviceColour(service: string): string {
  return `var(--s${serviceColourIndex(service)})`;
}

export function serviceColourIndex(service: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < service.length; i++) hash = Math.imul(hash ^ service.charCodeAt(i), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % SERVICE_COLOURS;
}
