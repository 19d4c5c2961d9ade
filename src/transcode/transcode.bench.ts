/**
 * Decode alone: protobuf requests into columns, with and without the writing of Native blocks, nothing else.
 * `node tools/run.mjs src/transcode/transcode.bench.ts [rounds]` prints spans per CPU-second for the payload of the bench, with the kernel and
 * without it in turn. `[rounds] FILE` takes the requests from a file: their number, their lengths (32 bits each), then the requests.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { makeTemplates } from '../../bench/payload.ts';
import { ByteBuffer } from '../base/bytes.ts';
import { LIMITS } from '../base/limits.ts';
import { kernelCode } from '../host/kernel-code.ts';
import { SpanKernel } from './kernel.ts';
import { freezeWhole, SegmentColumns, transcode } from './transcode.ts';

export interface TranscodeBenchResult {
  readonly spans: number;
  /** Protobuf into columns. */
  readonly spansPerCpuSecond: number;
  /** Protobuf into Native blocks. */
  readonly spansPerCpuSecondFrozen: number;
  readonly nativeBytesPerSpan: number;
  /** Memory that the columns of one segment hold. */
  readonly columnBytes: number;
  /** SHA-256 of all blocks: the same requests give the same bytes on every machine. */
  readonly digest: string;
}

/** CPU time of this process so far, microseconds. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The blocks of one segment, whose chunks are valid only while they are written. Kept, so that it grows in the first round alone. */
const copy = new ByteBuffer();

/** Takes all requests `rounds` times, sealing a segment when it is full; the best round counts, because others use the machine too. */
export function benchTranscode(
  requests: readonly Uint8Array[],
  rounds: number,
  columns: SegmentColumns = new SegmentColumns(),
): TranscodeBenchResult {
  let best: TranscodeBenchResult | undefined;
  for (let round = 0; round < rounds; round++) {
    const result = benchRound(columns, requests);
    if (best === undefined || result.spansPerCpuSecondFrozen > best.spansPerCpuSecondFrozen) best = result;
  }
  if (best === undefined) throw new Error('at least one round');
  return best;
}

function benchRound(columns: SegmentColumns, requests: readonly Uint8Array[]): TranscodeBenchResult {
  const hash = createHash('sha256');
  let [decodeMicros, freezeMicros, spans, nativeBytes, columnBytes] = [0, 0, 0, 0, 0];
  let started = cpuMicros();
  for (const [i, request] of requests.entries()) {
    const result = transcode(columns, 'traces', request, '', 1n);
    if (result.kind !== 'ok') throw new Error(result.message);
    spans += result.accepted;
    if (columns.items < LIMITS.segmentItemsMax && i + 1 < requests.length) continue;
    const decoded = cpuMicros();
    copy.length = 0;
    for (const { groups } of freezeWhole(columns))
      for (const group of groups) for (const chunk of group) copy.append(chunk, 0, chunk.length);
    const frozen = cpuMicros();
    decodeMicros += decoded - started;
    freezeMicros += frozen - decoded;
    columnBytes = Math.max(columnBytes, columns.heldBytes);
    nativeBytes += copy.length;
    hash.update(copy.view());
    started = cpuMicros();
    columns.reset();
  }
  return {
    spans,
    spansPerCpuSecond: Math.round((spans / decodeMicros) * 1e6),
    spansPerCpuSecondFrozen: Math.round((spans / (decodeMicros + freezeMicros)) * 1e6),
    nativeBytesPerSpan: Math.round(nativeBytes / spans),
    columnBytes,
    digest: hash.digest('hex'),
  };
}

function requestsOf(file: string): Uint8Array[] {
  const bytes = fs.readFileSync(file);
  const count = bytes.readUInt32LE(0);
  let at = 4 + count * 4;
  return Array.from({ length: count }, (_, i) => {
    const length = bytes.readUInt32LE(4 + i * 4);
    at += length;
    return bytes.subarray(at - length, at);
  });
}

/** The two readers of spans: TypeScript alone, and the kernel before it. */
export function spanReaders(): readonly (readonly [string, SegmentColumns])[] {
  const code = kernelCode();
  if (code === undefined) throw new Error('the kernel has not been built: npm run build');
  return [
    ['TypeScript', new SegmentColumns()],
    ['kernel', new SegmentColumns(new SpanKernel(code))],
  ];
}

if (process.argv[1]?.endsWith('transcode.bench.js')) {
  const [rounds, file] = process.argv.slice(2);
  const requests = file === undefined ? makeTemplates(200).map(({ body }) => body) : requestsOf(file);
  for (const [reader, columns] of spanReaders()) {
    console.log(reader, benchTranscode(requests, Number(rounds ?? 10), columns));
  }
}
