import type { Nanos, OtlpResource, OtlpScope, OtlpSpan, OtlpTrace } from '../../src/query/api.ts';
import { attributeText } from './attributes.ts';
import { compareNanos, nanosSince } from './nanos.ts';

/**
 * A trace as columns, parents before children, siblings by start: row i of every array is the same span, and the descendants of i are
 * the rows (i, subtreeEnds[i]). Nothing here recurses: a trace may be a line of 100,000 spans.
 */
export interface SpanTable {
  readonly count: number;
  readonly spans: readonly OtlpSpan[];
  readonly contexts: readonly SpanContext[];
  readonly contextOf: Int32Array;
  readonly services: readonly string[];
  readonly serviceOf: Int32Array;
  readonly parents: Int32Array;
  readonly depths: Int32Array;
  readonly subtreeEnds: Int32Array;
  /** Since `originNano`. */
  readonly startsNs: Float64Array;
  readonly durationsNs: Float64Array;
  /** Duration in which no child ran. */
  readonly selfNs: Float64Array;
  readonly errors: Uint8Array;
  /** Errors in the subtree, the span itself included. */
  readonly errorsBelow: Int32Array;
  readonly marks: Uint8Array;
  readonly originNano: Nanos;
  readonly durationNs: number;
  readonly depthMax: number;
  readonly errorCount: number;
}

/** What the spans of one scope share. */
export interface SpanContext {
  readonly resource: OtlpResource;
  readonly scope: OtlpScope;
  readonly service: string;
}

/** Bits of `marks`: what is odd about a span. It is shown, not hidden. */
export const MARK = {
  /** Its parent has not arrived. */
  orphan: 1,
  /** It begins before its parent: the clocks of two machines differ. */
  skewed: 2,
  /** Another span of the trace has the same id. */
  duplicate: 4,
  /** Its ancestors form a ring; it is shown as a root. */
  ring: 8,
} as const;

const STATUS_ERROR = 2;

/** Builds the table. Answers null when the trace has no span. */
export function buildSpanTable(trace: OtlpTrace): SpanTable | null {
  const arrived = gather(trace);
  if (arrived.spans.length === 0) return null;
  const links = linkParents(arrived.spans);
  const order = orderSpans(arrived.spans, links);
  return freeze(arrived, links, order);
}

interface Arrived {
  readonly spans: OtlpSpan[];
  readonly contexts: SpanContext[];
  readonly contextOf: number[];
}

function gather(trace: OtlpTrace): Arrived {
  const arrived: Arrived = { spans: [], contexts: [], contextOf: [] };
  for (const group of trace.resourceSpans) {
    const resource = group.resource ?? {};
    const service = attributeText(resource.attributes, 'service.name') ?? 'unknown_service';
    for (const { scope = {}, spans = [] } of group.scopeSpans ?? []) {
      arrived.contexts.push({ resource, scope, service });
      for (const span of spans) {
        arrived.spans.push(span);
        arrived.contextOf.push(arrived.contexts.length - 1);
      }
    }
  }
  return arrived;
}

interface Links {
  /** Of each span as it arrived: the place of its parent, or -1. */
  readonly parents: Int32Array;
  readonly marks: Uint8Array;
}

function linkParents(spans: readonly OtlpSpan[]): Links {
  const places = new Map<string, number>();
  const marks = new Uint8Array(spans.length);
  for (let i = 0; i < spans.length; i++) {
    if (places.has(spans[i].spanId)) marks[i] |= MARK.duplicate;
    else places.set(spans[i].spanId, i);
  }
  const parents = new Int32Array(spans.length).fill(-1);
  for (let i = 0; i < spans.length; i++) {
    const parentId = spans[i].parentSpanId;
    if (parentId === undefined || parentId === '') continue;
    const parent = places.get(parentId);
    if (parent === undefined) marks[i] |= MARK.orphan;
    else if (parent === i) marks[i] |= MARK.ring;
    else parents[i] = parent;
  }
  return { parents, marks };
}

/** The places of all spans, depth first, roots and siblings by start. A ring is opened at its earliest span. */
function orderSpans(spans: readonly OtlpSpan[], { parents, marks }: Links): Int32Array {
  const count = spans.length;
  const byStart = Int32Array.from({ length: count }, (_, i) => i).sort((a, b) =>
    compareNanos(spans[a].startTimeUnixNano ?? '0', spans[b].startTimeUnixNano ?? '0'),
  );
  const firstChild = new Int32Array(count).fill(-1);
  const nextSibling = new Int32Array(count).fill(-1);
  for (let k = count - 1; k >= 0; k--) {
    const i = byStart[k];
    if (parents[i] < 0) continue;
    nextSibling[i] = firstChild[parents[i]];
    firstChild[parents[i]] = i;
  }
  const order = new Int32Array(count);
  const seen = new Uint8Array(count);
  let length = 0;
  const visit = (root: number) => {
    const stack = [root];
    while (stack.length > 0) {
      const i = stack.pop() as number;
      if (seen[i] === 1) continue;
      seen[i] = 1;
      order[length++] = i;
      const from = stack.length;
      for (let child = firstChild[i]; child >= 0; child = nextSibling[child]) if (seen[child] === 0) stack.push(child);
      reverseTail(stack, from);
    }
  };
  for (const i of byStart) if (parents[i] < 0) visit(i);
  for (const i of byStart) {
    if (seen[i] === 1) continue;
    parents[i] = -1;
    marks[i] |= MARK.ring;
    visit(i);
  }
  return order;
}

function reverseTail(stack: number[], from: number): void {
  for (let a = from, b = stack.length - 1; a < b; a++, b--) [stack[a], stack[b]] = [stack[b], stack[a]];
}

function freeze(arrived: Arrived, links: Links, order: Int32Array): SpanTable {
  const count = order.length;
  const rowOf = new Int32Array(count);
  for (let row = 0; row < count; row++) rowOf[order[row]] = row;
  const spans = Array.from(order, (place) => arrived.spans[place]);
  const parents = Int32Array.from(order, (place) => (links.parents[place] < 0 ? -1 : rowOf[links.parents[place]]));
  const contextOf = Int32Array.from(order, (place) => arrived.contextOf[place]);
  const services = [...new Set(arrived.contexts.map((context) => context.service))];
  const serviceOfContext = arrived.contexts.map((context) => services.indexOf(context.service));
  const times = spanTimes(spans);
  const marks = Uint8Array.from(order, (place) => links.marks[place]);
  const errors = Uint8Array.from(spans, (span) => (span.status?.code === STATUS_ERROR ? 1 : 0));
  markSkew(parents, times.startsNs, marks);
  const depths = depthsOf(parents);
  return {
    count,
    spans,
    contexts: arrived.contexts,
    contextOf,
    services,
    serviceOf: contextOf.map((context) => serviceOfContext[context]),
    parents,
    depths,
    subtreeEnds: subtreeEnds(parents),
    ...times,
    selfNs: selfTimes(parents, times.startsNs, times.durationsNs),
    errors,
    errorsBelow: sumBelow(parents, errors),
    marks,
    depthMax: depths.reduce((most, depth) => Math.max(most, depth), 0) + 1,
    errorCount: errors.reduce((sum, error) => sum + error, 0),
  };
}

function spanTimes(spans: readonly OtlpSpan[]) {
  let originNano = spans[0].startTimeUnixNano ?? '0';
  for (const span of spans) {
    const start = span.startTimeUnixNano ?? '0';
    if (start !== '0' && (originNano === '0' || compareNanos(start, originNano) < 0)) originNano = start;
  }
  const startsNs = new Float64Array(spans.length);
  const durationsNs = new Float64Array(spans.length);
  let durationNs = 0;
  for (let i = 0; i < spans.length; i++) {
    const start = spans[i].startTimeUnixNano ?? '0';
    // A span without a start time is drawn at the beginning rather than 56 years before it.
    startsNs[i] = start === '0' ? 0 : nanosSince(start, originNano);
    durationsNs[i] = Math.max(0, nanosSince(spans[i].endTimeUnixNano ?? start, start));
    if (startsNs[i] + durationsNs[i] > durationNs) durationNs = startsNs[i] + durationsNs[i];
  }
  return { originNano, startsNs, durationsNs, durationNs };
}

function markSkew(parents: Int32Array, startsNs: Float64Array, marks: Uint8Array): void {
  for (let i = 0; i < parents.length; i++) {
    if (parents[i] >= 0 && startsNs[i] < startsNs[parents[i]]) marks[i] |= MARK.skewed;
  }
}

function depthsOf(parents: Int32Array): Int32Array {
  const depths = new Int32Array(parents.length);
  for (let i = 0; i < parents.length; i++) depths[i] = parents[i] < 0 ? 0 : depths[parents[i]] + 1;
  return depths;
}

function subtreeEnds(parents: Int32Array): Int32Array {
  const ends = Int32Array.from(parents, (_, i) => i + 1);
  for (let i = parents.length - 1; i >= 0; i--) {
    if (parents[i] >= 0 && ends[i] > ends[parents[i]]) ends[parents[i]] = ends[i];
  }
  return ends;
}

function sumBelow(parents: Int32Array, values: Uint8Array): Int32Array {
  const sums = Int32Array.from(values);
  for (let i = parents.length - 1; i >= 0; i--) if (parents[i] >= 0) sums[parents[i]] += sums[i];
  return sums;
}

/** Duration less the union of the children's intervals. Siblings come by start, so one sweep with a reach per parent is enough. */
function selfTimes(parents: Int32Array, startsNs: Float64Array, durationsNs: Float64Array): Float64Array {
  const selfNs = Float64Array.from(durationsNs);
  const reach = Float64Array.from(startsNs);
  for (let i = 0; i < parents.length; i++) {
    const parent = parents[i];
    if (parent < 0) continue;
    const from = Math.max(startsNs[i], reach[parent]);
    const to = Math.min(startsNs[i] + durationsNs[i], startsNs[parent] + durationsNs[parent]);
    if (to <= from) continue;
    selfNs[parent] -= to - from;
    reach[parent] = to;
  }
  return selfNs;
}
