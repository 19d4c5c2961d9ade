import { parseDurationMs } from '../../base/units.ts';

/** One reason to keep a trace, as a person wrote it, and how many traces it has kept since the process started. */
export interface TailRule {
  readonly text: string;
  kept: number;
  readonly reason: Reason;
}

type Reason =
  | { readonly kind: 'errors' }
  | { readonly kind: 'slower'; readonly nanos: number }
  /** An attribute of a span or of its resource; `value` undefined: whatever it is. */
  | { readonly kind: 'attribute'; readonly key: string; readonly value: string | undefined }
  /** A part of the traces that nothing else keeps, chosen by trace id. */
  | { readonly kind: 'share'; readonly share: number };

export interface TailRules {
  /** In the order of their lines, the share last. The first that fits a trace is counted. */
  readonly rules: readonly TailRule[];
  readonly share: TailRule | undefined;
}

/** More make every span slow to look at. Over it: the configuration is refused. */
const RULES_MAX = 64;
const USAGE = 'write errors, slower 2s, KEY, KEY=VALUE or 10%';

/** The rules in lines, or what is wrong with the first wrong one. */
export function parseTailRules(lines: readonly string[]): TailRules | { readonly problem: string } {
  if (lines.length > RULES_MAX) return { problem: `there are ${lines.length} rules, the limit is ${RULES_MAX}` };
  const rules: TailRule[] = [];
  let share: TailRule | undefined;
  for (const line of lines) {
    const text = line.trim();
    const reason = reasonOf(text);
    if (reason === undefined) return { problem: `${JSON.stringify(line)}: ${USAGE}` };
    const rule = { text: `keep ${text}`, kept: 0, reason };
    if (reason.kind !== 'share') rules.push(rule);
    else if (share !== undefined)
      return { problem: `${JSON.stringify(line)}: there is a share already, ${share.text}` };
    else share = rule;
  }
  return { rules, share };
}

function reasonOf(rest: string): Reason | undefined {
  if (rest === '' || rest === 'slower') return undefined;
  if (rest === 'errors') return { kind: 'errors' };
  const share = /^(\d+(?:\.\d+)?)%$/.exec(rest)?.[1];
  if (share !== undefined) return Number(share) <= 100 ? { kind: 'share', share: Number(share) / 100 } : undefined;
  const slower = /^slower\s+(\S+)$/.exec(rest)?.[1];
  if (slower !== undefined) {
    const ms = parseDurationMs(slower);
    return ms === undefined ? undefined : { kind: 'slower', nanos: ms * 1e6 };
  }
  const equals = rest.indexOf('=');
  if (equals < 0) return /\s/.test(rest) ? undefined : { kind: 'attribute', key: rest, value: undefined };
  const key = rest.slice(0, equals).trim();
  return key === '' || /\s/.test(key) ? undefined : { kind: 'attribute', key, value: rest.slice(equals + 1).trim() };
}
