/**
 * What an edge holds while its destination is away: `node tools/run.mjs bench/cutoff-main.ts [--seconds 60] [--rate 0]`.
 * A client sends as fast as it is answered to a running `clew edge` whose destination refuses connections; then the most memory of its
 * processes is printed, added up as resident size (what all share counted for each) and as proportional size (counted once).
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { encodeProto } from '../test/support/otlp-proto.ts';
import { processTree } from './processes.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, clients: { type: 'string', default: '16' } },
});
const SPANS = 500;
const MIB = 1024;

/** kB of /proc/PID/smaps_rollup. */
function memoryOf(pid: number): { rss: number; pss: number } {
  try {
    const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const kib = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
    return { rss: kib('Rss'), pss: kib('Pss') };
  } catch {
    return { rss: 0, pss: 0 };
  }
}

function request(): Buffer {
  const attributes = Array.from({ length: 8 }, (_, i) => ({
    key: `attribute.${i}`,
    value: { stringValue: `value ${i * 7919}` },
  }));
  const items = Array.from({ length: SPANS }, (_, i) => {
    const spanId = Buffer.alloc(8, 1);
    spanId.writeUInt32BE(i, 0);
    return { traceId: Buffer.alloc(16, i & 255), spanId, name: `GET /item/${i}`, attributes };
  });
  return Buffer.from(encodeProto('traces', { resources: [{ scopes: [{ items }] }] }));
}

const data = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-cutoff-'));
// Port 9 is discard: nobody listens there.
const flags = ['--grpc-port', 'none', '--http-port', '14318', '--api-port', '0', '--receivers', '1', '--data', data];
const quota = ['--journal-bytes-max', '64GiB', '--log-level', 'warn', '--forward', 'http://127.0.0.1:9'];
const clew = spawn(process.execPath, ['dist/main/cli.js', 'edge', ...flags, ...quota], { stdio: 'ignore' });
const agent = new http.Agent({ keepAlive: true, maxSockets: Number(values.clients) });
const body = request();
let spans = 0;

const post = (): Promise<number> =>
  new Promise((resolve) => {
    const headers = { 'content-type': 'application/x-protobuf', 'content-length': body.length };
    const call = http.request({ port: 14318, path: '/v1/traces', method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    call.on('error', () => resolve(0));
    call.end(body);
  });

while ((await post()) !== 200) await new Promise((resolve) => setTimeout(resolve, 100));
const endMs = performance.now() + Number(values.seconds) * 1000;
const clients = Array.from({ length: Number(values.clients) }, async () => {
  while (performance.now() < endMs) if ((await post()) === 200) spans += SPANS;
});
const most = { rss: 0, pss: 0, each: '' };
const looking = setInterval(() => {
  const all = processTree(clew.pid ?? 0).map(memoryOf);
  const sum = (of: 'rss' | 'pss'): number => all.reduce((total, one) => total + one[of], 0);
  most.rss = Math.max(most.rss, sum('rss'));
  if (sum('pss') <= most.pss) return;
  most.pss = sum('pss');
  most.each = all.map(({ rss, pss }) => `${Math.round(rss / MIB)}/${Math.round(pss / MIB)}`).join(' ');
}, 500);
await Promise.all(clients);
clearInterval(looking);
const ended = new Promise((resolve) => clew.once('exit', resolve));
clew.kill('SIGTERM');
await ended;
fs.rmSync(data, { recursive: true, force: true });
agent.destroy();
const perSecond = Math.round(spans / Number(values.seconds)).toLocaleString('en');
process.stdout.write(
  `${perSecond} spans/s acknowledged for ${values.seconds} s; most memory: ${Math.round(most.rss / MIB)} MiB resident, ` +
    `${Math.round(most.pss / MIB)} MiB proportional (each, resident/proportional: ${most.each})\n`,
);
