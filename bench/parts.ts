/** The parts alone, each in this process: decode, journal, load. What is left of the whole tree's cost is doors, processes and waiting. */
import os from 'node:os';
import { crc32c } from '../src/base/crc32c.ts';
import { benchJournal } from '../src/journal/journal.bench.ts';
import { benchLoad } from '../src/store/load.bench.ts';
import { benchTranscode, spanReaders } from '../src/transcode/transcode.bench.ts';
import { makeTemplates } from './payload.ts';

export interface PartResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const JOURNAL_MS = 3_000;
const FLOOR_MS = 1_000;
/** The size of a request of 500 spans. */
const REQUEST_BYTES = 211_000;

/** What one core does with the bytes of requests and nothing else: no receiver can be faster. */
function bytesASecond(work: (bytes: Buffer) => void): number {
  const bodies = makeTemplates(100).map(({ body }) => body);
  let done = 0;
  const started = performance.now();
  while (performance.now() - started < FLOOR_MS) {
    for (const body of bodies) {
      work(body);
      done += body.length;
    }
  }
  return (done / (performance.now() - started)) * 1000;
}

/** Measures each part; `spans` is how many the load takes. */
export async function measureParts(spans: number, log: (line: string) => void): Promise<PartResult[]> {
  const results: PartResult[] = [];
  const note = (name: string, value: number, unit: string): void => {
    results.push({ name, value: Number(value.toFixed(2)), unit });
    log(`${name.padEnd(44)} ${value >= 100 ? Math.round(value) : value.toFixed(2)} ${unit}`);
  };
  const requests = makeTemplates(200).map(({ body }) => body);
  for (const [reader, columns] of spanReaders()) {
    const memory = Buffer.alloc(1_000_000);
    note('floor: copying requests', bytesASecond((body) => body.copy(memory)) / 1e6, 'MB/s');
    note('floor: CRC-32C of requests', bytesASecond((body) => crc32c(body)) / 1e6, 'MB/s');
    const tiny = { directory: os.tmpdir(), recordBytes: 64, clients: 1, durationMs: FLOOR_MS };
    note('floor: write and fsync of 88 bytes', (await benchJournal(tiny)).ackP50Ms, 'ms');
    const decode = benchTranscode(requests, 5, columns);
    note(`decode by ${reader}, protobuf → columns`, decode.spansPerCpuSecond, 'spans/CPU-s');
    note(`decode by ${reader}, protobuf → Native blocks`, decode.spansPerCpuSecondFrozen, 'spans/CPU-s');
  }
  for (const clients of [1, 16]) {
    const options = { directory: os.tmpdir(), recordBytes: REQUEST_BYTES, clients, durationMs: JOURNAL_MS };
    const journal = await benchJournal(options);
    note(`journal alone, ${clients} clients`, journal.megabytesPerSecond, 'MB/s');
    note(`journal alone, ${clients} clients, durable p99`, journal.ackP99Ms, 'ms');
  }
  const load = await benchLoad(spans);
  note('load alone, with merges meanwhile', load.loadCpuMicrosPerSpan, 'CPU-µs a span');
  note('load alone, merges until quiet', load.settleCpuMicrosPerSpan, 'CPU-µs a span');
  note('load alone, at rest', load.bytesPerSpan, 'bytes a span');
  return results;
}
