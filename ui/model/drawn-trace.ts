import type { OtlpSpan, OtlpTrace } from '../../src/query/api.ts';
import { type Folds, type Rows, type Unfolding, visibleRows } from './rows.ts';
import type { SpanTable } from './span-table.ts';

/**
 * Traces as text, for tests. A line is a span: its indentation (two spaces a level) names its parent, then `service:name`, then behind a
 * bar its time, a character a millisecond, where `=` is the span and `!` a span that failed:
 *
 *     shop:GET /      |======
 *       cart:load     | ==
 *       cart:save     |   !!
 */
export function drawnTrace(drawing: string): OtlpTrace {
  const groups = new Map<string, OtlpSpan[]>();
  const ancestors: string[] = [];
  const lines = drawing.split('\n').filter((line) => line.includes('|'));
  const margin = Math.min(...lines.map((line) => line.search(/\S/)));
  lines.forEach((line, index) => {
    const [head = '', bar = ''] = line.slice(margin).split('|');
    const depth = head.search(/\S/) / 2;
    const [service = '', name = ''] = head.trim().split(/:(.*)/);
    const from = bar.search(/[=!]/);
    const spanId = String(index + 1).padStart(16, '0');
    ancestors[depth] = spanId;
    const span: OtlpSpan = {
      traceId: 'a'.repeat(32),
      spanId,
      ...(depth === 0 ? {} : { parentSpanId: ancestors[depth - 1] }),
      name,
      startTimeUnixNano: drawnTime(from),
      endTimeUnixNano: drawnTime(bar.trimEnd().length),
      ...(bar.includes('!') ? { status: { code: 2 } } : {}),
    };
    groups.set(service, [...(groups.get(service) ?? []), span]);
  });
  return {
    resourceSpans: [...groups].map(([service, spans]) => ({
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeSpans: [{ spans }],
    })),
  };
}

/** Milliseconds after the beginning of a drawing as Unix nanoseconds: a time whose nanoseconds do not fit a JavaScript number. */
export function drawnTime(ms: number): string {
  return String(1_700_000_000_123_456_789n + BigInt(ms) * 1_000_000n);
}

/** The rows of the waterfall as text: indentation, `+` closed, `-` open, `×n` repeated siblings. */
export function drawRows(
  table: SpanTable,
  folds: Folds,
  unfolding: Unfolding,
  rows: Rows = visibleRows(table, folds, unfolding),
): string[] {
  return Array.from({ length: rows.length }, (_, row) => {
    const i = rows.span[row];
    const name = `${table.services[table.serviceOf[i]]}:${table.spans[i].name}`;
    const indent = '  '.repeat(table.depths[i]);
    if (rows.folded[row] > 0) return `${indent}${unfolding.opened.has(i) ? '-' : '+'} ${name} ×${rows.folded[row]}`;
    const below = table.subtreeEnds[i] > i + 1;
    return `${indent}${below ? (unfolding.collapsed.has(i) ? '+' : '-') : '·'} ${name}`;
  });
}
