/**
 * What a door answers to one export request. One value for both transports; `answer codes` of wire maps it to HTTP and gRPC
 * (OTLP specification, "OTLP/gRPC Response" and "OTLP/HTTP Response").
 */
export type Outcome =
  /** Stored durably. `rejected` items were invalid (partial success); `message` says why, empty when all is well. */
  | { readonly kind: 'success'; readonly rejected: number; readonly message: string }
  /** Cannot be decoded, now or ever: 400 / INVALID_ARGUMENT. */
  | { readonly kind: 'invalid'; readonly message: string }
  /** Over a size limit: 413 / RESOURCE_EXHAUSTED without RetryInfo. */
  | { readonly kind: 'tooLarge'; readonly message: string }
  /** Journal, disk or memory limit reached: 503 + Retry-After / UNAVAILABLE + RetryInfo. */
  | { readonly kind: 'overloaded'; readonly message: string; readonly retryAfterMs: number }
  /** Compression or media type that is not supported: 415 / UNIMPLEMENTED. */
  | { readonly kind: 'unsupported'; readonly message: string }
  /** Missing or wrong credentials: 401 / UNAUTHENTICATED. */
  | { readonly kind: 'unauthenticated'; readonly message: string }
  /** The client's own deadline passed, or it took too long to send: 408 / DEADLINE_EXCEEDED. */
  | { readonly kind: 'deadline'; readonly message: string }
  /** A batch of another Clew whose first part was taken in before, up to `mark`: 409 / FAILED_PRECONDITION. */
  | { readonly kind: 'overlap'; readonly message: string; readonly mark: string }
  /** Our own failure: 500 / INTERNAL. */
  | { readonly kind: 'internal'; readonly message: string };

/** Every answer but success. */
export type Refused = Exclude<Outcome, { readonly kind: 'success' }>;
