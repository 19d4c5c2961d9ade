import fs from 'node:fs';

/** Where the build puts the kernel, seen from dist/host, from src/host, and from the folder of the tools' own build. */
const PLACES = ['../kernel/spans.wasm', '../../dist/kernel/spans.wasm', '../../../dist/kernel/spans.wasm'];

/** The code of the span kernel; undefined when it has not been built. */
export function kernelCode(): Uint8Array<ArrayBuffer> | undefined {
  for (const place of PLACES) {
    const file = new URL(place, import.meta.url);
    if (fs.existsSync(file)) return new Uint8Array(fs.readFileSync(file));
  }
  return undefined;
}
