// A ClickHouse server from libchdb's own command line, which can listen: node clickhouse-child.mjs DIRECTORY HTTP_PORT TCP_PORT
// It serves until the process is ended; the query only keeps its main thread busy.
import { createRequire } from 'node:module';
import path from 'node:path';
import { DataType, load, open } from 'ffi-rs';

const [directory, httpPort, tcpPort] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const chdb = createRequire(require.resolve('chdb'));
const platform = `@chdb/lib-${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`;
open({ library: 'chdb', path: path.join(path.dirname(chdb.resolve(`${platform}/package.json`)), 'libchdb.so') });

const SERVE_SECONDS = 1_000_000;
const args = [
  'clickhouse',
  `--path=${directory}`,
  '--listen_host=127.0.0.1',
  `--http_port=${httpPort}`,
  `--tcp_port=${tcpPort}`,
  '--query',
  `SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; SELECT sleepEachRow(3) FROM numbers(${SERVE_SECONDS}) ` +
    'SETTINGS max_block_size = 1 FORMAT Null',
];
load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [args.length, args],
});
