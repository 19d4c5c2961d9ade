import { createHash } from 'node:crypto';

/** One rule, as a person wrote it, and how often it had an effect since the process started. */
export interface AttributeRule {
  readonly text: string;
  applied: number;
  readonly action: Action;
}

type Action =
  | { readonly kind: 'drop'; readonly key: KeyPattern }
  | { readonly kind: 'hash'; readonly key: KeyPattern }
  | { readonly kind: 'rename'; readonly key: KeyPattern; readonly to: string }
  | { readonly kind: 'redact'; readonly key: KeyPattern; readonly pattern: RegExp }
  /** To resources that do not have it. */
  | { readonly kind: 'add'; readonly name: string; readonly value: string };

/** A whole key, or with `*` at its end every key that begins so. */
interface KeyPattern {
  readonly text: string;
  readonly isPrefix: boolean;
}

export interface RuleSet {
  readonly rules: readonly AttributeRule[];
  /** Part of the traces that is kept, 0 to 1; chosen by trace id, so that every Clew chooses the same traces. */
  readonly keptTraces: number;
  /** Spans without valid ids are left out. */
  readonly dropsInvalid?: true;
  /** Asked for each span in order: whether it is kept. */
  readonly keepsSpan?: () => boolean;
}

const USAGE =
  'write drop KEY, hash KEY, rename KEY NEW, redact KEY PATTERN, add KEY=VALUE or sample 10% (KEY may end in *)';

/** The rules in lines, or what is wrong with the first wrong one. Rules apply in their order. */
export function parseRules(lines: readonly string[]): RuleSet | { readonly problem: string } {
  const rules: AttributeRule[] = [];
  let keptTraces = 1;
  for (const line of lines) {
    const sampled = /^sample\s+(\d+(?:\.\d+)?)%$/.exec(line.trim())?.[1];
    if (sampled !== undefined && Number(sampled) <= 100) {
      keptTraces = Number(sampled) / 100;
      continue;
    }
    const action = actionOf(line.trim());
    if ('problem' in action) return { problem: `${JSON.stringify(line)}: ${action.problem}` };
    rules.push({ text: line.trim(), applied: 0, action });
  }
  return { rules, keptTraces };
}

function actionOf(line: string): Action | { readonly problem: string } {
  const [, kind = '', rest = ''] = /^(\w+)\s+(.+)$/.exec(line) ?? [];
  const [key = '', ...others] = rest.split(/\s+/);
  switch (kind) {
    case 'drop':
    case 'hash':
      return others.length === 0 && key !== '' ? { kind, key: patternOf(key) } : { problem: USAGE };
    case 'rename': {
      const [to = ''] = others;
      if (others.length !== 1 || key.endsWith('*')) return { problem: USAGE };
      return { kind, key: patternOf(key), to };
    }
    case 'redact':
      return redactOf(key, rest.slice(key.length).trim());
    case 'add': {
      const equals = rest.indexOf('=');
      if (equals < 1) return { problem: USAGE };
      return { kind, name: rest.slice(0, equals).trim(), value: rest.slice(equals + 1).trim() };
    }
    default:
      return { problem: USAGE };
  }
}

function redactOf(key: string, source: string): Action | { readonly problem: string } {
  if (source === '') return { problem: USAGE };
  try {
    return { kind: 'redact', key: patternOf(key), pattern: new RegExp(source, 'gu') };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

const patternOf = (text: string): KeyPattern =>
  text.endsWith('*') ? { text: text.slice(0, -1), isPrefix: true } : { text, isPrefix: false };

const matches = (pattern: KeyPattern, key: string): boolean =>
  pattern.isPrefix ? key.startsWith(pattern.text) : key === pattern.text;

/** An attribute on its way through the rules. `text` is undefined for values that are no text. */
export interface Attribute {
  readonly key: string;
  readonly text: string | undefined;
  /** The value's bytes, for what must not depend on its type. */
  readonly bytes: Uint8Array;
}

/** What the rules make of an attribute: nothing at all, the same object when none applies, or another. */
export function applyTo(rules: readonly AttributeRule[], attribute: Attribute): Attribute | undefined {
  let result = attribute;
  for (const rule of rules) {
    const { action } = rule;
    if (action.kind === 'add' || !matches(action.key, result.key)) continue;
    const next = changed(action, result);
    if (next === result) continue;
    rule.applied++;
    if (next === undefined) return undefined;
    result = next;
  }
  return result;
}

const REDACTED = '****';

function changed(action: Exclude<Action, { readonly kind: 'add' }>, attribute: Attribute): Attribute | undefined {
  switch (action.kind) {
    case 'drop':
      return undefined;
    case 'rename':
      return { ...attribute, key: action.to };
    case 'hash':
      return { ...attribute, text: createHash('sha256').update(attribute.bytes).digest('hex').slice(0, 32) };
    case 'redact': {
      if (attribute.text === undefined) return attribute;
      const text = attribute.text.replaceAll(action.pattern, REDACTED);
      return text === attribute.text ? attribute : { ...attribute, text };
    }
  }
}

/** What the rules add to a resource whose keys are given. */
export function addedTo(rules: readonly AttributeRule[], keys: ReadonlySet<string>): [name: string, value: string][] {
  const added: [string, string][] = [];
  for (const rule of rules) {
    const { action } = rule;
    if (action.kind !== 'add' || keys.has(action.name)) continue;
    rule.applied++;
    added.push([action.name, action.value]);
  }
  return added;
}
