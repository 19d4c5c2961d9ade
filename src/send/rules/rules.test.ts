import { expect, test } from 'vitest';
import { decodeProto, encodeProto } from '../../../test/support/otlp-proto.ts';
import { randomBody } from '../../../test/support/otlp-random.ts';
import { SIGNALS, type Signal } from '../../base/signal.ts';
import { checkRequest } from '../../wire/check.ts';
import { rewriteRequest } from './rewrite.ts';
import { parseRules, type RuleSet } from './rules.ts';

function rulesOf(...lines: string[]): RuleSet {
  const rules = parseRules(lines);
  if ('problem' in rules) throw new Error(rules.problem);
  return rules;
}

const attribute = (key: string, value: object) => ({ key, value });
const text = (key: string, value: string) => attribute(key, { stringValue: value });

/** One span in one resource, with these attributes. */
function request(resource: object[], span: object[]): Uint8Array {
  const items = [{ traceId: Buffer.alloc(16, 7), spanId: Buffer.alloc(8, 1), name: 'GET', attributes: span }];
  return encodeProto('traces', { resources: [{ resource: { attributes: resource }, scopes: [{ items }] }] });
}

interface Decoded {
  resources: { resource: { attributes: object[] }; scopes: { items: { attributes: object[] }[] }[] }[];
}

/** Attributes of the resource and of the first span after the rules. */
function after(rules: RuleSet, body: Uint8Array): { resource: object[]; span: object[] } {
  const [first] = (decodeProto('traces', rewriteRequest(rules, 'traces', body)) as unknown as Decoded).resources;
  const plain = (values: object[] | undefined): object[] => JSON.parse(JSON.stringify(values ?? [])) as object[];
  return { resource: plain(first?.resource.attributes), span: plain(first?.scopes[0]?.items[0]?.attributes) };
}

test('drop leaves attributes out by key and by the beginning of a key', () => {
  const body = request(
    [text('host.ip', '::1')],
    [text('http.header.a', '1'), text('http.header.b', '2'), text('kept', '3')],
  );
  expect(after(rulesOf('drop http.header.*', 'drop host.ip'), body)).toEqual({
    resource: [],
    span: [text('kept', '3')],
  });
});

test('hash makes 32 digits of a value: the same of the same, whatever its type', () => {
  const body = request([], [text('user', 'ann'), text('other', 'ann'), attribute('n', { intValue: '5' })]);
  const { span } = after(rulesOf('hash user', 'hash n'), body);
  expect(span[0]).toEqual(text('user', '49915e0d7d4b402e3017d010bc1c0e83'));
  expect(span[1]).toEqual(text('other', 'ann'));
  expect(JSON.stringify(span[2])).toMatch(/"stringValue":"[0-9a-f]{32}"/);
});

test('rename keeps the value and its type', () => {
  const { span } = after(rulesOf('rename a b'), request([], [attribute('a', { boolValue: true })]));
  expect(span).toEqual([attribute('b', { boolValue: true })]);
});

test('redact replaces every match in texts', () => {
  const body = request(
    [],
    [text('url', '/pay/4111111111111111/4222222222222222?x=1'), attribute('n', { intValue: '4111' })],
  );
  const { span } = after(rulesOf('redact * \\d{16}'), body);
  expect(span).toEqual([text('url', '/pay/****/****?x=1'), attribute('n', { intValue: '4111' })]);
});

test('add gives a resource what it does not have', () => {
  const rules = rulesOf('add region=eu = west', 'add have=no');
  expect(after(rules, request([text('have', 'yes')], [])).resource).toEqual([
    text('have', 'yes'),
    text('region', 'eu = west'),
  ]);
  expect(rules.rules.map(({ applied }) => applied)).toEqual([1, 0]);
});

test('rules apply in their order, and each counts what it changed', () => {
  const rules = rulesOf('rename a b', 'drop b');
  expect(after(rules, request([], [text('a', '1'), text('c', '2')])).span).toEqual([text('c', '2')]);
  expect(rules.rules.map(({ applied }) => applied)).toEqual([1, 1]);
});

test.each(SIGNALS)('a rule that matches nothing leaves every request of %s the same object', (signal: Signal) => {
  const rules = rulesOf('drop no.such.key', 'redact no.such.key x', 'rename no.such.key y');
  for (let seed = 0; seed < 30; seed++) {
    const body = randomBody(signal, seed);
    expect(rewriteRequest(rules, signal, body)).toBe(body);
  }
});

test.each(SIGNALS)(
  'a rule that changes everything leaves requests of %s whole, with the same items',
  (signal: Signal) => {
    for (let seed = 0; seed < 30; seed++) {
      const body = randomBody(signal, seed);
      const rewritten = rewriteRequest(rulesOf('hash *', 'add added.by=edge'), signal, body);
      expect(checkRequest(signal, rewritten)).toEqual(checkRequest(signal, body));
      expect(Buffer.from(rewriteRequest(rulesOf('drop *'), signal, body)).length).toBeLessThanOrEqual(body.length);
    }
  },
);

test('sampling keeps about the part that was asked for, whole traces, and the same ones everywhere', () => {
  const items = Array.from({ length: 4_000 }, (_, i) => {
    const traceId = Buffer.alloc(16, 9);
    traceId.writeUInt32BE(i >> 1, 0);
    const spanId = Buffer.alloc(8, 1);
    spanId.writeUInt32BE(i, 0);
    return { traceId, spanId, name: `trace ${i >> 1} span` };
  });
  const body = encodeProto('traces', { resources: [{ scopes: [{ items }] }] });
  const kept = rewriteRequest(rulesOf('sample 25%'), 'traces', body);
  const again = rewriteRequest(rulesOf('sample 25%'), 'traces', kept);
  expect(again).toBe(kept);
  const names = [
    ...Buffer.from(kept)
      .toString('latin1')
      .matchAll(/trace \d+ span/g),
  ].map(([name]) => name);
  expect(names.length % 2).toBe(0);
  expect(new Set(names).size).toBe(names.length / 2);
  expect(names.length / items.length).toBeGreaterThan(0.22);
  expect(names.length / items.length).toBeLessThan(0.28);
});

test('of a request that is sampled out, nothing is left', () => {
  expect(rewriteRequest(rulesOf('sample 0%'), 'traces', request([text('a', '1')], [])).length).toBe(0);
});

test.each(['', 'drop', 'drop a b', 'rename a', 'redact a (', 'add a', 'sample 110%', 'mangle a'])(
  'the rule %j is refused with what to write',
  (line) => {
    expect(parseRules([line])).toHaveProperty('problem');
  },
);
