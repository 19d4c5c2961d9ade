import type { QueryOptions } from './engine.ts';

/** Values as SQL text: parameters of the embedded engine, and the few places where ClickHouse takes none (SET statements, file names, table names). */

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

/** The value of a `{name:Type}` parameter, still to be made that type. */
export function parameterLiteral(value: Parameter): string {
  return typeof value === 'object' ? `[${value.map(literal).join(',')}]` : literal(String(value));
}

const ESCAPED = /[\\\0\b\f\n\r\t]/g;

function escapeText(text: string): string {
  return text.replace(ESCAPED, (character) => ESCAPES[character]);
}
