import { unreachable } from '../base/assert.ts';
import { formatBytes, formatDuration, parseBytes, parseDurationMs } from '../base/units.ts';
import type { Setting } from './settings.ts';

export type SettingValue = string | number | readonly string[] | null;

/** A value read for a setting, or undefined when it is not one of the allowed ones (`allowedText` says which are). */
export function readValue(setting: Setting, raw: unknown): { readonly value: SettingValue } | undefined {
  if (raw === null || raw === 'none') return setting.optional ? { value: null } : undefined;
  if (setting.kind === 'list') return readList(raw);
  if (typeof raw !== 'string' && typeof raw !== 'number') return undefined;
  const text = String(raw).trim();
  switch (setting.kind) {
    case 'text':
    case 'path':
      return text === '' ? undefined : { value: text };
    case 'choice':
      return setting.choices?.includes(text) ? { value: text } : undefined;
    case 'port':
      return inRange(readInteger(text), 0, 65_535);
    case 'count':
    case 'days':
      return inRange(readInteger(text), setting.min, setting.max);
    case 'bytes':
      return inRange(parseBytes(text), setting.min, setting.max);
    case 'duration':
      return inRange(parseDurationMs(text), setting.min, setting.max);
    default:
      return unreachable(setting.kind);
  }
}

function readInteger(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function readList(raw: unknown): { readonly value: readonly string[] } | undefined {
  const items = typeof raw === 'string' ? raw.split(',') : raw;
  if (!Array.isArray(items) || !items.every((item) => typeof item === 'string' || typeof item === 'number')) {
    return undefined;
  }
  return { value: items.map((item) => String(item).trim()).filter((item) => item !== '') };
}

/** The lines `name: value` of a setting as headers, names in lower case. */
export function readHeaders(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

function inRange(value: number | undefined, min = 0, max = Number.MAX_SAFE_INTEGER) {
  return value !== undefined && value >= min && value <= max ? { value } : undefined;
}

/** What a setting may be, in words: `a port from 0 to 65535, or none`. */
export function allowedText(setting: Setting): string {
  return setting.optional ? `${kindText(setting)}, or none` : kindText(setting);
}

function kindText(setting: Setting): string {
  switch (setting.kind) {
    case 'text':
      return 'a text';
    case 'path':
      return 'a path';
    case 'list':
      return 'a list of texts (in the environment and in flags separated by commas)';
    case 'choice':
      return `one of ${setting.choices?.join(', ')}`;
    case 'port':
      return 'a port from 0 to 65535';
    case 'count':
      return `a whole number ${rangeText(setting, String)}`;
    case 'days':
      return `a whole number of days ${rangeText(setting, String)}`;
    case 'bytes':
      return `a size such as 512MiB ${rangeText(setting, formatBytes)}`;
    case 'duration':
      return `a duration such as 500ms or 10s ${rangeText(setting, formatDuration)}`;
    default:
      return unreachable(setting.kind);
  }
}

function rangeText(setting: Setting, format: (value: number) => string): string {
  const { min, max } = setting;
  if (max === undefined) return `of at least ${format(min ?? 0)}`;
  return `from ${format(min ?? 0)} to ${format(max)}`;
}

/** A value as the Status page and `clew check` show it. Secrets are not shown. */
export function showValue(setting: Setting, value: SettingValue): string {
  if (value === null) return 'none';
  if (typeof value === 'object') {
    if (setting.secret) return value.length === 0 ? '[]' : `${value.length} hidden`;
    return `[${value.join(', ')}]`;
  }
  if (setting.secret) return 'hidden';
  if (setting.kind === 'bytes' && typeof value === 'number') return formatBytes(value);
  if (setting.kind === 'duration' && typeof value === 'number') return formatDuration(value);
  return String(value);
}
