import type { Command } from './arguments.ts';
import { flagsHelp } from './reference.ts';

const SUMMARY = `clew: OpenTelemetry traces, metrics and logs: taken in durably, stored in ClickHouse, searched in milliseconds.

usage: clew [command] [flags]

commands:
  all                  receive, store and show (what clew does without a command)
  edge                 receive, keep on disk, forward (--forward URL); nothing is stored
  regional             the same for what edges forward: merge small batches and forward them on
  central              all, for what others forward
  dead list|show|resend|drop   what forwarding gave up: look at it, send it again, or drop it
  top                  what a running Clew does, each second
  check                read the configuration, say what is wrong, show what is in force
  backup DIRECTORY     write a backup of everything stored or taken in into DIRECTORY
  restore DIRECTORY    bring a backup back into an empty data directory
  history check FILE   follow the history of a run (CLEW_HISTORY=FILE clew) through the specification
  graph [FILE…]        who calls whom, in files of traces or in a running Clew
  cycles [FILE…]       calls that go round in a circle; --fail-on new --baseline FILE for continuous integration
  order [FILE…]        the order to start services in
  critical-path [FILE…]  what requests wait for, in files of traces or in a running Clew
  deadlocks [FILE…]    who waits for whom for ever, in files of lock events or in a running Clew
  pools [FILE…]        pools that requests come back into, and how many requests deadlock them
  version              print the versions of Clew and Node
  help [COMMAND]       print this, or help on one command

more flags:
  --config FILE        configuration file (default clew.yaml in the working directory, where there is one) [CLEW_CONFIG]
  --help, --version
`;

const ABOUT: Readonly<Record<Command, string>> = {
  all: `usage: clew [all] [flags]

Opens OTLP/gRPC (4317), OTLP/HTTP (4318) and the API with the web UI (4319), and runs until SIGTERM or Ctrl-C: then it answers the open
requests, seals what it has and ends. A second signal ends it at once; what was acknowledged is safe either way.
`,
  edge: `usage: clew edge --forward URL[,URL…] [flags]

Opens OTLP/gRPC (4317) and OTLP/HTTP (4318), acknowledges what is durable on disk, and forwards it to each URL (http://host:4318,
grpc://host:4317; https and grpcs with TLS). What a destination has not acknowledged stays on disk, up to journal.bytesMax, across
restarts and kill -9. A Clew at the other end stores each batch once. Health, metrics and the fleet's account are on port 4319.
`,
  regional: `usage: clew regional --forward URL[,URL…] [flags]

The same as edge, between edges and the centre: takes each edge's batches once, merges small ones and forwards them.
`,
  central: `usage: clew central [flags]

The same as all: receives, stores, shows. Batches that an edge or a regional Clew repeats are stored once.
`,
  dead: `usage: clew dead list | show ID | resend ID… | drop ID… [flags]

What the next hop refused for good, or too often, is kept below --data in dead/. list shows each batch with its reason, show prints one with
its request in base64, resend sends it once more, drop removes it; all stands for every id. The account of /metrics follows.
`,
  top: `usage: clew top [flags]

Shows rates, queues, lag and the account of the Clew that runs with this configuration, each second until Ctrl-C.
`,
  check: `usage: clew check [flags]

Reads clew.yaml, the environment and the flags without starting anything. Exit code 0 when all is well, 1 when something is wrong: each
problem is printed with its place (file and line, variable or flag), key, value, and what is allowed.
`,
  backup: `usage: clew backup DIRECTORY [flags]

Writes a consistent backup of everything stored or taken in by now into DIRECTORY, which must be absent or empty. While Clew runs on the
same --data, the running Clew makes it and goes on taking in; otherwise the command opens the data directory itself.
`,
  restore: `usage: clew restore DIRECTORY --data NEW [flags]

Brings the backup in DIRECTORY into the data directory NEW, which must be absent or empty. Then start Clew with --data NEW.
`,
  version: 'usage: clew version\n',
  help: 'usage: clew help [COMMAND]\n',
};

/** What `clew --help` prints, or `clew COMMAND --help`. */
export function helpText(command: string | undefined): string {
  const about = command === undefined ? undefined : ABOUT[command as Command];
  return about ?? `${SUMMARY}\nflags, each also a key of clew.yaml (--grpc-port is grpc.port):\n${flagsHelp()}\n`;
}
