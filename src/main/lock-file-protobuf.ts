import type { OtlpKeyValue } from '../query/api.ts';
import { Cursor } from '../wire/protobuf.ts';
import { eachField, hex, readKeyValue, text, unsigned } from './protobuf-fields.ts';

/** Control characters below the tab stand in no text, and in every request with a time. */
const TEXT_LEAST = 9;
const HEAD_BYTES = 4096;

/** True for what may be an ExportLogsServiceRequest (or LogsData) in protobuf, and is no text. */
export function isProtobufLogs(bytes: Uint8Array): boolean {
  return bytes[0] === RESOURCE_LOGS_TAG && bytes.subarray(0, HEAD_BYTES).some((byte) => byte < TEXT_LEAST);
}

/** Field 1, length-delimited. */
const RESOURCE_LOGS_TAG = 0x0a;

/** The same as a document of OTLP/JSON, with what lock events are made from. */
export function protobufLogs(bytes: Uint8Array): object {
  const resourceLogs: object[] = [];
  const cursor = new Cursor(bytes);
  eachField(cursor, bytes.length, (field, end) => {
    if (field === 1) resourceLogs.push(readResourceLogs(cursor, end));
  });
  return { resourceLogs };
}

function readResourceLogs(cursor: Cursor, end: number): object {
  const attributes: OtlpKeyValue[] = [];
  const logRecords: object[] = [];
  eachField(cursor, end, (field, inner) => {
    eachField(cursor, inner, (innerField, innerEnd) => {
      if (field === 1 && innerField === 1) attributes.push(keyValue(cursor, innerEnd));
      else if (field === 2 && innerField === 2) logRecords.push(readRecord(cursor, innerEnd));
    });
  });
  return { resource: { attributes }, scopeLogs: [{ logRecords }] };
}

function readRecord(cursor: Cursor, end: number): object {
  const record = { timeUnixNano: '0', eventName: '', traceId: '', attributes: [] as OtlpKeyValue[] };
  eachField(cursor, end, (field, inner) => {
    if (field === 1) record.timeUnixNano = unsigned(cursor).toString();
    else if (field === 6) record.attributes.push(keyValue(cursor, inner));
    else if (field === 9) record.traceId = hex(cursor, inner);
    else if (field === 12) record.eventName = text(cursor, inner);
  });
  return record;
}

function keyValue(cursor: Cursor, end: number): OtlpKeyValue {
  const [key, stringValue] = readKeyValue(cursor, end);
  return { key, value: { stringValue } };
}
