import fs from 'node:fs';
import { expect, test } from 'vitest';
import { helpText } from './help.ts';
import { flagsHelp, jsonSchema, referencePage } from './reference.ts';
import { flagOf, SETTING_ROWS } from './settings.ts';

test('docs/configuration.md is what the settings table says (node tools/reference.mjs --docs writes it)', () => {
  expect(fs.readFileSync('docs/configuration.md', 'utf8')).toBe(referencePage());
});

test('the JSON Schema knows every key at its place and nothing else', () => {
  const keys: string[] = [];
  const visit = (node: unknown, prefix: string): void => {
    const { properties, additionalProperties } = node as { properties?: object; additionalProperties?: boolean };
    if (properties === undefined) {
      keys.push(prefix.slice(0, -1));
      return;
    }
    expect(additionalProperties).toBe(false);
    for (const [name, child] of Object.entries(properties)) visit(child, `${prefix}${name}.`);
  };
  visit(jsonSchema(), '');
  expect(keys.sort()).toEqual(SETTING_ROWS.map((setting) => setting.key).sort());
});

test('the help names every flag, and each command has help of its own', () => {
  for (const setting of SETTING_ROWS) expect(flagsHelp()).toContain(flagOf(setting.key));
  expect(helpText('backup')).toMatch(/^usage: clew backup/);
  expect(helpText(undefined)).toContain('--grpc-port');
});
