/** The three OTLP signals that Clew stores. Baggage travels with each of them. */
export type Signal = 'traces' | 'metrics' | 'logs';

export const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs'];

/** What one item of each signal is called in counters and answers (`rejected_spans`, …). */
export const ITEM_NAME: Readonly<Record<Signal, string>> = {
  traces: 'spans',
  metrics: 'data_points',
  logs: 'log_records',
};
