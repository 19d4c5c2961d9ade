import { parseArgs } from 'node:util';
import { nearest } from '../base/nearest.ts';
import { flagOf, SETTING_ROWS } from './settings.ts';

const COMMANDS = [
  'all',
  'edge',
  'regional',
  'central',
  'dead',
  'top',
  'check',
  'backup',
  'restore',
  'version',
  'help',
] as const;
export type Command = (typeof COMMANDS)[number];

/** Commands that read their own words: they have flags, but no settings. */
export const OWN_WORDS = ['graph', 'cycles', 'order', 'critical-path', 'deadlocks', 'pools'] as const;
export type OwnWords = (typeof OWN_WORDS)[number];

/** A command line as Clew understands it, or what is wrong with it. */
export type Arguments =
  | {
      readonly kind: 'command';
      readonly command: Command;
      /** What follows the command: the directory of backup and restore, the command that help is about. */
      readonly operands: readonly string[];
      readonly configFile: string | null;
      /** Values of setting flags by setting key. */
      readonly flags: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'wrong'; readonly message: string };

const OPERANDS: Readonly<Record<Command, { readonly min: number; readonly max: number; readonly name: string }>> = {
  all: { min: 0, max: 0, name: '' },
  edge: { min: 0, max: 0, name: '' },
  regional: { min: 0, max: 0, name: '' },
  central: { min: 0, max: 0, name: '' },
  dead: { min: 0, max: 10_000, name: 'list' },
  top: { min: 0, max: 0, name: '' },
  check: { min: 0, max: 0, name: '' },
  backup: { min: 1, max: 1, name: 'DIRECTORY' },
  restore: { min: 1, max: 1, name: 'DIRECTORY' },
  version: { min: 0, max: 0, name: '' },
  help: { min: 0, max: 1, name: 'COMMAND' },
};

const KEY_OF_FLAG = new Map(SETTING_ROWS.map((setting) => [flagOf(setting.key).slice(2), setting.key]));

/** Reads the words after `clew`. */
export function readArguments(words: readonly string[]): Arguments {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {
    config: { type: 'string', short: 'c' },
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'v' },
  };
  for (const flag of KEY_OF_FLAG.keys()) options[flag] = { type: 'string' };
  const { tokens } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true });
  const positionals: string[] = [];
  const flags = new Map<string, string>();
  let configFile: string | null = null;
  let wanted: 'help' | 'version' | null = null;
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const key = KEY_OF_FLAG.get(token.name);
    if (token.name === 'help' || token.name === 'version') {
      wanted ??= token.name;
    } else if (token.name !== 'config' && key === undefined) {
      return wrong(unknownFlagText(token.rawName));
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))) {
      // The next flag is not a value; one that begins with hyphens is given with an equals sign.
      return wrong(`${token.rawName} needs a value`);
    } else if (key === undefined) {
      configFile = token.value;
    } else {
      flags.set(key, token.value);
    }
  }
  const [first = 'all', ...operands] = positionals;
  const command = COMMANDS.find((known) => known === first);
  if (command === undefined) return wrong(unknownCommandText(first));
  if (wanted === 'help')
    return { kind: 'command', command: 'help', operands: positionals.slice(0, 1), configFile, flags };
  if (wanted === 'version') return { kind: 'command', command: 'version', operands: [], configFile, flags };
  const { min, max, name } = OPERANDS[command];
  if (operands.length < min) return wrong(`clew ${command} needs ${name}`);
  if (operands.length > max) return wrong(`clew ${command} does not take ${JSON.stringify(operands[max])}`);
  return { kind: 'command', command, operands, configFile, flags };
}

function wrong(message: string): Arguments {
  return { kind: 'wrong', message };
}

function unknownFlagText(flag: string): string {
  const known = [...KEY_OF_FLAG.keys(), 'config', 'help', 'version'];
  const meant = nearest(flag.replace(/^-+/, ''), known);
  return `${flag} is not a flag${meant === undefined ? '' : `; did you mean --${meant}?`} (clew --help lists them)`;
}

function unknownCommandText(word: string): string {
  const known = [...COMMANDS, ...OWN_WORDS];
  const meant = nearest(word, known);
  return `${JSON.stringify(word)} is not a command${meant === undefined ? '' : `; did you mean ${meant}?`} (${known.join(', ')})`;
}
