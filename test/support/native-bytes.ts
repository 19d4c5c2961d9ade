import type { FrozenTable } from '../../src/transcode/transcode.ts';

/** The whole content of a Native file. Its chunks are valid one at a time, so they are copied as they come. */
export function nativeBytes({ chunks }: FrozenTable): Buffer {
  const copies: Buffer[] = [];
  for (const chunk of chunks) copies.push(Buffer.from(chunk));
  return Buffer.concat(copies);
}
