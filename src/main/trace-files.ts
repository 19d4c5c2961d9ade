import { errorText, readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { jaegerSpans } from './trace-file-jaeger.ts';
import { otlpJsonSpans } from './trace-file-otlp.ts';
import { protobufSpans } from './trace-file-protobuf.ts';

/** A span of a file, whatever the file's format. */
export interface FileSpan {
  /** 32 and 16 lower-case hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** '' for a root. */
  readonly parentSpanId: string;
  /** OTLP's number. */
  readonly kind: number;
  readonly service: string;
  readonly operation: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly failed: boolean;
  /** Of the span; values as text, lists and maps as JSON. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Attributes of the resource that sent it, alike. */
  readonly resource: ReadonlyMap<string, string>;
}

/**
 * Reads the spans of files: OTLP/JSON (one request, or one in each line as the Collector's file exporter writes it), OTLP protobuf (one
 * request), Jaeger JSON (as its API and UI download it). The content tells the format. Throws with the name of the file that it cannot read.
 */
export async function readTraceFiles(paths: readonly string[]): Promise<FileSpan[]> {
  const spans: FileSpan[] = [];
  for (const path of paths) {
    try {
      if ((await nodeDisk.size(path)) === undefined) throw new Error('there is no such file');
      for (const span of spansOf(await readWhole(nodeDisk, path))) spans.push(span);
    } catch (error) {
      throw new Error(`${path}: ${errorText(error)}`);
    }
  }
  return spans;
}

function spansOf(bytes: Uint8Array): FileSpan[] {
  const isJson = /^\s*[{[]/.test(Buffer.from(bytes.subarray(0, 64)).toString());
  if (!isJson) return protobufSpans(bytes);
  const text = Buffer.from(bytes).toString();
  return documentsOf(text).flatMap((document) => {
    if ('resourceSpans' in document) return otlpJsonSpans(document);
    if ('data' in document || 'spans' in document) return jaegerSpans(document);
    throw new Error('is JSON, but neither OTLP (resourceSpans) nor Jaeger (data, spans)');
  });
}

/** The whole text as one document or, where that fails, each line as one. */
function documentsOf(text: string): object[] {
  try {
    const whole = JSON.parse(text) as unknown;
    return (Array.isArray(whole) ? whole : [whole]).filter(isObject);
  } catch (error) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length < 2) throw error;
    return lines.map((line) => JSON.parse(line) as unknown).filter(isObject);
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
