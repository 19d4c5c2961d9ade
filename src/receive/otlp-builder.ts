import { freeze, SegmentColumns, transcode } from '../transcode/transcode.ts';
import type { SegmentBuilder } from './segment-builder.ts';

/** The rows of one segment in ClickHouse's columns: the real builder. */
export function otlpBuilder(): SegmentBuilder {
  const columns = new SegmentColumns();
  return {
    get items() {
      return columns.items;
    },
    get sizeBytes() {
      return columns.sizeBytes;
    },
    transcode: (signal, body, baggage, receivedUnixNano) => transcode(columns, signal, body, baggage, receivedUnixNano),
    freeze: () => freeze(columns),
    reset: () => columns.reset(),
  };
}
