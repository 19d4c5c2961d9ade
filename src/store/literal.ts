import type { QueryOptions } from './engine.ts';

/** Values as SQL text, for the few places where ClickHouse takes no parameter: SET statements, file names, table names. */

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\0': '\\0',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

type Parameter = NonNullable<QueryOptions['params']>[string];

/** A string literal: quoted, with everything that could end it or be cut by a C string escaped. */
export function literal(text: string): string {
  return `'${escapeText(text).replaceAll("'", "\\'")}'`;
}

/** A name in backquotes: a table, column, database or partition. */
export function identifier(name: string): string {
  return `\`${escapeText(name).replaceAll('`', '\\`')}\``;
}

/** The text that ClickHouse reads as the value of a `{name:Type}` parameter: a string escaped as in TSV, an array of literals. */
export function parameterText(value: Parameter): string {
  if (typeof value === 'string') return escapeText(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return `[${value.map(literal).join(',')}]`;
}

const ESCAPED = /[\\\0\b\f\n\r\t]/g;

function escapeText(text: string): string {
  return text.replace(ESCAPED, (character) => ESCAPES[character]);
}
