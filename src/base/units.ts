/** Sizes and durations as people write them: `64MiB`, `1.5 s`, `250ms`. */

const BYTE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1e3,
  m: 60e3,
  min: 60e3,
  h: 3600e3,
  d: 86400e3,
};

/** Bytes of `64MiB`, `10GB`, `4096`; undefined when the text is no size or no whole number of bytes. Units are case-insensitive. */
export function parseBytes(text: string): number | undefined {
  return parseQuantity(text, BYTE_UNITS);
}

/** Milliseconds of `250ms`, `2s`, `1.5m`, `2h`, `7d`; a bare number is milliseconds. Undefined when the text is no duration. */
export function parseDurationMs(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS_MS);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  if (match === null) return undefined;
  const unit = units[(match[2] ?? '').toLowerCase()];
  if (unit === undefined) return undefined;
  const value = Math.round(Number(match[1]) * unit * 1e6) / 1e6;
  return Number.isSafeInteger(value) ? value : undefined;
}

const BINARY_STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `64 MiB`, `1.5 GiB`, `812 B`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (value >= 1024 && step < BINARY_STEPS.length - 1) {
    value /= 1024;
    step++;
  }
  return `${Number(value.toFixed(value < 10 ? 2 : 1))} ${BINARY_STEPS[step]}`;
}

/** `250 ms`, `10 s`, `2 min`, `1.5 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1e3) return `${Math.round(ms)} ms`;
  if (ms < 120e3) return `${Number((ms / 1e3).toFixed(1))} s`;
  if (ms < 7200e3) return `${Number((ms / 60e3).toFixed(1))} min`;
  return `${Number((ms / 3600e3).toFixed(1))} h`;
}
