import type { Settings } from './settings.ts';

export type Level = Settings['log.level'];
export type Fields = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** Structured log lines: what happened in plain words, and its facts. One line each. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export interface LogOptions {
  readonly level: Level;
  readonly format: 'json' | 'pretty';
  /** Which process speaks: `supervisor`, `receiver 0`, `store`. */
  readonly process: string;
  readonly now: () => Date;
  readonly write: (line: string) => void;
}

const SEVERITY: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const COLOUR: Readonly<Record<Level, string>> = { debug: '2', info: '36', warn: '33', error: '31' };

export function createLog(options: LogOptions): Log {
  const at =
    (level: Level) =>
    (message: string, fields: Fields = {}): void => {
      if (SEVERITY[level] < SEVERITY[options.level]) return;
      options.write(
        options.format === 'json'
          ? jsonLine(options, level, message, fields)
          : prettyLine(options, level, message, fields),
      );
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function jsonLine(options: LogOptions, level: Level, message: string, fields: Fields): string {
  return `${JSON.stringify({ time: options.now().toISOString(), level, process: options.process, message, ...fields })}\n`;
}

function prettyLine(options: LogOptions, level: Level, message: string, fields: Fields): string {
  const time = options.now().toISOString().slice(11, 23);
  const facts = Object.entries(fields)
    .map(([name, value]) => ` \x1b[2m${name}=\x1b[0m${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('');
  const text = message.replaceAll(/\s*\n\s*/g, ' ');
  return `\x1b[2m${time}\x1b[0m \x1b[${COLOUR[level]}m${level.padEnd(5)}\x1b[0m ${options.process.padEnd(10)} ${text}${facts}\n`;
}
