import { skipTest } from './client-run.ts';
import { describeSdk } from './sdk-suite.ts';
import { SDKS, whyNot } from './toolchains.ts';

for (const sdk of SDKS) {
  const reason = whyNot(sdk);
  if (reason === undefined) describeSdk(sdk);
  else skipTest(`what the SDK for ${sdk.language} sends is stored`, reason);
}
