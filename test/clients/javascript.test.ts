import path from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { expectAllStored, type Pair, startPair, titleOf, transports } from './client-run.ts';

const PROGRAM = { command: [process.execPath, path.join(process.cwd(), 'test/clients/javascript/send.mjs')] };

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
});
afterAll(() => pair?.close());

describe.concurrent('what the JavaScript SDK sends is stored', () => {
  for (const transport of transports(['grpc', 'http/protobuf', 'http/json'])) {
    test(titleOf(transport), () => expectAllStored(pair, PROGRAM, 'javascript', transport));
  }
});
