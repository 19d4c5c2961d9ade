import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeTemplates, stamp } from './payload.ts';

const DIGEST = '01a4b1934a7b2fb5';

describe('the payload of the bench', () => {
  it('is the same bytes on every machine, 421 bytes a span', () => {
    const templates = makeTemplates(4);
    const bytes = templates.reduce((sum, { body }) => sum + body.length, 0);
    expect(Math.round(bytes / (4 * 500))).toBe(421);
    const digest = createHash('sha256');
    for (const { body } of templates) digest.update(body);
    expect(digest.digest('hex').slice(0, 16)).toBe(DIGEST);
  });

  it('gives every trace of a request the run and the number of the request', () => {
    const [template] = makeTemplates(1, 16, 2);
    const body = stamp(template, 0xabcdef01, 7, 1_700_000_000_000);
    const ids = template.traceIds.map((at) => body.subarray(at, at + 12).toString('hex'));
    expect(new Set(ids.map((id) => id.slice(8)))).toEqual(new Set(['00000007abcdef01']));
    // Two traces of 8 spans, and nothing of their order in how they begin.
    expect(new Set(ids.map((id) => id.slice(0, 8))).size).toBe(2);
    expect(template.spans).toBe(16);
  });
});
