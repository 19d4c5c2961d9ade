import { assert } from '../base/assert.ts';
import { TABLES } from '../base/names.ts';
import { type Disk, readWhole } from '../host/disk.ts';
import { WINDOW_SECONDS, windowOf } from './graph-spans.ts';

/** Windows of time that the spans of a segment lie in: single ones, and stretches of which only the ends are known. */
export interface TouchedWindows {
  readonly windows: ReadonlySet<number>;
  readonly stretches: readonly (readonly [first: number, last: number])[];
}

/** Of a trace over more windows than this the spans are looked up in the store, instead of marking all windows between. */
const WINDOWS_OF_TRACE_MAX = 30;

interface SegmentTables {
  readonly tables: readonly { readonly table: string; readonly file: string }[];
}

/** Reads from a sealed segment's table of traces which windows its spans lie in. */
export async function touchedWindows(disk: Disk, directory: string, sealed: SegmentTables): Promise<TouchedWindows> {
  const windows = new Set<number>();
  const stretches = new Map<string, readonly [number, number]>();
  const file = sealed.tables.find(({ table }) => table === TABLES.traceIds)?.file;
  const { start, end } = file === undefined ? NO_TIMES : readTimes(await readWhole(disk, `${directory}/${file}`));
  for (let row = 0; row < start.length; row++) {
    const first = windowOf(start[row]);
    const last = windowOf(end[row]);
    if (last - first > WINDOWS_OF_TRACE_MAX * WINDOW_SECONDS) stretches.set(`${first} ${last}`, [first, last]);
    else for (let window = first; window <= last; window += WINDOW_SECONDS) windows.add(window);
  }
  return { windows, stretches: [...stretches.values()] };
}

interface Times {
  readonly start: Uint32Array;
  readonly end: Uint32Array;
}

const NO_TIMES: Times = { start: new Uint32Array(), end: new Uint32Array() };

/** The columns Start and End of a Native file of otel_traces_trace_id_ts: one block, in which they stand behind the ids and are never left out. */
function readTimes(bytes: Uint8Array): Times {
  const reader = new NativeReader(bytes);
  const columns = reader.varint();
  const rows = reader.varint();
  assert(columns >= 3, `the table of traces has three columns at least, not ${columns}`);
  reader.column('TraceId', 'String');
  for (let row = 0; row < rows; row++) reader.skipText();
  reader.column('Start', 'DateTime');
  const start = reader.uint32s(rows);
  reader.column('End', 'DateTime');
  return { start, end: reader.uint32s(rows) };
}

class NativeReader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  /** The head of the next column, which must be this one. */
  column(name: string, type: string): void {
    const [foundName, foundType] = [this.#text(), this.#text()];
    const isIt = foundName === name && foundType === type;
    assert(isIt, `the table of traces has ${foundName} ${foundType} where ${name} ${type} should stand`);
  }

  #text(): string {
    const length = this.varint();
    this.at += length;
    return Buffer.from(this.#bytes.subarray(this.at - length, this.at)).toString();
  }

  skipText(): void {
    const length = this.varint();
    this.at += length;
  }

  uint32s(count: number): Uint32Array {
    const copy = this.#bytes.slice(this.at, this.at + 4 * count);
    this.at += 4 * count;
    return new Uint32Array(copy.buffer, 0, count);
  }
}
