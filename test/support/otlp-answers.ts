import protobuf from 'protobufjs';

/** Reads the answers of OTLP with a generic decoder: the Export responses, and google.rpc.Status with its details. */
const PROTO = `
syntax = "proto3";
message Response { Partial partial_success = 1; }
message Partial { int64 rejected = 1; string error_message = 2; }
message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
message Any { string type_url = 1; bytes value = 2; }
message RetryInfo { Duration retry_delay = 1; }
message Duration { int64 seconds = 1; int32 nanos = 2; }
message BadRequest { repeated Violation field_violations = 1; }
message Violation { string field = 1; string description = 2; }
`;
const { root } = protobuf.parse(PROTO);

const read = (type: string, bytes: Uint8Array): Record<string, unknown> => {
  const found = root.lookupType(type);
  return found.toObject(found.decode(bytes), { longs: Number });
};

/** `{}` is full success. */
export interface ExportAnswer {
  readonly partialSuccess?: { readonly rejected?: number; readonly errorMessage?: string };
}

export const readExportResponse = (bytes: Uint8Array): ExportAnswer => read('Response', bytes) as ExportAnswer;

export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  /** Undefined without a RetryInfo. */
  readonly retryDelayMs: number | undefined;
  /** Undefined without a BadRequest. */
  readonly violations: readonly string[] | undefined;
}

/** Throws when it is no google.rpc.Status. */
export function readStatus(bytes: Uint8Array): RpcStatus {
  const status = read('Status', bytes) as {
    code?: number;
    message?: string;
    details?: { typeUrl: string; value: Uint8Array }[];
  };
  let retryDelayMs: number | undefined;
  let violations: string[] | undefined;
  for (const { typeUrl, value } of status.details ?? []) {
    if (typeUrl.endsWith('/google.rpc.RetryInfo')) {
      const { retryDelay } = read('RetryInfo', value) as { retryDelay?: { seconds?: number; nanos?: number } };
      retryDelayMs = (retryDelay?.seconds ?? 0) * 1000 + (retryDelay?.nanos ?? 0) / 1e6;
    } else if (typeUrl.endsWith('/google.rpc.BadRequest')) {
      const { fieldViolations = [] } = read('BadRequest', value) as { fieldViolations?: { description: string }[] };
      violations = fieldViolations.map(({ description }) => description);
    } else throw new Error(`unknown detail ${typeUrl}`);
  }
  return { code: status.code ?? 0, message: status.message ?? '', retryDelayMs, violations };
}

/** The same of its JSON form. */
export function readStatusJson(text: string): RpcStatus {
  const status = JSON.parse(text) as { code: number; message: string; details?: Record<string, unknown>[] };
  const detail = (name: string) =>
    status.details?.find((each) => String(each['@type']).endsWith(`/google.rpc.${name}`));
  const delay = detail('RetryInfo')?.['retryDelay'] as string | undefined;
  const bad = detail('BadRequest')?.['fieldViolations'] as { description: string }[] | undefined;
  return {
    code: status.code,
    message: status.message,
    retryDelayMs: delay === undefined ? undefined : Number.parseFloat(delay) * 1000,
    violations: bad?.map(({ description }) => description),
  };
}
