import { runLoad } from '../bench/load.ts';
import type { AlertsAnswer } from '../src/query/api-alerts.ts';
import { type RunningClew, startClew, waitUntil } from '../test/support/clew.ts';
import { sendCall } from '../test/support/send-call.ts';

/**
 * How long a new cycle goes unnoticed while spans arrive: `node tools/run.mjs tools/cycle-times-main.ts [spans a second …]`. For each rate a
 * Clew of its own is loaded until its newest minute is too full to be paired before it is over; then calls close circles, one after the
 * other, and for each is printed how long after its acknowledgement the alert was raised.
 */

const LOADED_MS = 45_000;
const CIRCLES = 5;

/** Milliseconds from the acknowledgement of the call that closes the circle to the alert. */
async function timeOne(clew: RunningClew, number: number): Promise<number> {
  const [a, b] = [`caller-${number}`, `callee-${number}`];
  await sendCall(clew, a, b);
  await sendCall(clew, b, a);
  const sentMs = Date.now();
  const alert = await waitUntil(`the alert about ${a}`, 180_000, async () => {
    const { alerts } = (await (await fetch(`${clew.url.api}/api/v1/alerts`)).json()) as AlertsAnswer;
    return alerts.find(({ text }) => text.includes(a)) ?? null;
  });
  return Date.parse(alert.time) - sentMs;
}

for (const rate of process.argv.slice(2).map(Number)) {
  const clew = await startClew();
  const stop = new AbortController();
  const load =
    rate === 0
      ? Promise.resolve()
      : runLoad({ protocol: 'http', port: clew.ports.http, rate, seconds: 600, spans: 1e9, signal: stop.signal });
  try {
    if (rate > 0) await new Promise((resolve) => setTimeout(resolve, LOADED_MS));
    const times: number[] = [];
    for (let circle = 0; circle < CIRCLES; circle++) times.push(await timeOne(clew, circle));
    const seconds = times.map((ms) => (ms / 1000).toFixed(1)).join(', ');
    process.stdout.write(`${rate} spans/s: ${seconds} s\n`);
  } finally {
    stop.abort();
    await load;
    await clew.stop();
  }
}
