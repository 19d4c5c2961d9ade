import { attributeKeysOf } from '../store/attribute-keys.ts';
import type { Engine } from '../store/engine.ts';
import type { AttributePlace, KeyPlace } from './sql-text.ts';

const BAGGAGE = 'baggage.';

/** Where `key` may stand: in each of `maps`, and a key `baggage.k` also as member `k` of the request's baggage header. */
export function everyPlace(maps: readonly AttributePlace[], key: string): KeyPlace[] {
  const places = maps.map((place) => ({ ...place, key }));
  if (!key.startsWith(BAGGAGE)) return places;
  const baggage = { map: 'Baggage', key: key.slice(BAGGAGE.length) };
  const hasHashes = maps.some(({ hashes }) => hashes !== undefined);
  return [...places, hasHashes ? { ...baggage, hashes: 'BaggageHashes' } : baggage];
}

/** Of those, the ones in which a row of `table` may have it. */
export function placesOf(engine: Engine, table: string, maps: readonly AttributePlace[], key: string): KeyPlace[] {
  const keys = attributeKeysOf(engine);
  return everyPlace(maps, key).filter((place) => keys.mayHold(table, place.map, place.key));
}
