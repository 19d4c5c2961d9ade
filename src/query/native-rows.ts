/** Writes a few thousand rows as one block of ClickHouse's Native format: for our own tables, where speed does not matter. */
export class NativeRows {
  readonly names: string[] = [];
  readonly #rows: number;
  readonly #bodies: Uint8Array[] = [];

  constructor(rows: number) {
    this.#rows = rows;
  }

  uint32(name: string, type: 'UInt32' | 'DateTime', values: readonly number[]): void {
    this.#column(name, type, [bytesOf(Uint32Array.from(values))]);
  }

  /** Whole numbers; those above 2^53 are rounded as doubles are. */
  uint64(name: string, values: readonly number[]): void {
    this.#column(name, 'UInt64', [bytesOf(words64(values))]);
  }

  uint64s(name: string, lists: readonly (readonly number[])[]): void {
    let end = 0;
    const ends = lists.map((list) => {
      end += list.length;
      return end;
    });
    this.#column(name, 'Array(UInt64)', [bytesOf(words64(ends)), bytesOf(words64(lists.flat()))]);
  }

  text(name: string, values: readonly string[]): void {
    this.#column(name, 'String', values.map(textBytes));
  }

  chunks(): Uint8Array[] {
    return [varint(this.names.length), varint(this.#rows), ...this.#bodies];
  }

  #column(name: string, type: string, body: readonly Uint8Array[]): void {
    this.names.push(name);
    this.#bodies.push(textBytes(name), textBytes(type), ...body);
  }
}

const ENCODER = new TextEncoder();

function textBytes(text: string): Uint8Array {
  const body = ENCODER.encode(text);
  const size = varint(body.length);
  const bytes = new Uint8Array(size.length + body.length);
  bytes.set(size);
  bytes.set(body, size.length);
  return bytes;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Uint8Array.from([...bytes, rest]);
}

const WORD = 2 ** 32;

/** 64-bit numbers as their two halves, little-endian as this machine is. */
function words64(values: readonly number[]): Uint32Array {
  const words = new Uint32Array(values.length * 2);
  values.forEach((value, i) => {
    words[2 * i] = value % WORD;
    words[2 * i + 1] = Math.floor(value / WORD);
  });
  return words;
}

const bytesOf = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
