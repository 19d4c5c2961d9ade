import { errorText, readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import type { Settings } from './settings.ts';

/** Secrets that the configuration holds or points to. */
export interface Secrets {
  readonly tokens: readonly string[];
  readonly storePassword: string | null;
}

/** Reads the files that auth.tokensFile and store.passwordFile name. Rejects with the key and the reason. */
export async function readSecrets(settings: Settings): Promise<Secrets> {
  const fromFile = await linesOf('auth.tokensFile', settings['auth.tokensFile']);
  const [password] = await linesOf('store.passwordFile', settings['store.passwordFile']);
  return {
    tokens: [...settings['auth.tokens'], ...fromFile],
    storePassword: password ?? settings['store.password'],
  };
}

async function linesOf(key: string, path: string | null): Promise<string[]> {
  if (path === null) return [];
  try {
    if ((await nodeDisk.size(path)) === undefined) throw new Error('no such file');
    const text = Buffer.from(await readWhole(nodeDisk, path)).toString('utf8');
    const lines = text.split('\n').map((line) => line.trim());
    const kept = lines.filter((line) => line !== '' && !line.startsWith('#'));
    if (kept.length === 0) throw new Error('it holds no line');
    return kept;
  } catch (error) {
    throw new Error(`${key}: ${path} cannot be used: ${errorText(error)}`);
  }
}
