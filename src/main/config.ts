import { ENVIRONMENT_PREFIX } from '../base/names.ts';
import { nearest } from '../base/nearest.ts';
import { parseRoutes, routesProblem } from '../send/rules/routes.ts';
import { parseRules } from '../send/rules/rules.ts';
import { parseTailRules } from '../send/tail/tail-rules.ts';
import { targetsIn } from '../send/target.ts';
import { type Problem, readConfigFile } from './config-file.ts';
import { allowedText, readValue, type SettingValue, showValue } from './setting-values.ts';
import { flagOf, SETTING_ROWS, type Setting, type SettingKey, type Settings, variableOf } from './settings.ts';

/** Where configuration comes from. Later ones win: default, file, environment, flag. */
export interface ConfigSources {
  /** Values of flags by setting key, as typed. */
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: { readonly name: string; readonly text: string } | null;
  /** The default of that setting, which depends on the machine. */
  readonly receivers: number;
}

export interface Config {
  readonly settings: Settings;
  /** Where each value comes from: `default`, `clew.yaml:3`, `CLEW_DATA`, `--data`. */
  readonly origins: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
  /** What is allowed but probably not meant. */
  readonly warnings: readonly string[];
}

/** Reads, merges and checks the whole configuration. `settings` may only be used when there are no problems. */
export function loadConfig(sources: ConfigSources): Config {
  const problems: Problem[] = [];
  const values = new Map<string, SettingValue>();
  const origins = new Map<string, string>();
  for (const setting of SETTING_ROWS) {
    values.set(setting.key, setting.default);
    origins.set(setting.key, 'default');
  }
  const take = (setting: Setting, raw: unknown, place: string): void => {
    const read = readValue(setting, raw);
    if (read === undefined) {
      problems.push({ place, key: setting.key, message: `${shown(setting, raw)} is not ${allowedText(setting)}` });
      return;
    }
    values.set(setting.key, read.value);
    origins.set(setting.key, place);
  };
  if (sources.file !== null) {
    const { name, text } = sources.file;
    const read = readConfigFile(name, text);
    problems.push(...read.problems);
    for (const entry of read.entries) take(settingOf(entry.key), entry.raw, `${name}:${entry.line}`);
  }
  for (const setting of SETTING_ROWS) {
    const raw = sources.environment[variableOf(setting.key)];
    // An empty variable counts as absent, as shells and compose files make them.
    if (raw !== undefined && raw !== '') take(setting, raw, variableOf(setting.key));
  }
  for (const [key, raw] of sources.flags) take(settingOf(key), raw, flagOf(key));
  if (values.get('receivers') === null) values.set('receivers', sources.receivers);
  const settings = Object.fromEntries(values) as unknown as Settings;
  if (problems.length === 0) problems.push(...relationProblems(settings, origins));
  return { settings, origins, problems, warnings: warningsOf(settings, sources.environment) };
}

function settingOf(key: string): Setting {
  const found = SETTING_ROWS.find((setting) => setting.key === key);
  if (found === undefined) throw new Error(`broken invariant: ${key} is a setting`);
  return found;
}

function shown(setting: Setting, raw: unknown): string {
  return setting.secret ? 'the value' : JSON.stringify(raw);
}

/** What no single value can tell. */
function relationProblems(settings: Settings, origins: ReadonlyMap<string, string>): Problem[] {
  const problems: Problem[] = [];
  const report = (key: SettingKey, message: string): void => {
    problems.push({ place: origins.get(key) ?? '', key, message });
  };
  if ((settings['tls.cert'] === null) !== (settings['tls.key'] === null)) {
    report(settings['tls.cert'] === null ? 'tls.key' : 'tls.cert', 'tls.cert and tls.key must be set together');
  }
  if (settings['tls.clientCa'] !== null && settings['tls.cert'] === null) {
    report('tls.clientCa', 'needs tls.cert and tls.key');
  }
  if (settings['limits.inflightBytesMax'] < settings['limits.requestBytesMax']) {
    report('limits.inflightBytesMax', 'must be at least limits.requestBytesMax, or no large request could be taken');
  }
  if (settings['store.password'] !== null && settings['store.passwordFile'] !== null) {
    report('store.passwordFile', 'and store.password cannot both be set');
  }
  const rules = parseRules(settings.rules);
  if ('problem' in rules) report('rules', rules.problem);
  const kept = parseTailRules(settings['sample.keep']);
  if ('problem' in kept) report('sample.keep', kept.problem);
  const routes = parseRoutes(settings.routes);
  const routeProblem = 'problem' in routes ? routes.problem : routesProblem(routes, settings.forward);
  if (routeProblem !== undefined) report('routes', routeProblem);
  for (const entry of settings.forward) {
    const targets = targetsIn(entry);
    if ('problem' in targets) {
      report('forward', targets.problem);
      continue;
    }
    for (const { url } of targets.filter((target) => /^grpcs?:/.test(target.url))) {
      if (settings['send.compression'] === 'lz4')
        report('send.compression', `lz4 has no name in gRPC, and ${url} is gRPC; use another, or http://`);
      if (settings['send.encoding'] === 'json')
        report('send.encoding', `json is for HTTP, and ${url} is gRPC; use http:// or https://`);
    }
  }
  if ((settings['send.tls.cert'] === null) !== (settings['send.tls.key'] === null)) {
    report('send.tls.cert', 'and send.tls.key must be set together');
  }
  for (const key of ['send.headers', 'alerts.headers'] as const) {
    if (!settings[key].every((header) => HEADER_LINE.test(header))) report(key, 'must be lines of `name: value`');
  }
  if (!settings['alerts.webhooks'].every(isWebAddress)) {
    report('alerts.webhooks', 'must be addresses that begin with http:// or https://');
  }
  const taken = new Map<number, string>();
  for (const key of ['grpc.port', 'http.port', 'api.port'] as const) {
    const port = settings[key];
    if (port === null || port === 0) continue;
    const other = taken.get(port);
    if (other !== undefined) report(key, `${port} is also ${other}; each needs its own port`);
    taken.set(port, key);
  }
  if (settings['grpc.port'] === null && settings['http.port'] === null) {
    report('http.port', 'at least one of grpc.port and http.port must be open');
  }
  return problems;
}

/** A name as HTTP allows it, and a value without line ends. */
const HEADER_LINE = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+:[^\r\n]*$/;

function isWebAddress(text: string): boolean {
  const isWeb = /^https?:\/\//.test(text);
  return isWeb && URL.canParse(text);
}

function warningsOf(settings: Settings, environment: Readonly<Record<string, string | undefined>>): string[] {
  const warnings: string[] = [];
  const known = [...SETTING_ROWS.map((setting) => variableOf(setting.key)), `${ENVIRONMENT_PREFIX}CONFIG`];
  for (const name of Object.keys(environment)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || known.includes(name)) continue;
    const meant = nearest(name, known);
    if (meant !== undefined) warnings.push(`the environment variable ${name} is not known; did you mean ${meant}?`);
  }
  const guarded = settings['auth.tokens'].length > 0 || settings['auth.tokensFile'] !== null;
  if (!isLoopback(settings.host) && !guarded && settings['tls.clientCa'] === null) {
    warnings.push(
      `host ${settings.host} is open to the network without auth.tokens or tls.clientCa: anyone can send and read`,
    );
  }
  return warnings;
}

/** True for addresses that only this machine can reach. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** The configuration in force, for the Status page and `clew check`. */
export function showSettings(config: Config): { key: string; value: string; source: string }[] {
  return SETTING_ROWS.map((setting) => ({
    key: setting.key,
    value: showValue(setting, config.settings[setting.key as SettingKey]),
    source: config.origins.get(setting.key) ?? 'default',
  }));
}
