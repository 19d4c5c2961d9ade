import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { mutated } from '../../test/support/damage.ts';
import { nativeBytes } from '../../test/support/native-bytes.ts';
import { openCellReader } from '../../test/support/native-cells.ts';
import { encodeProto } from '../../test/support/otlp-proto.ts';
import { randomFrom, randomRequest } from '../../test/support/otlp-random.ts';
import { SPAN_READERS } from '../../test/support/span-readers.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';
import {
  freezeWhole,
  type SegmentColumns,
  type TranscodeFailure,
  type TranscodeResult,
  transcode,
} from './transcode.ts';

/** Mutated requests of the fuzz test. */
const MUTATIONS = Number(process.env['CLEW_TRANSCODE_MUTATIONS'] ?? 10_000);

const take = (columns: SegmentColumns, signal: Signal, body: Uint8Array): TranscodeResult | TranscodeFailure =>
  transcode(columns, signal, body, 'a=b', 1_764_000_000_000_000_000n);

/** Everything that would be written to disk. */
function frozenBytes(columns: SegmentColumns): string {
  const tables = freezeWhole(columns).map((frozen) => ({
    table: frozen.table,
    rows: frozen.rows,
    columns: frozen.columns,
    bytes: nativeBytes(frozen).toString('latin1'),
  }));
  return JSON.stringify(tables);
}

function request(signal: Signal, seed: number): Uint8Array {
  const random = randomFrom(seed);
  for (;;) {
    const body = encodeProto(signal, randomRequest(random, signal));
    if (body.length > 1500 && body.length < 4000) return body;
  }
}

describe.each(SPAN_READERS)('read by %s', (_name, newColumns) => {
  test.each(SIGNALS)('a %s request that is cut off at any byte changes nothing', (signal) => {
    const columns = newColumns();
    const body = request(signal, 7);
    const before = request(signal, 8);
    expect(take(columns, signal, before).kind).toBe('ok');
    const untouched = frozenBytes(columns);
    const heldItems = columns.items;
    let refused = 0;
    for (let length = 0; length < body.length; length++) {
      const cut = body.slice(0, length);
      const result = take(columns, signal, cut);
      if (result.kind === 'invalid') refused++;
      else {
        // Cut between two resources: a whole, shorter request.
        columns.reset();
        take(columns, signal, before);
      }
      expect(columns.items).toBe(heldItems);
      if (length % 7 === 0 || result.kind === 'ok') expect(frozenBytes(columns), `cut at ${length}`).toBe(untouched);
    }
    expect(refused).toBeGreaterThan(body.length * 0.9);
    expect(frozenBytes(columns)).toBe(untouched);
  });

  test('the same requests in the same order give the same bytes, whatever was refused between them or held before', () => {
    const requests = Array.from({ length: 60 }, (_, i) => ({
      signal: SIGNALS[i % 3],
      body: request(SIGNALS[i % 3], i),
    }));
    const clean = newColumns();
    const disturbed = newColumns();
    for (const { signal, body } of requests.slice(30)) take(disturbed, signal, body);
    disturbed.reset();
    for (const { signal, body } of requests) {
      take(clean, signal, body);
      const [other] = requests.filter((each) => each.signal === signal && each.body !== body);
      expect(take(disturbed, signal, other.body.slice(0, other.body.length - 1)).kind).toBe('invalid');
      take(disturbed, signal, body);
    }
    expect(frozenBytes(disturbed)).toBe(frozenBytes(clean));
    expect(disturbed.repeatedBytes).toBe(clean.repeatedBytes);
  });

  test('mutated requests are taken or refused, never an exception; what is taken, ClickHouse reads', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-damage-'));
    const reader = await openCellReader(directory);
    const random = randomFrom(1);
    const columns = newColumns();
    const bodies = Array.from({ length: 30 }, (_, i) => ({ signal: SIGNALS[i % 3], body: request(SIGNALS[i % 3], i) }));
    const seen = { ok: 0, invalid: 0 };
    const readAll = async (): Promise<void> => {
      for (const frozen of freezeWhole(columns)) expect(await reader.count(frozen)).toBe(frozen.rows);
      columns.reset();
    };
    try {
      for (let i = 0; i < MUTATIONS; i++) {
        const { signal, body } = random.pick(bodies);
        const items = columns.items;
        const result = take(columns, signal, mutated(random, body));
        seen[result.kind]++;
        if (result.kind === 'invalid') expect(columns.items).toBe(items);
        else expect(columns.items).toBe(items + result.accepted);
        if (columns.items > 10_000) await readAll();
      }
      await readAll();
    } finally {
      await reader.close();
      fs.rmSync(directory, { recursive: true, force: true });
    }
    expect(seen.ok).toBeGreaterThan(MUTATIONS * 0.05);
    expect(seen.invalid).toBeGreaterThan(MUTATIONS * 0.3);
  });
});
