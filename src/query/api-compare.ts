/**
 * GET /api/v1/traces/compare?(filters of traces)&selectedStart=&selectedEnd=&selectedMinDuration=&selectedMaxDuration=&limit= → how the found
 * traces that begin and last as selected differ from the other found ones: fields and attributes, the one that differs most first.
 */
export interface TraceComparison {
  readonly selected: number;
  readonly rest: number;
  /** Older traces match that were not looked at. */
  readonly truncated: boolean;
  readonly items: readonly ComparedField[];
}

export interface ComparedField {
  /** `service`, `operation`, `status`, `kind`, or an attribute key of spans or resources. */
  readonly field: string;
  readonly attribute: boolean;
  /** The greatest difference of its values' shares, from 0 to 1. */
  readonly difference: number;
  /** Traces that have a span with the value, most different first. */
  readonly values: readonly { readonly value: string; readonly selected: number; readonly rest: number }[];
}
