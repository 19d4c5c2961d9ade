import { assert } from '../base/assert.ts';

/** A value of TLA+, of the kinds that the specifications use. Functions on 1..n are tuples. */
export type Value =
  | number
  | string
  | boolean
  | { readonly kind: 'set' | 'tuple'; readonly items: readonly Value[] }
  | { readonly kind: 'record'; readonly fields: readonly (readonly [name: string, value: Value])[] };

/** The values of all variables in one state. */
export type State = ReadonlyMap<string, Value>;

const TOKEN = /\s*(<<|>>|\|->|[{}[\],]|"[^"]*"|-?\d+|\w+)/y;

/** Reads a value as the checker writes it. */
export function parseValue(text: string): Value {
  TOKEN.lastIndex = 0;
  const take = (): string => {
    const [, token] = TOKEN.exec(text) ?? [];
    assert(token !== undefined, `the checker wrote a value that cannot be read: ${text}`);
    return token;
  };
  const items = (end: string, item: (first: string) => void): void => {
    let token = take();
    while (token !== end) {
      item(token);
      token = take();
      if (token === ',') token = take();
    }
  };
  const read = (token: string): Value => {
    if (token === '{' || token === '<<') {
      const found: Value[] = [];
      items(token === '{' ? '}' : '>>', (first) => found.push(read(first)));
      return { kind: token === '{' ? 'set' : 'tuple', items: found };
    }
    if (token === '[') {
      const fields: [string, Value][] = [];
      items(']', (name) => {
        take();
        fields.push([name, read(take())]);
      });
      return { kind: 'record', fields };
    }
    if (token.startsWith('"')) return token.slice(1, -1);
    if (/^(true|false)$/i.test(token)) return token.toLowerCase() === 'true';
    return Number(token);
  };
  return read(take());
}

/** A value in TLA+. */
function printValue(value: Value): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `"${value}"`;
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (value.kind === 'record') {
    return `[${value.fields.map(([name, field]) => `${name} |-> ${printValue(field)}`).join(', ')}]`;
  }
  const items = value.items.map(printValue).join(', ');
  return value.kind === 'set' ? `{${items}}` : `<<${items}>>`;
}

/** A state as a formula. */
export function printState(state: State): string {
  return [...state].map(([name, value]) => `${name} = ${printValue(value)}`).join(' /\\ ');
}

/** A state as `explore_next` of the checker reads it. */
export function stateJson(state: State): string {
  const json = (value: Value): unknown => {
    if (typeof value !== 'object') return value;
    if (value.kind === 'set') return value.items.map(json);
    if (value.kind === 'record') return Object.fromEntries(value.fields.map(([name, field]) => [name, json(field)]));
    return { __tuple: value.items.map(json) };
  };
  return JSON.stringify(Object.fromEntries([...state].map(([name, value]) => [name, json(value)])));
}
