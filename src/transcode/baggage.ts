import type { MapColumn } from '../columns/builders.ts';

const TO_BYTES = new TextEncoder();
const TO_TEXT = new TextDecoder();

/**
 * The members of a W3C `baggage` header (w3.org/TR/baggage, section 3.3) as one row of a map: keys as they are, values percent-decoded,
 * properties (`;key=value` after a value) kept as text behind the value, duplicates kept in order. A member without `=` is passed over.
 */
export function readBaggage(header: Uint8Array, map: MapColumn): void {
  if (header.length > 0) {
    for (const member of TO_TEXT.decode(header).split(',')) {
      const equals = member.indexOf('=');
      if (equals <= 0) continue;
      const key = TO_BYTES.encode(member.slice(0, equals).trim());
      const source = { bytes: key, words: new DataView(key.buffer, key.byteOffset, key.length) };
      const value = TO_BYTES.encode(decodeValue(member.slice(equals + 1).trim()));
      map.key(source, 0, key.length);
      map.values.push(value, 0, value.length);
    }
  }
  map.endRow();
}

function decodeValue(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign: the value is kept as it came.
    return text;
  }
}
