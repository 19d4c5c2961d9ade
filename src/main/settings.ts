import { LIMITS } from '../base/limits.ts';
import { ENVIRONMENT_PREFIX, PORTS } from '../base/names.ts';

/**
 * Every configuration key of Clew: one table, from which are made the reading and checking of clew.yaml, of the environment and of the
 * flags, the JSON Schema, `clew --help` and docs/configuration.md. A default of null is written `none`: the thing is off.
 */
export interface Setting {
  readonly key: string;
  readonly kind: SettingKind;
  readonly default: string | number | readonly string[] | null;
  readonly description: string;
  /** Least and greatest value of a number. */
  readonly min?: number;
  readonly max?: number;
  /** The values of a choice. */
  readonly choices?: readonly string[];
  /** May be `none`. */
  readonly optional?: true;
  /** Never shown. */
  readonly secret?: true;
}

export type SettingKind = 'text' | 'path' | 'list' | 'choice' | 'port' | 'count' | 'bytes' | 'duration' | 'days';

const MIB = 1024 * 1024;

const SETTINGS = [
  {
    key: 'name',
    kind: 'text',
    default: null,
    optional: true,
    description: 'What this Clew is called where a fleet is shown. none: the name of the machine.',
  },
  {
    key: 'data',
    kind: 'path',
    default: './clew-data',
    description: 'Directory of everything that is kept: journal and store. One running Clew a directory.',
  },
  {
    key: 'host',
    kind: 'text',
    default: '127.0.0.1',
    description:
      'Address that the doors and the API listen on. 0.0.0.0 or :: for every network; then also set tls and auth.',
  },
  {
    key: 'receivers',
    kind: 'count',
    default: null,
    optional: true,
    min: 1,
    max: 64,
    description:
      'Receiver processes. none: two for each five cores (edge and regional: one for each core but one), at least one.',
  },
  {
    key: 'grpc.port',
    kind: 'port',
    default: PORTS.grpc,
    optional: true,
    description: 'Port of OTLP/gRPC. 0: chosen by the system. none: no such door.',
  },
  {
    key: 'http.port',
    kind: 'port',
    default: PORTS.http,
    optional: true,
    description: 'Port of OTLP/HTTP (protobuf and JSON). 0: chosen by the system. none: no such door.',
  },
  {
    key: 'api.port',
    kind: 'port',
    default: PORTS.api,
    description: 'Port of the HTTP API and the web UI. 0: chosen by the system.',
  },
  {
    key: 'tls.cert',
    kind: 'path',
    default: null,
    optional: true,
    description:
      'Certificate chain (PEM) of all ports. With tls.key it turns TLS on. Read again when the file changes.',
  },
  { key: 'tls.key', kind: 'path', default: null, optional: true, description: 'Private key (PEM) of tls.cert.' },
  {
    key: 'tls.clientCa',
    kind: 'path',
    default: null,
    optional: true,
    description:
      'Certificates (PEM) of the authorities whose client certificates are accepted; clients must show one (mutual TLS).',
  },
  {
    key: 'tls.minVersion',
    kind: 'choice',
    default: 'TLSv1.2',
    choices: ['TLSv1.2', 'TLSv1.3'],
    description: 'Oldest version of TLS that is spoken.',
  },
  {
    key: 'auth.tokens',
    kind: 'list',
    default: [],
    secret: true,
    description:
      'Bearer tokens, any of which opens the doors and the API (`authorization: Bearer …`). Empty: none is asked for.',
  },
  {
    key: 'auth.tokensFile',
    kind: 'path',
    default: null,
    optional: true,
    description: 'File with further tokens, one a line.',
  },
  {
    key: 'cors.origins',
    kind: 'list',
    default: [],
    description:
      'Web origins whose pages may send OTLP/HTTP from a browser, for example https://shop.example; * for all.',
  },
  {
    key: 'store.url',
    kind: 'text',
    default: null,
    optional: true,
    description:
      'HTTP address of a ClickHouse server, for example http://127.0.0.1:8123. none: the embedded ClickHouse.',
  },
  { key: 'store.database', kind: 'text', default: 'default', description: 'Database on the ClickHouse server.' },
  { key: 'store.user', kind: 'text', default: 'default', description: 'User on the ClickHouse server.' },
  {
    key: 'store.password',
    kind: 'text',
    default: null,
    optional: true,
    secret: true,
    description: 'Password on the ClickHouse server.',
  },
  {
    key: 'store.passwordFile',
    kind: 'path',
    default: null,
    optional: true,
    description: 'File whose first line is the password on the ClickHouse server.',
  },
  {
    key: 'forward',
    kind: 'list',
    default: [],
    description:
      'Where `clew edge` and `clew regional` forward to: http://, https://, grpc:// or grpcs:// and host:port. Each entry gets everything; a|b are targets of one entry, one of which gets a batch, a||b are used in this order, a*3|b by weight.',
  },
  {
    key: 'rules',
    kind: 'list',
    default: [],
    description:
      'What is done to requests before they are forwarded: drop KEY, hash KEY, rename KEY NEW, redact KEY PATTERN, add KEY=VALUE, sample 10%.',
  },
  {
    key: 'routes',
    kind: 'list',
    default: [],
    description:
      'Which entry of forward gets which resources: KEY=VALUE DESTINATION, or default DESTINATION. The first that fits counts; an entry that no line names gets everything.',
  },
  {
    key: 'sample.keep',
    kind: 'list',
    default: [],
    description:
      'Which traces are forwarded, decided when their spans are there (tail sampling): errors, slower 2s, KEY, KEY=VALUE, and 10% of the rest. Empty: all.',
  },
  {
    key: 'sample.wait',
    kind: 'duration',
    default: LIMITS.sampleWaitMs,
    min: 0,
    max: LIMITS.sampleWaitMsMax,
    description: 'How long spans of a trace are waited for after its first. They wait in the journal, on disk.',
  },
  {
    key: 'sample.tracesMax',
    kind: 'count',
    default: LIMITS.sampleTracesMax,
    min: 1_000,
    max: 10_000_000,
    description:
      'Traces that are waited for and remembered for late spans, about 100 bytes of memory each. Over it the oldest are decided on early.',
  },
  {
    key: 'send.compression',
    kind: 'choice',
    default: 'gzip',
    optional: true,
    choices: ['gzip', 'deflate', 'zstd', 'snappy', 'lz4', 'auto'],
    description:
      'How forwarded requests are packed. none: not at all. auto: zstd for a Clew that says that it unpacks it, gzip for others. lz4 is for HTTP between Clews only.',
  },
  {
    key: 'send.encoding',
    kind: 'choice',
    default: 'protobuf',
    choices: ['protobuf', 'json'],
    description:
      'How requests are written that are forwarded over HTTP. json is OTLP/JSON, for receivers that want it.',
  },
  {
    key: 'send.balancer',
    kind: 'choice',
    default: 'consistent-hash',
    choices: ['consistent-hash', 'round-robin', 'least-connections', 'weighted-round-robin'],
    description:
      'Which target of a destination (a|b|c in forward) takes the next batch. consistent-hash keeps a stream with its target while that is well.',
  },
  {
    key: 'send.failover',
    kind: 'choice',
    default: 'known',
    choices: ['known', 'always'],
    description:
      'A batch that a target has not answered stays with it (known: stored once), or goes to the next target (always: perhaps stored twice).',
  },
  {
    key: 'send.headers',
    kind: 'list',
    default: [],
    secret: true,
    description:
      'Headers (gRPC metadata) of forwarded requests, each `name: value`, for example `authorization: Bearer …`.',
  },
  {
    key: 'send.timeout',
    kind: 'duration',
    default: LIMITS.forwardTimeoutMs,
    min: 100,
    max: 600_000,
    description: 'How long the answer to a forwarded request may take. Over it the request is sent again.',
  },
  {
    key: 'send.retriesMax',
    kind: 'count',
    default: LIMITS.retriesMax,
    min: 0,
    max: LIMITS.retriesMax,
    description:
      'Answers that say "later" to one request before it becomes a dead letter. A destination that does not answer is tried without end.',
  },
  {
    key: 'send.requestsPerSecondMax',
    kind: 'count',
    default: 0,
    min: 0,
    max: 1_000_000,
    description:
      'Requests that each destination is sent a second at most, retries among them. What is over it waits in the journal. 0: no limit.',
  },
  {
    key: 'send.bytesPerSecondMax',
    kind: 'bytes',
    default: 0,
    min: 0,
    max: 16 * 1024 * MIB,
    description:
      'Bytes that each destination is sent a second at most, counted before they are packed. What is over it waits in the journal. 0: no limit.',
  },
  {
    key: 'send.tls.ca',
    kind: 'path',
    default: null,
    optional: true,
    description: 'Certificates (PEM) of the authorities that destinations are trusted by. none: those of Node.',
  },
  {
    key: 'send.tls.cert',
    kind: 'path',
    default: null,
    optional: true,
    description: 'Certificate (PEM) that destinations are shown (mutual TLS).',
  },
  {
    key: 'send.tls.key',
    kind: 'path',
    default: null,
    optional: true,
    description: 'Private key (PEM) of send.tls.cert.',
  },
  {
    key: 'alerts.webhooks',
    kind: 'list',
    default: [],
    secret: true,
    description:
      'http:// or https:// addresses that each alert (a call that closes a cycle, a confirmed deadlock) is posted to as JSON. Empty: alerts are logged and shown alone.',
  },
  {
    key: 'alerts.headers',
    kind: 'list',
    default: [],
    secret: true,
    description: 'Headers of those posts, each `name: value`.',
  },
  {
    key: 'deadlocks.command',
    kind: 'list',
    default: [],
    secret: true,
    description:
      'Program and its words (no shell) that is run once for each confirmed deadlock, with the alert as JSON on its standard input: it may end the proposed victim. Empty: nothing is run.',
  },
  {
    key: 'deadlocks.commandTimeout',
    kind: 'duration',
    default: LIMITS.noticeCommandMs,
    min: 100,
    max: 600_000,
    description: 'A run of deadlocks.command that takes longer is killed, and counts as failed.',
  },
  ...retention('traces', 'spans'),
  ...retention('metrics', 'metric points'),
  ...retention('logs', 'log records'),
  {
    key: 'journal.bytesMax',
    kind: 'bytes',
    default: LIMITS.journalBytesMax,
    min: 2 * LIMITS.segmentBytesMax,
    description:
      'What the journals of all receivers may occupy while the store is behind. Over it clients are told to come again.',
  },
  {
    key: 'limits.requestBytesMax',
    kind: 'bytes',
    default: LIMITS.requestBytesMax,
    min: 64 * 1024,
    max: LIMITS.requestBytesMax,
    description: 'Size of one OTLP request, compressed and again uncompressed. Over it: 413 / RESOURCE_EXHAUSTED.',
  },
  {
    key: 'limits.inflightBytesMax',
    kind: 'bytes',
    default: LIMITS.inflightBytesMax,
    min: MIB,
    max: 16 * 1024 * MIB,
    description:
      'Memory of the requests in flight in one receiver. Over it: 503 / UNAVAILABLE. At least limits.requestBytesMax.',
  },
  {
    key: 'limits.connectionsMax',
    kind: 'count',
    default: LIMITS.connectionsMax,
    min: 1,
    max: 65_536,
    description: 'Open connections on one door of one receiver. Over it new ones are closed.',
  },
  {
    key: 'log.level',
    kind: 'choice',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    description: 'The least severe line that is printed.',
  },
  {
    key: 'log.format',
    kind: 'choice',
    default: 'auto',
    choices: ['auto', 'json', 'pretty'],
    description: 'How log lines look. auto: pretty on a terminal, else one JSON object a line.',
  },
  {
    key: 'shutdown.timeout',
    kind: 'duration',
    default: LIMITS.shutdownMsMax,
    min: 1_000,
    max: 600_000,
    description: 'Time from SIGTERM to the end: open requests are answered, open segments sealed.',
  },
] as const satisfies readonly Setting[];

function retention<const S extends string>(signal: S, items: string) {
  return [
    {
      key: `retention.${signal}.days`,
      kind: 'days',
      default: 30,
      optional: true,
      min: 1,
      max: 3650,
      description: `Days that ${items} are kept. none: for ever.`,
    },
    {
      key: `retention.${signal}.bytes`,
      kind: 'bytes',
      default: null,
      optional: true,
      min: 64 * MIB,
      description: `Bytes of ${items} that are kept in the store; the oldest day goes first. none: as many as fit.`,
    },
  ] as const;
}

type Row = (typeof SETTINGS)[number];
export type SettingKey = Row['key'];
type ValueOf<S extends Row> = S extends { kind: 'list' }
  ? readonly string[]
  : S extends { choices: readonly (infer C)[] }
    ? C
    : S extends { kind: 'text' | 'path' }
      ? string
      : number;

/** The configuration in force: a value for every key. */
export type Settings = {
  readonly [S in Row as S['key']]: S extends { optional: true } ? ValueOf<S> | null : ValueOf<S>;
};

/** The rows without their literal types, for code that treats all alike. */
export const SETTING_ROWS: readonly Setting[] = SETTINGS;

/** `tls.clientCa` → `--tls-client-ca`. */
export function flagOf(key: string): string {
  return `--${words(key).join('-')}`;
}

/** `tls.clientCa` → `CLEW_TLS_CLIENT_CA`. */
export function variableOf(key: string): string {
  return ENVIRONMENT_PREFIX + words(key).join('_').toUpperCase();
}

function words(key: string): string[] {
  return key
    .replaceAll(/([A-Z])/g, '.$1')
    .toLowerCase()
    .split('.');
}
