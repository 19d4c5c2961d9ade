import type { FrozenTable } from '../../src/transcode/transcode.ts';

/** The whole content of a Native file. Its groups are valid one at a time, so they are copied as they come. */
export function nativeBytes({ groups }: FrozenTable): Buffer {
  const copies: Buffer[] = [];
  for (const group of groups) copies.push(Buffer.concat(group));
  return Buffer.concat(copies);
}
