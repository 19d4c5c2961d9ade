import { kernelCode } from '../host/kernel-code.ts';
import { SpanKernel } from '../transcode/kernel.ts';
import { freeze, SegmentColumns, transcode } from '../transcode/transcode.ts';
import type { SegmentBuilder } from './segment-builder.ts';

/** One serves all segments of the process: it keeps nothing between requests. */
let kernel: SpanKernel | undefined;

function sharedKernel(): SpanKernel | undefined {
  const code = kernel === undefined ? kernelCode() : undefined;
  if (code !== undefined) kernel = new SpanKernel(code);
  return kernel;
}

/** The rows of one segment in ClickHouse's columns: the real builder. */
export function otlpBuilder(): SegmentBuilder {
  const columns = new SegmentColumns(sharedKernel());
  return {
    get items() {
      return columns.items;
    },
    get sizeBytes() {
      return columns.sizeBytes;
    },
    get sharedBytes() {
      return columns.sharedBytes;
    },
    get repeatedBytes() {
      return columns.repeatedBytes;
    },
    transcode: (signal, body, baggage, receivedUnixNano) => transcode(columns, signal, body, baggage, receivedUnixNano),
    freeze: (groupBytes) => freeze(columns, groupBytes),
    reset: () => columns.reset(),
  };
}
