import type { TracePath } from '../../src/query/api-paths.ts';
import { formatDurationNs } from './format.ts';
import { nanosSince } from './nanos.ts';

/** A part of the critical path on a span's bar, in nanoseconds since the trace began. */
export interface BarSection {
  readonly fromNs: number;
  readonly toNs: number;
  readonly kind: 'self' | 'gap' | 'unobserved';
  readonly title: string;
}

export type SectionsBySpan = ReadonlyMap<string, readonly BarSection[]>;

const KINDS = { self: 'own work', gap: 'network + queue', unobserved: 'a span that did not arrive' } as const;

/** The sections of a critical path by the span on whose bar they are drawn. */
export function sectionsBySpan({ sections }: TracePath, originNano: string): SectionsBySpan {
  const bySpan = new Map<string, BarSection[]>();
  for (const { spanId, kind, startTimeUnixNano, durationNano } of sections) {
    const fromNs = nanosSince(startTimeUnixNano, originNano);
    const lengthNs = Number(durationNano);
    const title = `critical path: ${KINDS[kind]}, ${formatDurationNs(lengthNs)}`;
    const section = { fromNs, toNs: fromNs + lengthNs, kind, title };
    const known = bySpan.get(spanId);
    if (known === undefined) bySpan.set(spanId, [section]);
    else known.push(section);
  }
  return bySpan;
}
