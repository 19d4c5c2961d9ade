import { spawn } from 'node:child_process';
import path from 'node:path';
import type { GraphAnswer } from '../src/query/api.ts';
import type { AlertsAnswer } from '../src/query/api-alerts.ts';
import type { LocksAnswer } from '../src/query/api-locks.ts';
import type { PathSums } from '../src/query/api-paths.ts';
import { type RunningClew, startClew, waitUntil } from '../test/support/clew.ts';
import { openBrowser } from '../test/support/ui/browser.ts';

/**
 * How long Clew takes to find what the demo does wrong: `node tools/run.mjs tools/demo-times-main.ts [directory for pictures]`. It starts a
 * Clew and the demo, waits until the circle of calls, the slow service and the deadlock are found, and prints for each the seconds from
 * the moment that the stored data say it happened. Exit code 1 when one of them took more than ten.
 */

const ALLOWED_S = 10;
const WAIT_MS = 90_000;

interface Finding {
  readonly what: string;
  readonly happenedMs: number;
  readonly foundMs: number;
}

const answerOf = async <T>(clew: RunningClew, route: string): Promise<T> =>
  (await (await fetch(`${clew.url.api}/api/v1/${route}`)).json()) as T;

const CALLEE = `SELECT toUnixTimestamp64Milli(min(s.Timestamp + toIntervalNanosecond(s.Duration))) FROM otel_traces s
  JOIN otel_traces c ON c.TraceId = s.TraceId AND c.SpanId = s.ParentSpanId`;

/** When the first call of one service by another was over. */
async function firstCallMs(clew: RunningClew, client: string, server: string): Promise<number> {
  const rows = await clew.sql(`${CALLEE} WHERE c.ServiceName = '${client}' AND s.ServiceName = '${server}'`);
  return Number(rows[0]?.[0]);
}

/** The call that came last closed the circle. */
async function findCircle(clew: RunningClew): Promise<Finding> {
  const alert = await waitUntil('an alert about the circle', WAIT_MS, async () => {
    const { alerts } = await answerOf<AlertsAnswer>(clew, 'alerts');
    return alerts.find(({ kind, text }) => kind === 'cycle' && text.includes('catalog → pricing → inventory')) ?? null;
  });
  const circle = ['catalog', 'pricing', 'inventory', 'catalog'];
  const times = await Promise.all(circle.slice(1).map((server, i) => firstCallMs(clew, circle[i] ?? '', server)));
  return { what: `cycle: ${alert.text}`, happenedMs: Math.max(...times), foundMs: Date.parse(alert.time) };
}

async function findSlowService(clew: RunningClew): Promise<Finding> {
  const query = 'critical-path?start=now-5m&service=storefront&operation=GET%20%2F';
  const isSlow = ({ shares }: PathSums): boolean =>
    shares.find(({ kind }) => kind === 'service')?.service === 'recommendations';
  await waitUntil('the slow service is first', WAIT_MS, async () => {
    const sums = await answerOf<PathSums>(clew, query);
    return sums.shares?.length > 0 && isSlow(sums) ? sums : null;
  });
  const foundMs = Date.now();
  const sums = await answerOf<PathSums>(clew, query);
  const share = sums.shares.find(({ kind }) => kind === 'service')?.share ?? 0;
  const what = `slow: recommendations has ${Math.round(100 * share)} % of what GET / waits for`;
  return { what, happenedMs: await firstCallMs(clew, 'storefront', 'recommendations'), foundMs };
}

async function findSlowEdge(clew: RunningClew): Promise<Finding> {
  const edge = await waitUntil('the slow call is in the graph', WAIT_MS, async () => {
    const { edges } = await answerOf<GraphAnswer>(clew, 'graph?start=now-5m');
    const paired = (edges ?? []).filter(({ connection }) => connection === '');
    const slowest = paired.sort((a, b) => Number(b.p95Nano) - Number(a.p95Nano))[0];
    return slowest?.server === 'recommendations' ? slowest : null;
  });
  const foundMs = Date.now();
  const what = `slowest call: ${edge.client} → ${edge.server}, p95 ${Math.round(Number(edge.p95Nano) / 1e6)} ms`;
  return { what, happenedMs: await firstCallMs(clew, 'storefront', 'recommendations'), foundMs };
}

async function findDeadlock(clew: RunningClew): Promise<Finding> {
  const found = await waitUntil('a confirmed deadlock', WAIT_MS, async () => {
    const { deadlocks } = await answerOf<LocksAnswer>(clew, 'deadlocks');
    return deadlocks.find(({ confirmedUnixNano }) => confirmedUnixNano !== null) ?? null;
  });
  const ms = (nanos: string | null): number => Number(BigInt(nanos ?? '0') / 1_000_000n);
  const what = `deadlock: ${found.members.map(({ service }) => service).join(' and ')}, victim ${found.victims.join(', ')}`;
  return { what, happenedMs: ms(found.sinceUnixNano), foundMs: ms(found.confirmedUnixNano) };
}

const PAGES = { map: '/map', cycles: '/cycles', 'critical-path': '/critical-path', locks: '/locks', status: '/status' };

async function draw(clew: RunningClew, directory: string): Promise<void> {
  const { context, close } = await openBrowser({ width: 1440, height: 900, theme: 'light' });
  try {
    const page = context.pages()[0] ?? (await context.newPage());
    for (const [name, address] of Object.entries(PAGES)) {
      await page.goto(`${clew.url.api}${address}?start=now-15m`);
      await page.waitForLoadState('networkidle');
      await page.screenshot({ path: path.join(directory, `demo-${name}.png`) });
    }
  } finally {
    await close();
  }
}

const clew = await startClew();
const environment = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: clew.url.http };
const demo = spawn(process.execPath, ['demo/run.mjs'], { env: environment, stdio: 'ignore' });
try {
  const findings = await Promise.all([findCircle(clew), findSlowService(clew), findSlowEdge(clew), findDeadlock(clew)]);
  for (const { what, happenedMs, foundMs } of findings) {
    const seconds = (foundMs - happenedMs) / 1000;
    process.stdout.write(`${seconds.toFixed(1).padStart(5)} s  ${what}\n`);
    if (seconds > ALLOWED_S) process.exitCode = 1;
  }
  const [, , directory] = process.argv;
  if (directory !== undefined) await draw(clew, directory);
} finally {
  demo.kill('SIGTERM');
  await new Promise((resolve) => demo.once('exit', resolve));
  await clew.stop();
}
