import type { Command } from './arguments.ts';
import { flagsHelp } from './reference.ts';

const SUMMARY = `clew: OpenTelemetry traces, metrics and logs: taken in durably, stored in ClickHouse, searched in milliseconds.

usage: clew [command] [flags]

commands:
  all                  receive, store and show (what clew does without a command)
  check                read the configuration, say what is wrong, show what is in force
  backup DIRECTORY     write a backup of everything stored or taken in into DIRECTORY
  restore DIRECTORY    bring a backup back into an empty data directory
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
