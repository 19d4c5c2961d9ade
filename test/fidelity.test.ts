/** Nothing of an OTLP message is lost between the transcoder and the answer of the API: random messages are stored and read back as OTLP/JSON. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SIGNALS } from '../src/base/signal.ts';
import { openTestApi, type TestApi } from './support/api.ts';
import { expectSame, readBack, sentItems } from './support/otlp-items.ts';
import { randomBody } from './support/otlp-random.ts';

/** Requests of each signal; more: CLEW_FIDELITY_REQUESTS=2000. The seed of request i is i. */
const REQUESTS = Number(process.env['CLEW_FIDELITY_REQUESTS'] ?? 60);

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api?.close());

test.each(SIGNALS)('every item of %s comes back as it was sent', async (signal) => {
  const bodies = Array.from({ length: REQUESTS }, (_, seed) => randomBody(signal, seed));
  await api.storeProtobuf(signal, bodies);
  const sent = sentItems(signal, bodies);
  expect(sent.length).toBeGreaterThan(REQUESTS);
  expectSame(await readBack(signal, sent, (path) => api.get<object>(path)), sent);
});
