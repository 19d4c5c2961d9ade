import { expect, test } from 'vitest';
import { randomBody, randomFrom } from '../../test/support/otlp-random.ts';
import { SIGNALS } from '../base/signal.ts';
import { checkBuilder } from './check-builder.ts';
import { otlpBuilder } from './otlp-builder.ts';

const ROUNDS = Number(process.env['CLEW_CHECK_MUTATIONS'] ?? 500);

test.each(SIGNALS)('the check accepts, counts and rejects %s as the transcoder does', (signal) => {
  const check = checkBuilder();
  for (let seed = 0; seed < 60; seed++) {
    const body = randomBody(signal, seed);
    const rows = otlpBuilder();
    const wanted = rows.transcode(signal, body, '', 1n);
    const got = check.transcode(signal, body, '', 1n);
    expect(wanted.kind).toBe('ok');
    expect(got.kind === 'ok' && [got.accepted, got.rejected], `seed ${seed}`).toEqual(
      wanted.kind === 'ok' && [wanted.accepted, wanted.rejected],
    );
  }
});

test.each(SIGNALS)('what the check accepts of damaged %s requests, the transcoder can read', (signal) => {
  const random = randomFrom(5);
  const check = checkBuilder();
  const rows = otlpBuilder();
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const body = Buffer.from(randomBody(signal, round % 40));
    for (let i = 0; i <= random.below(3); i++) body[random.below(body.length)] = random.below(256);
    const got = check.transcode(signal, body, '', 1n);
    if (got.kind === 'invalid') {
      refused++;
      continue;
    }
    const wanted = rows.transcode(signal, body, '', 1n);
    if (rows.sizeBytes > 2 ** 24) rows.reset();
    expect(wanted, `round ${round}`).toMatchObject({ kind: 'ok', accepted: got.accepted, rejected: got.rejected });
  }
  expect(refused).toBeGreaterThan(ROUNDS / 20);
});

test('counts are those of one segment, by signal', () => {
  const check = checkBuilder();
  const body = randomBody('logs', 3);
  check.transcode('logs', body, '', 1n);
  expect(check.counts?.()).toEqual({ traces: 0, metrics: 0, logs: check.items });
  check.reset();
  expect(check.counts?.()).toEqual({ traces: 0, metrics: 0, logs: 0 });
});
