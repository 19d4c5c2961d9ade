/**
 * Decode alone: protobuf requests into columns, with and without the writing of Native blocks, nothing else.
 * `node tools/run.mjs src/transcode/transcode.bench.ts [rounds]` prints spans per CPU-second for the payload of the bench.
 */
import { createHash } from 'node:crypto';
import { makeTemplates } from '../../bench/payload.ts';
import { ByteBuffer } from '../base/bytes.ts';
import { LIMITS } from '../base/limits.ts';
import { freeze, SegmentColumns, transcode } from './transcode.ts';

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
export function benchTranscode(requests: readonly Uint8Array[], rounds: number): TranscodeBenchResult {
  const columns = new SegmentColumns();
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
    for (const { groups } of freeze(columns))
      for (const group of groups) for (const chunk of group) copy.append(chunk, 0, chunk.length);
    const frozen = cpuMicros();
    decodeMicros += decoded - started;
    freezeMicros += frozen - decoded;
    columnBytes = Math.max(columnBytes, columns.sizeBytes);
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

if (process.argv[1]?.endsWith('transcode.bench.js')) {
  const requests = makeTemplates(200).map(({ body }) => body);
  console.log(benchTranscode(requests, Number(process.argv[2] ?? 10)));
}
