import { expect, test, vi } from 'vitest';
import { openWorld, released, TranscodingSink } from '../../test/support/doors.ts';
import { fuzzDecoders } from './decoders.fuzz.ts';
import { fuzzDoors } from './doors.fuzz.ts';

/** More: node tools/run.mjs tools/fuzz-doors.ts --requests 1000000 */
const REQUESTS = 2_000;

test('every damaged request is answered in time with a status of OTLP, and all memory is given back', async () => {
  const world = await openWorld({}, new TranscodingSink());
  const { httpPort, grpcPort, sink } = world;
  const report = await fuzzDoors({ httpPort, grpcPort, requests: REQUESTS, seed: 1, lanes: 16 });
  expect(report.wrong).toEqual([]);
  expect(world.reports).toEqual([]);
  const answers = Object.values(report.answers).reduce((sum, count) => sum + count, 0);
  expect(answers + report.brokenOff).toBe(REQUESTS);
  for (const usual of ['http 200', 'http 400', 'http 415', 'grpc 0', 'grpc 3', 'grpc 12']) {
    expect(report.answers[usual], usual).toBeGreaterThan(0);
  }
  await released(sink);
  await world.close();
  // Sockets tell of their end a moment after their server does.
  await vi.waitFor(() => expect(world.doors.counters().connections).toBe(0));
});

test('decompressors and decoders take damaged bytes or refuse them, and nothing else', async () => {
  const report = await fuzzDecoders(REQUESTS * 2, 1);
  expect(report.wrong).toEqual([]);
  expect(report.outcomes['taken']).toBeGreaterThan(REQUESTS / 20);
  expect(report.outcomes['refused: WireError']).toBeGreaterThan(REQUESTS / 10);
});
