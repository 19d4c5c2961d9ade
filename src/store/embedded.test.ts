import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openEmbedded } from './embedded.ts';
import { engineContract } from './engine.contract.ts';

engineContract('embedded', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-embedded-'));
  const engine = await openEmbedded({ path: path.join(directory, 'store') });
  return {
    engine,
    async close() {
      await engine.close();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
});
