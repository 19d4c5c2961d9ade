import { expect, test } from 'vitest';
import { readArguments } from './arguments.ts';

const messageOf = (...words: string[]): string => {
  const read = readArguments(words);
  return read.kind === 'wrong' ? read.message : `understood as ${read.command}`;
};

test('without a word it is clew all', () => {
  expect(readArguments([])).toEqual({
    kind: 'command',
    command: 'all',
    operands: [],
    configFile: null,
    flags: new Map(),
  });
});

test('flags are read with a space or an equals sign, before or after the command', () => {
  const read = readArguments(['--grpc-port', '0', 'check', '--tls-client-ca=ca.pem', '-c', 'other.yaml']);
  expect(read).toEqual({
    kind: 'command',
    command: 'check',
    operands: [],
    configFile: 'other.yaml',
    flags: new Map([
      ['grpc.port', '0'],
      ['tls.clientCa', 'ca.pem'],
    ]),
  });
});

test('a wrong flag or command is refused with the nearest', () => {
  expect(messageOf('--grcp-port', '1')).toBe(
    '--grcp-port is not a flag; did you mean --grpc-port? (clew --help lists them)',
  );
  expect(messageOf('bakcup', 'x')).toBe(
    '"bakcup" is not a command; did you mean backup? (all, edge, regional, central, dead, top, check, backup, restore, version, help, graph, cycles, order, critical-path, deadlocks, pools)',
  );
  expect(messageOf('--qqqq')).toBe('--qqqq is not a flag (clew --help lists them)');
});

test('a flag without its value, a command without its operand or with too many are refused', () => {
  expect(messageOf('--data')).toBe('--data needs a value');
  expect(messageOf('--data', '--host', 'x')).toBe('--data needs a value');
  expect(messageOf('backup')).toBe('clew backup needs DIRECTORY');
  expect(messageOf('check', 'this')).toBe('clew check does not take "this"');
});

test('--help and --version win over everything else', () => {
  expect(readArguments(['backup', '--help'])).toMatchObject({ command: 'help', operands: ['backup'] });
  expect(readArguments(['-h'])).toMatchObject({ command: 'help', operands: [] });
  expect(readArguments(['--version'])).toMatchObject({ command: 'version' });
});
