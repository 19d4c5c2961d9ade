import path from 'node:path';
import { describeSdk } from './sdk-suite.ts';

const program = { command: [process.execPath, path.join(process.cwd(), 'test/clients/javascript/send.mjs')] };

describeSdk({
  language: 'JavaScript',
  protocols: ['grpc', 'http/protobuf', 'http/json'],
  prepare: () => Promise.resolve(program),
});
