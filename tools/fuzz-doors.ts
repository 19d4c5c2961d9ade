/**
 * The fuzz campaign of the doors: node tools/run.mjs tools/fuzz-doors.ts [--requests 1000000] [--seed 1] [--lanes 32]
 *
 * Damaged requests over real sockets against doors in a process of their own, whose memory is watched; then, in this process, damaged bytes
 * for the decompressors and decoders alone. Ends with 1 when anything is wrong.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fuzzDecoders } from '../src/receive/decoders.fuzz.ts';
import { type FuzzReport, fuzzDoors } from '../src/receive/doors.fuzz.ts';
import { openWorld, TranscodingSink } from '../test/support/doors.ts';

/** What the doors may hold: their bytes in flight, the columns of the sink, and V8 with room to breathe. */
const RSS_BYTES_MAX = 512 * 1024 * 1024;
const INFLIGHT_BYTES_MAX = 96 * 1024 * 1024;
const MIB = 1024 * 1024;
/** The campaign is sent in parts, to show how far it is. */
const PART_REQUESTS = 20_000;

interface Vitals {
  readonly rssBytes: number;
  readonly heldBytes: number;
  readonly cpuMs: number;
  readonly reports: readonly string[];
}

const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};

/** In the child: opens doors, says where, and tells its vitals when asked. */
async function serve(): Promise<void> {
  const sink = new TranscodingSink();
  sink.roomBytes = INFLIGHT_BYTES_MAX;
  const { httpPort, grpcPort, reports } = await openWorld({}, sink);
  process.send?.({ httpPort, grpcPort });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const vitals: Vitals = {
      rssBytes: process.memoryUsage.rss(),
      heldBytes: sink.heldBytes,
      cpuMs: (user + system) / 1000,
      reports: reports.slice(0, 3),
    };
    process.send?.(vitals);
  });
  watchProcessor();
  process.on('disconnect', () => process.exit(0));
}

const STEP_MS = 20;

/** Tells the parent when this process wanted to run and got no processor, and how long it was busy without looking at its sockets. */
function watchProcessor(): void {
  let last = performance.now();
  let lastCpu = process.cpuUsage();
  setInterval(() => {
    const now = performance.now();
    const { user, system } = process.cpuUsage(lastCpu);
    const busyMs = (user + system) / 1000;
    const gapMs = now - last;
    if (gapMs > 2 * STEP_MS) process.send?.({ busyMs, starvedMs: Math.max(0, gapMs - STEP_MS - busyMs) });
    last = now;
    lastCpu = process.cpuUsage();
  }, STEP_MS);
}

interface Stall {
  readonly busyMs: number;
  readonly starvedMs: number;
}

const isStall = (message: object): message is Stall => 'starvedMs' in message;

const nextMessage = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null): void =>
      reject(new Error(`the doors ended with ${code ?? signal}`));
    const take = (message: object): void => {
      if (isStall(message)) return;
      child.removeListener('exit', ended);
      child.removeListener('message', take);
      resolve(message as T);
    };
    child.once('exit', ended);
    child.on('message', take);
  });

function vitalsOf(child: ChildProcess): Promise<Vitals> {
  const answer = nextMessage<Vitals>(child);
  child.send('vitals');
  return answer;
}

async function campaign(): Promise<boolean> {
  const [requests, seed, lanes] = [option('requests', 1_000_000), option('seed', 1), option('lanes', 32)];
  const child = fork(fileURLToPath(import.meta.url), ['--doors'], { stdio: 'inherit' });
  const { httpPort, grpcPort } = await nextMessage<{ httpPort: number; grpcPort: number }>(child);
  let starvedMs = 0;
  let busiestMs = 0;
  child.on('message', (message: object) => {
    if (!isStall(message)) return;
    starvedMs += message.starvedMs;
    busiestMs = Math.max(busiestMs, message.busyMs);
  });
  const startedAt = performance.now();
  const total: FuzzReport = { answers: {}, brokenOff: 0, slowestMs: 0, wrong: [] };
  let peakBytes = 0;
  let vitals = await vitalsOf(child);
  for (let done = 0, part = 0; done < requests && total.wrong.length === 0; part++) {
    const size = Math.min(PART_REQUESTS, requests - done);
    add(
      total,
      await fuzzDoors({
        httpPort,
        grpcPort,
        requests: size,
        seed: seed * 100_000 + part,
        lanes,
        starvedMs: () => starvedMs,
      }),
    );
    done += size;
    vitals = await vitalsOf(child);
    peakBytes = Math.max(peakBytes, vitals.rssBytes);
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(`${done} requests, ${seconds.toFixed(0)} s, ${Math.round(vitals.rssBytes / MIB)} MiB`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  child.disconnect();
  const decoders = await fuzzDecoders(Math.ceil(requests / 10), seed);
  const held = vitals.heldBytes === 0 ? [] : [`${vitals.heldBytes} bytes were never given back`];
  const memory = peakBytes <= RSS_BYTES_MAX ? [] : [`${Math.round(peakBytes / MIB)} MiB of memory`];
  const wrong = [...total.wrong, ...decoders.wrong, ...vitals.reports, ...held, ...memory];
  console.log(`\nanswers: ${inOrder(total.answers)}; broken off by the client: ${total.brokenOff}`);
  console.log(
    `doors: ${seconds.toFixed(0)} s, ${(vitals.cpuMs / 1000).toFixed(0)} s of CPU, slowest answer ${total.slowestMs.toFixed(0)} ms`,
  );
  console.log(
    `longest at one thing: ${busiestMs.toFixed(0)} ms of CPU; without a processor: ${(starvedMs / 1000).toFixed(0)} s`,
  );
  console.log(`peak memory of the doors: ${Math.round(peakBytes / MIB)} MiB of ${RSS_BYTES_MAX / MIB}`);
  console.log(`decoders: ${inOrder(decoders.outcomes)}, slowest ${decoders.slowestMs.toFixed(0)} ms`);
  for (const each of wrong) console.error(`wrong: ${each}`);
  console.log(wrong.length === 0 ? 'all is well' : `${wrong.length} things are wrong`);
  return wrong.length === 0;
}

function add(total: FuzzReport, part: FuzzReport): void {
  for (const [name, count] of Object.entries(part.answers)) total.answers[name] = (total.answers[name] ?? 0) + count;
  total.brokenOff += part.brokenOff;
  total.slowestMs = Math.max(total.slowestMs, part.slowestMs);
  total.wrong.push(...part.wrong);
}

const inOrder = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([name, count]) => `${name}: ${count}`)
    .join(', ');

if (process.argv.includes('--doors')) await serve();
else process.exitCode = (await campaign()) ? 0 : 1;
