/** The tests that every SDK program (README.md) has to pass. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  expectAllStored,
  type Pair,
  type Program,
  type Protocol,
  startPair,
  titleOf,
  transports,
} from './client-run.ts';

export interface Sdk {
  readonly language: string;
  readonly protocols: readonly Protocol[];
  /** Makes its program ready to run. */
  prepare(): Promise<Program>;
}

const PREPARE_MS_MAX = 10 * 60_000;
const TEST_MS_MAX = 90_000;

/** Sends over every transport that the SDK has. */
export function describeSdk(sdk: Sdk): void {
  describe(`what the SDK for ${sdk.language} sends is stored`, () => {
    let pair: Pair;
    let program: Program;
    beforeAll(async () => {
      program = await sdk.prepare();
      pair = await startPair();
    }, PREPARE_MS_MAX);
    afterAll(() => pair?.close());

    const bytesOf = new Map<string, number>();
    describe.concurrent('all of it', () => {
      for (const transport of transports(sdk.protocols)) {
        test(titleOf(transport), { timeout: TEST_MS_MAX }, async () => {
          bytesOf.set(titleOf(transport), await expectAllStored(pair, program, sdk.language, transport));
        });
      }
    });

    test('gzip makes it less than half as long on the wire', () => expectGzipHalves(bytesOf, sdk.protocols));
  });
}

/** What was sent with gzip, by title of the transport, must be less than half of the same without. */
export function expectGzipHalves(bytesOf: ReadonlyMap<string, number>, protocols: readonly Protocol[]): void {
  for (const transport of transports(protocols)) {
    if (transport.compression === 'none') continue;
    const plain = bytesOf.get(titleOf({ ...transport, compression: 'none' })) ?? 0;
    expect(bytesOf.get(titleOf(transport)), titleOf(transport)).toBeLessThan(plain / 2);
  }
}
