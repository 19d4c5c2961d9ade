/** The comparison of selected traces with the others, beside counting them one by one; and what a search may leave out. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOW, openTestApi, type TestApi } from '../../test/support/api.ts';
import { seededChance } from '../host/seeded-chance.ts';
import type { Page, Problem, TraceSummary } from './api.ts';
import type { TraceComparison } from './api-compare.ts';

let api: TestApi;

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');

interface Made {
  readonly traceId: string;
  readonly startMs: number;
  readonly ms: number;
  /** `field=value` of any of its spans. */
  readonly items: ReadonlySet<string>;
  readonly spans: readonly object[];
  readonly service: string;
}

/** Traces of two spans, the slow ones mostly of version 2. */
function makeTraces(): Made[] {
  const random = seededChance(5);
  return Array.from({ length: 120 }, (_, t) => {
    const isSlow = random() < 0.3;
    const version = random() < (isSlow ? 0.9 : 0.1) ? 'v2' : 'v1';
    const region = random() < 0.5 ? 'eu' : 'us';
    const failed = random() < (isSlow ? 0.5 : 0.2);
    const ms = isSlow ? 2_000 + t : 10 + t;
    const startMs = Number(NOW / 1_000_000n) - 1_000_000 + t * 1_000;
    const traceId = hex(t + 1, 32);
    const nanos = (at: number): string => `${BigInt(at) * 1_000_000n}`;
    const span = (id: number, parent: number, name: string, attributes: readonly object[], code: number) => ({
      traceId,
      spanId: hex(id, 16),
      ...(parent === 0 ? {} : { parentSpanId: hex(parent, 16) }),
      name,
      kind: 2,
      startTimeUnixNano: nanos(startMs),
      endTimeUnixNano: nanos(startMs + ms),
      attributes,
      status: { code },
    });
    const spans = [
      span(2 * t + 1, 0, 'GET /', [text('version', version), text('request', String(t))], failed ? 2 : 0),
      span(2 * t + 2, 2 * t + 1, 'query', [text('version', version)], 0),
    ];
    const items = ['operation GET /', 'operation query', 'kind Server', 'status Unset', `version ${version}`];
    const own = [`request ${t}`, `region ${region}`, `service ${region}-shop`, ...(failed ? ['status Error'] : [])];
    // The root of a failed trace is not unset, but its other span is.
    return { traceId, startMs, ms, items: new Set([...items, ...own]), spans, service: `${region}-shop` };
  });
}

const made = makeTraces();

beforeAll(async () => {
  api = await openTestApi();
  const resourceSpans = made.map(({ service, spans }) => ({
    resource: { attributes: [text('service.name', service), text('region', service.slice(0, 2))] },
    scopeSpans: [{ spans }],
  }));
  await api.store('traces', { resourceSpans });
});
afterAll(() => api?.close());

/** Difference of shares by field, from the made traces themselves. */
function expected(isSelected: (trace: Made) => boolean): Map<string, number> {
  const [chosen, others] = [made.filter(isSelected), made.filter((trace) => !isSelected(trace))];
  const share = (traces: readonly Made[], item: string): number =>
    traces.filter(({ items }) => items.has(item)).length / traces.length;
  const differences = new Map<string, number>();
  for (const item of new Set(made.flatMap(({ items }) => [...items]))) {
    const field = item.slice(0, item.indexOf(' '));
    const difference = Math.abs(share(chosen, item) - share(others, item));
    if (difference > 0) differences.set(field, Math.max(differences.get(field) ?? 0, difference));
  }
  return differences;
}

describe('GET /api/v1/traces/compare', () => {
  test('ranks what differs as counting does, the version of the slow traces first', async () => {
    const answer = await api.get<TraceComparison>('/api/v1/traces/compare?selectedMinDuration=1s&start=now-1h');
    const isSlow = ({ ms }: Made): boolean => ms >= 1_000;
    expect(answer).toMatchObject({
      selected: made.filter(isSlow).length,
      rest: made.filter((trace) => !isSlow(trace)).length,
      truncated: false,
    });
    const differences = expected(isSlow);
    expect(new Map(answer.items.map(({ field, difference }) => [field, Number(difference.toFixed(9))]))).toEqual(
      new Map([...differences].map(([field, difference]) => [field, Number(difference.toFixed(9))])),
    );
    const order = answer.items.map(({ difference }) => difference);
    expect(order).toEqual([...order].sort((a, b) => b - a));
    expect(answer.items[0]).toMatchObject({ field: 'version', attribute: true });
    const [{ value, selected, rest }] = answer.items[0].values;
    const having = (traces: readonly Made[]) => traces.filter(({ items }) => items.has(`version ${value}`)).length;
    expect([selected, rest]).toEqual([having(made.filter(isSlow)), having(made.filter((one) => !isSlow(one)))]);
  });

  test('selects by start too, both ends included', async () => {
    const [from, to] = [made[10].startMs, made[29].startMs];
    const answer = await api.get<TraceComparison>(
      `/api/v1/traces/compare?selectedStart=${from}&selectedEnd=${to}&start=now-1h`,
    );
    expect([answer.selected, answer.rest]).toEqual([20, 100]);
  });

  test('looks at the newest traces and says so; nothing to compare is no difference', async () => {
    const few = await api.get<TraceComparison>('/api/v1/traces/compare?selectedMinDuration=1s&start=now-1h&limit=50');
    expect([few.selected + few.rest, few.truncated]).toEqual([50, true]);
    const none = await api.get<TraceComparison>('/api/v1/traces/compare?selectedMinDuration=1h&start=now-1h');
    expect(none).toEqual({ selected: 0, rest: 120, truncated: false, items: [] });
    const wrong = await api.get<Problem>('/api/v1/traces/compare?selectedMinDuration=2s&selectedMaxDuration=1s', 400);
    expect(wrong.parameter).toBe('selectedMinDuration');
  });
});

test('a search leaves out spans that have an excluded value', async () => {
  const count = async (query: string): Promise<number> =>
    (await api.get<Page<TraceSummary>>(`/api/v1/traces?start=now-1h&limit=200&${query}`)).items.length;
  const eu = made.filter(({ items }) => items.has('region eu')).length;
  expect(await count('exclude=service%3Deu-shop')).toBe(120 - eu);
  expect(await count('attribute=region%21%3Deu')).toBe(120 - eu);
  expect(await count('exclude=operation%3DGET%20%2F&exclude=operation%3Dquery')).toBe(0);
  const failed = made.filter(({ items }) => items.has('status Error')).length;
  expect(await count('exclude=status%3Dunset')).toBe(failed);
  expect((await api.get<Problem>('/api/v1/traces?exclude=pod%3Da', 400)).detail).toContain('service, operation');
  expect((await api.get<Problem>('/api/v1/traces?exclude=kind%3Dfast', 400)).detail).toContain('Server');
});
