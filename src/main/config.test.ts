import { expect, test } from 'vitest';
import { type Config, loadConfig, showSettings } from './config.ts';
import { flagOf, SETTING_ROWS, variableOf } from './settings.ts';

interface Given {
  readonly yaml?: string;
  readonly environment?: Record<string, string>;
  readonly flags?: Record<string, string>;
}

function load({ yaml, environment = {}, flags = {} }: Given): Config {
  const file = yaml === undefined ? null : { name: 'clew.yaml', text: yaml };
  return loadConfig({ flags: new Map(Object.entries(flags)), environment, file, receivers: 3 });
}

const problemsOf = (given: Given): string[] =>
  load(given).problems.map((problem) => `${problem.place} ${problem.key}: ${problem.message}`);

test('without any configuration the defaults are in force, with as many receivers as suit the machine', () => {
  const { settings, problems, warnings } = load({});
  expect(problems).toEqual([]);
  expect(warnings).toEqual([]);
  expect(settings).toMatchObject({
    'grpc.port': 4317,
    'http.port': 4318,
    'api.port': 4319,
    receivers: 3,
    host: '127.0.0.1',
  });
});

test('flags win over the environment, the environment over the file, and each value knows where it is from', () => {
  const config = load({
    yaml: 'grpc:\n  port: 1001\nhttp:\n  port: 1002\napi:\n  port: 1003\n',
    environment: { CLEW_HTTP_PORT: '2002', CLEW_API_PORT: '2003' },
    flags: { 'api.port': '3003' },
  });
  const shown = showSettings(config).filter(({ key }) => key.endsWith('.port'));
  expect(shown).toEqual([
    { key: 'grpc.port', value: '1001', source: 'clew.yaml:2' },
    { key: 'http.port', value: '2002', source: 'CLEW_HTTP_PORT' },
    { key: 'api.port', value: '3003', source: '--api-port' },
  ]);
});

test('sizes, durations and lists are read with their units', () => {
  const { settings, problems } = load({
    yaml: 'journal: { bytesMax: 1GiB }\nshutdown: { timeout: 2s }\ncors:\n  origins: [https://a.example, https://b.example]\n',
    environment: { CLEW_AUTH_TOKENS: 'one, two' },
  });
  expect(problems).toEqual([]);
  expect(settings).toMatchObject({
    'journal.bytesMax': 1024 ** 3,
    'shutdown.timeout': 2000,
    'cors.origins': ['https://a.example', 'https://b.example'],
    'auth.tokens': ['one', 'two'],
  });
});

test('an unknown key is refused with its line and the nearest known one', () => {
  expect(problemsOf({ yaml: 'data: ./d\n\nretention:\n  trace:\n    days: 3\n' })).toEqual([
    'clew.yaml:4 retention.trace: is not a configuration key (clew --help lists them)',
  ]);
  expect(problemsOf({ yaml: 'recievers: 2\n' })).toEqual([
    'clew.yaml:1 recievers: is not a configuration key; did you mean receivers?',
  ]);
});

test('a wrong value is refused with key, value, place and what is allowed', () => {
  expect(problemsOf({ yaml: 'grpc:\n  port: 70000\n' })).toEqual([
    'clew.yaml:2 grpc.port: 70000 is not a port from 0 to 65535, or none',
  ]);
  expect(problemsOf({ environment: { CLEW_LOG_LEVEL: 'loud' } })).toEqual([
    'CLEW_LOG_LEVEL log.level: "loud" is not one of debug, info, warn, error',
  ]);
  expect(problemsOf({ flags: { 'journal.bytesMax': '12 parsecs' } })).toEqual([
    '--journal-bytes-max journal.bytesMax: "12 parsecs" is not a size such as 512MiB of at least 40 MiB',
  ]);
  expect(problemsOf({ yaml: 'data: [a, b]\n' })).toEqual(['clew.yaml:1 data: ["a","b"] is not a path']);
  expect(problemsOf({ yaml: 'data:\n  dir: x\n' })).toEqual(['clew.yaml:1 data: {"dir":"x"} is not a path']);
});

test('all problems are reported at once, and secrets are not repeated', () => {
  const problems = problemsOf({ yaml: 'receivers: 0\nhost: {}\nstore:\n  password: [hunter2]\n' });
  expect(problems).toHaveLength(3);
  expect(problems.join()).not.toContain('hunter2');
});

test('a broken file is refused with its line', () => {
  expect(problemsOf({ yaml: 'data: x\n  host: y\n' })[0]).toMatch(/^clew\.yaml:\d /);
  expect(problemsOf({ yaml: '- a\n- b\n' })).toEqual(['clew.yaml:1 : the file must hold keys and values']);
  expect(problemsOf({ yaml: 'data: a\ndata: b\n' })[0]).toMatch(/^clew\.yaml:2 .*unique/i);
  expect(problemsOf({ yaml: 'grpc: 4317\n' })).toEqual(['clew.yaml:1 grpc: is a section; its keys are port']);
});

test('an empty file, an empty section and an empty variable say nothing', () => {
  expect(problemsOf({ yaml: '' })).toEqual([]);
  expect(problemsOf({ yaml: '# nothing yet\ngrpc:\n', environment: { CLEW_DATA: '' } })).toEqual([]);
});

test('what only several values together can tell is checked', () => {
  expect(problemsOf({ flags: { 'tls.cert': 'a.pem' } })).toEqual([
    '--tls-cert tls.cert: tls.cert and tls.key must be set together',
  ]);
  expect(problemsOf({ flags: { 'tls.clientCa': 'a.pem' } })).toEqual([
    '--tls-client-ca tls.clientCa: needs tls.cert and tls.key',
  ]);
  expect(problemsOf({ yaml: 'http:\n  port: 4317\n' })).toEqual([
    'clew.yaml:2 http.port: 4317 is also grpc.port; each needs its own port',
  ]);
  expect(problemsOf({ flags: { 'grpc.port': 'none', 'http.port': 'none' } })).toHaveLength(1);
  expect(problemsOf({ flags: { 'grpc.port': '0', 'http.port': '0', 'api.port': '0' } })).toEqual([]);
});

test('what is probably not meant is warned of', () => {
  expect(load({ environment: { CLEW_GRPC_PROT: '1' } }).warnings).toEqual([
    'the environment variable CLEW_GRPC_PROT is not known; did you mean CLEW_GRPC_PORT?',
  ]);
  expect(load({ flags: { host: '0.0.0.0' } }).warnings[0]).toMatch(/open to the network/);
  expect(load({ flags: { host: '0.0.0.0', 'auth.tokens': 'x' } }).warnings).toEqual([]);
});

test('secrets are shown as hidden', () => {
  const shown = showSettings(load({ flags: { 'auth.tokens': 'a,b', 'store.password': 'hunter2' } }));
  expect(JSON.stringify(shown)).not.toContain('hunter2');
  expect(shown.find(({ key }) => key === 'auth.tokens')?.value).toBe('2 hidden');
});

test('every key has a flag and a variable of its own', () => {
  expect(flagOf('limits.requestBytesMax')).toBe('--limits-request-bytes-max');
  expect(variableOf('tls.clientCa')).toBe('CLEW_TLS_CLIENT_CA');
  expect(new Set(SETTING_ROWS.map((setting) => flagOf(setting.key))).size).toBe(SETTING_ROWS.length);
});

test('every default is a value that its own setting allows', () => {
  for (const setting of SETTING_ROWS) {
    if (setting.default === null || Array.isArray(setting.default)) continue;
    expect(problemsOf({ flags: { [setting.key]: String(setting.default) } }), setting.key).toEqual([]);
  }
});
