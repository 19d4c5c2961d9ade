import { LIMITS } from '../base/limits.ts';
import { formatBytes } from '../base/units.ts';
import { allowedText, showValue } from './setting-values.ts';
import { flagOf, SETTING_ROWS, type Setting, variableOf } from './settings.ts';

/** What is made from the settings table: the JSON Schema for editors, the flags of `clew --help`, docs/configuration.md. */

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** JSON Schema (2020-12) of clew.yaml. Sections are nested objects; nothing unknown is allowed. */
export function jsonSchema(): Json {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Clew configuration (clew.yaml)',
    ...section('', SETTING_ROWS),
  };
}

function section(prefix: string, settings: readonly Setting[]): { readonly [key: string]: Json } {
  const names = [...new Set(settings.map((setting) => setting.key.slice(prefix.length).split('.')[0] ?? ''))];
  const properties = names.map((name): [string, Json] => {
    const exact = settings.find((setting) => setting.key === prefix + name);
    if (exact !== undefined) return [name, schemaOf(exact)];
    const below = `${prefix}${name}.`;
    const children = settings.filter((setting) => setting.key.startsWith(below));
    return [name, section(below, children)];
  });
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) };
}

function schemaOf(setting: Setting): Json {
  const described = {
    description: `${setting.description} Allowed: ${allowedText(setting)}.`,
    default: setting.default,
  };
  const forms = formsOf(setting);
  if (setting.optional) forms.push({ enum: ['none', null] });
  return forms.length === 1 ? { ...described, ...forms[0] } : { ...described, anyOf: forms };
}

function formsOf(setting: Setting): { readonly [key: string]: Json }[] {
  const { min, max } = setting;
  const range = { ...(min === undefined ? {} : { minimum: min }), ...(max === undefined ? {} : { maximum: max }) };
  switch (setting.kind) {
    case 'list':
      return [{ type: 'array', items: { type: 'string' } }, { type: 'string' }];
    case 'choice':
      return [{ enum: setting.choices ?? [] }];
    case 'port':
      return [{ type: 'integer', minimum: 0, maximum: 65_535 }];
    case 'count':
    case 'days':
      return [{ type: 'integer', ...range }];
    case 'bytes':
      return [
        { type: 'integer', ...range },
        { type: 'string', pattern: '^[0-9.]+ *([KMGTkmgt]i?)?[Bb]?$' },
      ];
    case 'duration':
      return [
        { type: 'integer', ...range },
        { type: 'string', pattern: '^[0-9.]+ *(ms|s|m|min|h|d)?$' },
      ];
    default:
      return [{ type: 'string' }];
  }
}

/** docs/configuration.md. */
export function referencePage(): string {
  const lines = [
    '# Configuration',
    '',
    '<!-- Made from src/main/settings.ts by `node tools/reference.mjs --docs`; a test checks that it is up to date. -->',
    '',
    'Clew runs without configuration. What you want otherwise stands in `clew.yaml` in the working directory (or the file that `--config` or',
    '`CLEW_CONFIG` names), in the environment, or in flags; the later wins. `clew check` reads it all, says what is wrong with key, value and',
    'line, and shows what is in force and where each value comes from. `clew.schema.json` in the package lets an editor check the file as you type:',
    '',
    '```yaml',
    '# yaml-language-server: $schema=node_modules/clew/clew.schema.json',
    'host: 0.0.0.0',
    'tls:',
    '  cert: /etc/clew/cert.pem',
    '  key: /etc/clew/key.pem',
    'auth:',
    '  tokensFile: /etc/clew/tokens',
    'retention:',
    '  traces: { days: 14, bytes: 200GiB }',
    '```',
    '',
    'Sizes take `KiB MiB GiB TiB` (powers of 1024) and `KB MB GB TB`; durations take `ms s m h d`; a bare number is bytes or milliseconds.',
    'An empty environment variable counts as absent.',
    '',
    '| key | default | allowed | what it is |',
    '|---|---|---|---|',
    ...SETTING_ROWS.map(referenceRow),
    '',
    'A flag is the key in lower case with hyphens, a variable in upper case with underscores and `CLEW_` before it:',
    '`tls.clientCa` is `--tls-client-ca` and `CLEW_TLS_CLIENT_CA`.',
    '',
    '## Limits that are fixed',
    '',
    'Each stands with its consequence in `src/base/limits.ts`. Those that operators ask for:',
    '',
    '| limit | value |',
    '|---|---|',
    `| a segment is sealed when its journal has | ${formatBytes(LIMITS.segmentBytesMax)} or ${LIMITS.segmentItemsMax} items, or is ${LIMITS.segmentAgeMsMax} ms old |`,
    `| free space that the journal leaves on its disk | ${formatBytes(LIMITS.diskFreeBytesMin)} |`,
    `| memory of the embedded ClickHouse | ${formatBytes(LIMITS.storeMemoryBytesMax)} |`,
    `| one query of the API | ${LIMITS.queryTimeMsMax / 1000} s, ${formatBytes(LIMITS.queryMemoryBytesMax)} |`,
    `| headers of one request | ${formatBytes(LIMITS.headerBytesMax)} |`,
    '',
  ];
  return lines.join('\n');
}

function referenceRow(setting: Setting): string {
  const cells = [`\`${setting.key}\``, `\`${defaultText(setting)}\``, allowedText(setting), setting.description];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultText(setting: Setting): string {
  return showValue({ ...setting, secret: undefined } as unknown as Setting, setting.default);
}

/** The lines of `clew --help` about flags. */
export function flagsHelp(): string {
  const width = Math.max(...SETTING_ROWS.map((setting) => flagOf(setting.key).length)) + 2;
  return SETTING_ROWS.map(
    (setting) =>
      `  ${flagOf(setting.key).padEnd(width)}${setting.description}\n  ${' '.repeat(width)}[${variableOf(setting.key)}, default ${defaultText(setting)}]`,
  ).join('\n');
}
