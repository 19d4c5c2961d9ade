import { RowOrder } from '../base/radix.ts';
import type { Dictionary } from '../columns/dictionary.ts';
import type { ResourceContexts } from './contexts.ts';
import { TRACE_ID_BYTES } from './ids.ts';
import type { TraceBatch } from './traces.ts';

const NANOS_A_SECOND = 1e9;
const TWO_TO_32 = 4294967296;

/**
 * Row numbers of a batch of spans in the order of otel_traces: service, second, trace id, time. A row in the wrong place would cost time, not
 * truth: ClickHouse looks whether what it gets is sorted and sorts it when it is not. In steps.
 * @param ids the order of the batch's trace ids (`orderOfIds`)
 */
export function* orderOfSpans(
  traces: TraceBatch,
  resources: ResourceContexts,
  ids: RowOrder,
): Generator<undefined, Uint32Array> {
  const order = new RowOrder(traces.rows);
  const times = traces.timestamp.list.values;
  order.by(times, 2, 0);
  yield;
  order.by(times, 2, 1);
  yield;
  const traceRanks = ids.ranks();
  const services = resources.serviceName;
  const serviceRanks = ranksOfTexts(services.dictionary);
  const { resource } = traces.contexts;
  const [byTrace, bySecond, byService] = [0, 1, 2].map(() => new Uint32Array(traces.rows));
  for (let row = 0; row < traces.rows; row++) {
    byTrace[row] = traceRanks[traces.traceOf.values[row]];
    const high = times[row * 2 + 1];
    bySecond[row] = Math.floor((high * TWO_TO_32 + times[row * 2]) / NANOS_A_SECOND);
    byService[row] = serviceRanks[services.ids.values[resource.values[row]]];
  }
  yield;
  order.by(byTrace);
  yield;
  order.by(bySecond);
  order.by(byService);
  return order.rows;
}

/** Trace ids in the order of their bytes, which is that of their hexadecimal digits. */
export function orderOfIds(ids: Dictionary): RowOrder {
  const words = new Uint32Array(ids.size * (TRACE_ID_BYTES / 4));
  const bytes = ids.data.words;
  const stride = TRACE_ID_BYTES / 4;
  for (let i = 0; i < words.length; i++) words[i] = bytes.getUint32(i * 4);
  const order = new RowOrder(ids.size);
  for (let word = stride - 1; word >= 0; word--) order.by(words, stride, word);
  return order;
}

/**
 * The place of each entry among all, ordered by bytes. There are as many as services: few, but a client may send another with each span, and an
 * object for each of them was 25 MiB of garbage a segment.
 */
function ranksOfTexts(dictionary: Dictionary): Uint32Array {
  const entries = new Uint32Array(dictionary.size);
  for (let i = 0; i < entries.length; i++) entries[i] = i;
  const [starts, words] = [dictionary.starts.values, dictionary.data.words];
  entries.sort((a, b) => compareBytes(words, starts[a], starts[a + 1], starts[b], starts[b + 1]));
  const ranks = new Uint32Array(entries.length);
  for (let rank = 0; rank < entries.length; rank++) ranks[entries[rank]] = rank;
  return ranks;
}

/** Negative when `words[aStart, aEnd)` is before `words[bStart, bEnd)` in the order of bytes. */
function compareBytes(words: DataView, aStart: number, aEnd: number, bStart: number, bEnd: number): number {
  const shared = Math.min(aEnd - aStart, bEnd - bStart);
  let i = 0;
  for (; i < shared - 3; i += 4) {
    const [a, b] = [words.getUint32(aStart + i), words.getUint32(bStart + i)];
    if (a !== b) return a - b;
  }
  for (; i < shared; i++) {
    const [a, b] = [words.getUint8(aStart + i), words.getUint8(bStart + i)];
    if (a !== b) return a - b;
  }
  return aEnd - aStart - (bEnd - bStart);
}
