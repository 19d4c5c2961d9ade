import { JAVASCRIPT } from './client-run.ts';
import { describeSdk } from './sdk-suite.ts';

describeSdk({
  language: 'JavaScript',
  protocols: ['grpc', 'http/protobuf', 'http/json'],
  prepare: () => Promise.resolve(JAVASCRIPT),
});
