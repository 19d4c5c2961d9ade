import type { Disk } from '../../host/disk.ts';
import { readJsonFile, writeJsonFile } from '../../host/json-file.ts';

/** What was decided on one segment: for each of its records which spans are kept, and the decisions on traces that were made with it. */
export interface Decisions {
  readonly letters: ReadonlyMap<number, KeptSpans>;
  readonly kept: readonly string[];
  readonly dropped: readonly string[];
}

export interface KeptSpans {
  readonly spans: number;
  /** A bit for each span of the record, in order, lowest bit first: 1 when it is kept. */
  readonly bits: Uint8Array;
}

interface Saved {
  readonly version: 1;
  readonly letters: readonly (readonly [sequence: number, spans: number, bits: string])[];
  /** Trace ids one after the other, 16 bytes each, in base64. */
  readonly kept: string;
  readonly dropped: string;
}

const ID_BYTES = 16;

/** Durable when it resolves: only then may a span of the segment be sent. */
export async function writeDecisions(disk: Disk, directory: string, name: string, decisions: Decisions): Promise<void> {
  const saved: Saved = {
    version: 1,
    letters: [...decisions.letters].map(([sequence, { spans, bits }]) => [
      sequence,
      spans,
      Buffer.from(bits).toString('base64'),
    ]),
    kept: Buffer.from(decisions.kept.join(''), 'latin1').toString('base64'),
    dropped: Buffer.from(decisions.dropped.join(''), 'latin1').toString('base64'),
  };
  await writeJsonFile(disk, directory, name, saved);
}

/** Undefined when there is no such file. Rejects when it is damaged, since spans may have been sent by it. */
export async function readDecisions(disk: Disk, path: string): Promise<Decisions | undefined> {
  const saved = (await readJsonFile(disk, path)) as Saved | 'damaged' | undefined;
  if (saved === undefined) return undefined;
  if (saved === 'damaged') throw new Error(`${path} is damaged: remove it to have all spans of its segment sent`);
  const letters = saved.letters.map(
    ([sequence, spans, bits]) => [sequence, { spans, bits: Buffer.from(bits, 'base64') }] as const,
  );
  return { letters: new Map(letters), kept: idsIn(saved.kept), dropped: idsIn(saved.dropped) };
}

function idsIn(text: string): string[] {
  const bytes = Buffer.from(text, 'base64').toString('latin1');
  return Array.from({ length: bytes.length / ID_BYTES }, (_, index) =>
    bytes.slice(index * ID_BYTES, (index + 1) * ID_BYTES),
  );
}
