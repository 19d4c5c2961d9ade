import fs from 'node:fs';
import zlib from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { jsonOf } from '../../test/support/otlp-json.ts';
import { encodeProto } from '../../test/support/otlp-proto.ts';
import { type Random, randomFrom, randomRequest } from '../../test/support/otlp-random.ts';
import { crc32c } from '../base/crc32c.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';

/** Damaged requests for the fuzzers of the doors and decoders, all from one seed. */

/** Frames of the reference zstd, which Node 20 cannot write. */
const FIXTURES = ['sized.zst', 'streamed.zst', 'frames.zst', 'empty.zst', 'stream.lz4', 'linked.lz4'];

interface Seed {
  readonly signal: Signal;
  readonly protobuf: Buffer;
  readonly json: Buffer;
}

export interface Corpus {
  readonly seeds: readonly Seed[];
  readonly packed: readonly Buffer[];
}

/** Made once: requests of every signal with both encodings, and frames of the reference compressors. */
export function readCorpus(): Corpus {
  const seeds: Seed[] = [];
  for (let seed = 0; seeds.length < 60; seed++) {
    const signal = SIGNALS[seed % SIGNALS.length];
    const request = randomRequest(randomFrom(seed), signal);
    const protobuf = Buffer.from(encodeProto(signal, request));
    if (protobuf.length < 6000) seeds.push({ signal, protobuf, json: Buffer.from(jsonOf(signal, request)) });
  }
  return { seeds, packed: FIXTURES.map((name) => fs.readFileSync(`src/wire/fixtures/${name}`)) };
}

const TOKENS = ['{', '}', '[', ']', ',', ':', '"', '\\u', '\\', 'null', '-', '1e999', '0x', '\ufeff', '\u0000'].map(
  (text) => Buffer.from(text),
);

/** A copy with up to four changes: bytes set, flipped, cut out, doubled, inserted, or everything behind cut off. */
export function mutate(random: Random, source: Buffer): Buffer {
  let bytes = Buffer.from(source);
  for (let change = random.below(5); change > 0 && bytes.length > 0; change--) {
    const at = random.below(bytes.length);
    const to = Math.min(bytes.length, at + 1 + random.below(24));
    switch (random.below(8)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes[at] ^= 1 << random.below(8);
        break;
      case 2:
        bytes.fill(random.pick([0, 0x7f, 0x80, 0xff]), at, to);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
        break;
      case 5:
        bytes = bytes.subarray(0, at);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), random.pick(TOKENS), bytes.subarray(at)]);
    }
  }
  return bytes;
}

function storedZstd(body: Buffer): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 0, 0, 0]);
  head.writeUIntLE((Math.min(body.length, 100_000) << 3) | 1, 6, 3);
  return Buffer.concat([head, body.subarray(0, 100_000)]);
}

function framedSnappy(body: Buffer): Buffer {
  const piece = body.subarray(0, 65_536);
  const head = Buffer.alloc(18);
  head.set([0xff, 6, 0, 0, ...Buffer.from('sNaPpY')]);
  const data = compressSync(piece) as Buffer;
  head.writeUIntLE(data.length + 4, 11, 3);
  const crc = crc32c(piece);
  head.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, 14);
  return Buffer.concat([head, data]);
}

export const PACKERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: (body) => zlib.gzipSync(body, { level: 1 }),
  deflate: (body) => zlib.deflateSync(body, { level: 1 }),
  zlib: (body) => zlib.deflateRawSync(body, { level: 1 }),
  zstd: storedZstd,
  snappy: (body) => compressSync(body) as Buffer,
  'x-snappy-framed': framedSnappy,
  lz4: (body) => compressFrameSync(body),
};
const PACKER_NAMES = Object.keys(PACKERS);

export interface DamagedBody {
  readonly signal: Signal;
  readonly json: boolean;
  /** '' when it is not packed. */
  readonly encoding: string;
  readonly body: Buffer;
}

/** A request of which the content, its packed form, both or neither are damaged. */
export function damagedBody(random: Random, corpus: Corpus): DamagedBody {
  const { signal, protobuf, json } = random.pick(corpus.seeds);
  const isJson = random.oneIn(3);
  const content = random.oneIn(8) ? (isJson ? json : protobuf) : mutate(random, isJson ? json : protobuf);
  if (!random.oneIn(3)) return { signal, json: isJson, encoding: '', body: content };
  const encoding = random.pick(PACKER_NAMES);
  const packed = random.oneIn(6) ? random.pick(corpus.packed) : PACKERS[encoding](content);
  return { signal, json: isJson, encoding, body: random.oneIn(2) ? mutate(random, packed) : packed };
}
