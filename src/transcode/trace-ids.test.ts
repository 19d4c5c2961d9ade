import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openCellReader } from '../../test/support/native-cells.ts';
import { encodeProto, type Message } from '../../test/support/otlp-proto.ts';
import { freezeWhole, SegmentColumns, transcode } from './transcode.ts';

const SECOND = 1_000_000_000n;

const span = (trace: number, start: bigint, end: bigint): Message => ({
  traceId: Buffer.alloc(16, trace),
  spanId: Buffer.alloc(8, 1),
  startTimeUnixNano: String(start),
  endTimeUnixNano: String(end),
});

/** Rows of the look-up table as `trace: Start..End`. */
async function lookUp(...spans: readonly Message[]): Promise<string[]> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-trace-ids-'));
  const reader = await openCellReader(directory);
  try {
    const columns = new SegmentColumns();
    transcode(columns, 'traces', encodeProto('traces', { resources: [{ scopes: [{ items: spans }] }] }), '', 0n);
    const [frozen] = freezeWhole(columns).filter(({ table }) => table === 'otel_traces_trace_id_ts');
    const rows = await reader.read(frozen);
    return rows.map(
      (row) => `${Buffer.from(String(row['TraceId']), 'hex').toString().slice(0, 2)}: ${row['Start']}..${row['End']}`,
    );
  } finally {
    await reader.close();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

test('a trace has one row, from the second of its first start to the second after its last end', async () => {
  const at = 1_764_000_000n;
  expect(
    await lookUp(
      span(1, at * SECOND + 500n * 1_000_000n, (at + 2n) * SECOND + 1n),
      span(2, (at + 50n) * SECOND + 5_000n, (at + 50n) * SECOND + 9_000n),
      span(1, (at + 7n) * SECOND + 999_000_000n, (at + 1n) * SECOND),
    ),
  ).toEqual([`01: ${at}..${at + 8n}`, `02: ${at + 50n}..${at + 51n}`]);
});

test('a span without times, and times beyond what DateTime holds, leave bounds that exclude nothing', async () => {
  expect(await lookUp(span(1, 0n, 0n), span(2, 2n ** 62n, 2n ** 62n + 1n), span(3, 2n ** 63n, 2n ** 64n - 1n))).toEqual(
    ['01: 0..1', '02: 4294967295..4294967295', '03: 0..0'],
  );
});

test('the look-up table is loaded before the spans, so that a trace that can be seen can be found by its id', () => {
  const columns = new SegmentColumns();
  const request = { resources: [{ scopes: [{ items: [span(1, SECOND, SECOND)] }] }] };
  transcode(columns, 'traces', encodeProto('traces', request), '', 0n);
  expect(freezeWhole(columns).map(({ table }) => table)).toEqual(['otel_traces_trace_id_ts', 'otel_traces']);
});
