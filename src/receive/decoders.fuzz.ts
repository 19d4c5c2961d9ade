import { type Random, randomFrom } from '../../test/support/otlp-random.ts';
import { builtKernel } from '../../test/support/span-readers.ts';
import { SegmentColumns, transcode } from '../transcode/transcode.ts';
import { HTTP_ENCODINGS, unpack } from '../wire/compression.ts';
import { jsonToProtobuf } from '../wire/json.ts';
import { TooLargeError } from '../wire/unpacking.ts';
import { WireError } from '../wire/wire-error.ts';
import { type Corpus, type DamagedBody, damagedBody, mutate, PACKERS, readCorpus } from './fuzz-requests.fuzz.ts';

const UNPACKED_BYTES_MAX = 1024 * 1024;
const COLUMN_BYTES_MAX = 16 * 1024 * 1024;

export interface DecoderReport {
  readonly outcomes: Record<string, number>;
  slowestMs: number;
  readonly wrong: string[];
}

/** The decompressors and decoders alone, without sockets: nothing but their own errors may come out of them. */
export async function fuzzDecoders(rounds: number, seed: number): Promise<DecoderReport> {
  const report: DecoderReport = { outcomes: {}, slowestMs: 0, wrong: [] };
  const corpus = readCorpus();
  const random = randomFrom(seed);
  const columns = new SegmentColumns(builtKernel());
  for (let i = 0; i < rounds; i++) {
    const damaged = pickBody(random, corpus);
    const startedAt = performance.now();
    const outcome = await decode(columns, damaged);
    report.slowestMs = Math.max(report.slowestMs, performance.now() - startedAt);
    report.outcomes[outcome] = (report.outcomes[outcome] ?? 0) + 1;
    const known = outcome.startsWith('taken') || outcome.startsWith('refused');
    if (!known && report.wrong.length < 10) report.wrong.push(`round ${i}: ${outcome} ${damaged.encoding}`);
    if (columns.heldBytes > COLUMN_BYTES_MAX) columns.reset();
  }
  return report;
}

/** More packed bodies than the doors get: half of them, and damaged in their packed form. */
function pickBody(random: Random, corpus: Corpus): DamagedBody {
  const plain = damagedBody(random, corpus);
  if (random.oneIn(2)) return plain;
  const encoding = random.pick(Object.keys(PACKERS));
  const reference = corpus.packed[random.below(corpus.packed.length)];
  if (encoding === 'zstd' || (encoding === 'lz4' && random.oneIn(2)))
    return { ...plain, encoding, body: mutate(random, reference) };
  return { ...plain, encoding, body: mutate(random, PACKERS[encoding](random.pick(corpus.seeds).protobuf)) };
}

async function decode(columns: SegmentColumns, { signal, json, encoding, body }: DamagedBody): Promise<string> {
  try {
    let reserved = 0;
    const reserve = (bytes: number): boolean => {
      reserved = Math.max(reserved, bytes);
      return true;
    };
    const unpacked =
      encoding === '' ? body : await unpack(encoding, HTTP_ENCODINGS[encoding], body, UNPACKED_BYTES_MAX, reserve);
    if (unpacked === undefined) return 'no room';
    if (encoding !== '' && unpacked.length > Math.min(reserved, UNPACKED_BYTES_MAX)) return 'more than reserved';
    const protobuf = json ? jsonToProtobuf(signal, unpacked) : unpacked;
    const result = transcode(columns, signal, protobuf, '', 1n);
    // What the JSON reader lets through is well-formed protobuf: only the depth of values and the size are judged later.
    if (json && result.kind === 'invalid' && !/nested|columns/.test(result.message)) return `json: ${result.message}`;
    return result.kind === 'ok' ? 'taken' : 'refused by the transcoder';
  } catch (error) {
    if (error instanceof WireError || error instanceof TooLargeError) return `refused: ${error.name}`;
    return `exception: ${error instanceof Error ? error.stack : String(error)}`;
  }
}
