import type { OtlpAnyValue, OtlpKeyValue } from '../../src/query/api.ts';

/** A value of an attribute as text, with the name of its OTLP type. */
export interface TypedText {
  readonly type: 'string' | 'bool' | 'int' | 'double' | 'bytes' | 'array' | 'kvlist' | 'empty';
  readonly text: string;
}

export function typedText(value: OtlpAnyValue | undefined): TypedText {
  if (value === undefined) return { type: 'empty', text: '' };
  if (value.stringValue !== undefined) return { type: 'string', text: value.stringValue };
  if (value.boolValue !== undefined) return { type: 'bool', text: String(value.boolValue) };
  if (value.intValue !== undefined) return { type: 'int', text: String(value.intValue) };
  if (value.doubleValue !== undefined) return { type: 'double', text: String(value.doubleValue) };
  if (value.bytesValue !== undefined) return { type: 'bytes', text: value.bytesValue };
  if (value.arrayValue !== undefined) return { type: 'array', text: JSON.stringify(plain(value)) };
  if (value.kvlistValue !== undefined) return { type: 'kvlist', text: JSON.stringify(plain(value)) };
  return { type: 'empty', text: '' };
}

/** The value as plain JSON. Its nesting is limited at the door (LIMITS.nestingDepthMax), so recursion is bounded. */
function plain(value: OtlpAnyValue | undefined): unknown {
  if (value?.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plain);
  if (value?.kvlistValue !== undefined) {
    return Object.fromEntries((value.kvlistValue.values ?? []).map((item) => [item.key, plain(item.value)]));
  }
  if (value?.boolValue !== undefined) return value.boolValue;
  if (value?.doubleValue !== undefined) return value.doubleValue;
  return value === undefined ? null : typedText(value).text;
}

/** Text of the attribute with this key, or undefined. */
export function attributeText(attributes: readonly OtlpKeyValue[] | undefined, key: string): string | undefined {
  const found = attributes?.find((attribute) => attribute.key === key);
  return found === undefined ? undefined : typedText(found.value).text;
}
