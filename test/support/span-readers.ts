import { kernelCode } from '../../src/host/kernel-code.ts';
import { SpanKernel } from '../../src/transcode/kernel.ts';
import { SegmentColumns } from '../../src/transcode/transcode.ts';

/** The kernel as `npm run build` made it. */
export function builtKernel(): SpanKernel {
  const code = kernelCode();
  if (code === undefined) throw new Error('dist/kernel/spans.wasm is not there: npm run build');
  return new SpanKernel(code);
}

export type NewColumns = (requestBytesMax?: number) => SegmentColumns;

/** The two that read spans, which must not differ: TypeScript alone, and the kernel before it. */
export const SPAN_READERS: readonly (readonly [string, NewColumns])[] = [
  ['TypeScript', (max) => new SegmentColumns(undefined, max)],
  ['the kernel', (max) => new SegmentColumns(builtKernel(), max)],
];
