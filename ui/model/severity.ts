/** Severities of log records, in order of weight, as the API counts them. */
export const SEVERITIES = ['unset', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const SEVERITY_COLOUR: Readonly<Record<Severity, string>> = {
  unset: 'var(--line-strong)',
  trace: 'var(--line-strong)',
  debug: 'var(--mute-fill)',
  info: 'var(--s0)',
  warn: 'var(--amber-fill)',
  error: 'var(--red-fill)',
  fatal: 'var(--s6)',
};

/** Severity of an OTLP severity number: 1–4 trace, 5–8 debug, 9–12 info, 13–16 warn, 17–20 error, 21–24 fatal. */
export function severityOf(severityNumber: number): Severity {
  if (severityNumber < 1 || severityNumber > 24) return 'unset';
  return SEVERITIES[1 + Math.floor((severityNumber - 1) / 4)];
}
