/** Sealed segments for tests, written by the journal's own code: spans of several days, their ids, and logs. */
import fs from 'node:fs';
import path from 'node:path';
import { TABLES } from '../../src/base/names.ts';
import { nodeDisk } from '../../src/host/node-disk.ts';
import { type FrozenTable, sealSegment } from '../../src/journal/seal.ts';
import type { SealedSegment } from '../../src/journal/sealed.ts';
import { journalFile, receiverDirectory, segmentId } from '../../src/journal/segment-files.ts';

export interface TestSegment {
  readonly journalDirectory: string;
  readonly receiver?: number;
  /** Sequence number, from 0. */
  readonly sequence: number;
  /** Spans in it; half of them (rounded up) lie on each of two days. */
  readonly spans: number;
  /** The second of the two days. */
  readonly day?: Date;
}

export const TEST_DAY = new Date(Date.UTC(2026, 0, 2));
const DAY_NS = 86_400_000_000_000n;
const BOOT = 1;

/** Writes one sealed segment and returns its manifest. Span ids are `<receiver>-<sequence>-<index>`: no two are the same. */
export async function sealTestSegment(segment: TestSegment): Promise<SealedSegment> {
  const receiver = segment.receiver ?? 0;
  const directory = receiverDirectory(segment.journalDirectory, receiver);
  fs.mkdirSync(directory, { recursive: true });
  const id = segmentId(BOOT, segment.sequence);
  fs.writeFileSync(path.join(directory, journalFile(id)), 'the journal of a test');
  const identity = { instance: '0123456789abcdef', receiver, segment: id };
  const extent = { bytes: 21, records: 1 };
  return sealSegment(nodeDisk, directory, identity, extent, tablesOf(segment, receiver));
}

function tablesOf(segment: TestSegment, receiver: number): FrozenTable[] {
  const dayNs = BigInt((segment.day ?? TEST_DAY).getTime()) * 1_000_000n;
  const indexes = Array.from({ length: segment.spans }, (_, i) => i);
  const times = indexes.map((i) => dayNs + BigInt(i) * 1_000_000n - (i % 2 === 0 ? DAY_NS : 0n));
  const names = indexes.map((i) => `${receiver}-${segment.sequence}-${i}`);
  const traces = names.map((name) => `trace ${name}`);
  const seconds = times.map((time) => Number(time / 1_000_000_000n));
  return [
    nativeTable(TABLES.traces, segment.spans, {
      Timestamp: ['DateTime64(9)', int64s(times)],
      TraceId: ['String', strings(traces)],
      SpanId: ['String', strings(names)],
    }),
    nativeTable(TABLES.traceIds, segment.spans, {
      TraceId: ['String', strings(traces)],
      Start: ['DateTime', uint32s(seconds)],
      End: ['DateTime', uint32s(seconds)],
    }),
    nativeTable(TABLES.logs, segment.spans, {
      Timestamp: ['DateTime64(9)', int64s(times)],
      Body: ['String', strings(names.map((name) => `Log line of ${name}`))],
    }),
  ];
}

function nativeTable(table: string, rows: number, columns: Record<string, readonly [string, Buffer]>): FrozenTable {
  const names = Object.keys(columns);
  const bodies = names.flatMap((name) => [strings([name, columns[name][0]]), columns[name][1]]);
  return { table, columns: names, rows, groups: [[varint(names.length), varint(rows), ...bodies]] };
}

function strings(texts: readonly string[]): Buffer {
  return Buffer.concat(texts.flatMap((text) => [varint(Buffer.byteLength(text)), Buffer.from(text)]));
}

function int64s(values: readonly bigint[]): Buffer {
  return Buffer.from(BigInt64Array.from(values).buffer);
}

function uint32s(values: readonly number[]): Buffer {
  return Buffer.from(Uint32Array.from(values).buffer);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
