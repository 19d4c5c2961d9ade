// npm run demo [-- --seconds 60] [--rate 5]: a small shop of eight services that call one another over HTTP and send their traces, metrics and
// logs to the running Clew.
import { fork } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';

const SERVICES = ['storefront', 'catalog', 'pricing', 'inventory', 'cart', 'payment', 'shipping', 'recommendations'];
const PATHS = ['/', '/', '/', '/checkout', '/checkout', '/stock', '/quote'];
const endpoint = process.env.OTEL_EXPORTER_OTLP_ENDPOINT ?? 'http://127.0.0.1:4318';
const ui = process.env.CLEW_UI ?? 'http://127.0.0.1:4319';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '0' }, rate: { type: 'string', default: '5' } },
});
const seconds = Number(values.seconds);
const rate = Number(values.rate);
if (!(seconds >= 0) || !(rate > 0)) {
  console.error('usage: npm run demo -- [--seconds N] [--rate REQUESTS_A_SECOND]   (seconds 0: until Ctrl-C)');
  process.exit(2);
}

/** An empty export: answered with 200 when Clew (or any OTLP receiver) listens. */
async function checkReceiver() {
  try {
    const headers = { 'content-type': 'application/x-protobuf' };
    const answer = await fetch(`${endpoint}/v1/traces`, { method: 'POST', headers, body: new Uint8Array() });
    if (answer.ok) return;
    console.error(`demo: ${endpoint} answered ${answer.status} to an empty export.`);
  } catch {
    console.error(`demo: nothing listens on ${endpoint}. Start Clew first, in another terminal: npm start`);
    console.error('      (or set OTEL_EXPORTER_OTLP_ENDPOINT to where it listens)');
  }
  process.exit(1);
}

/** Ports that are free now. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = net.createServer();
      return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

await checkReceiver();
const numbers = await freePorts(SERVICES.length);
const ports = Object.fromEntries(SERVICES.map((name, i) => [name, numbers[i]]));
const environment = { ...process.env, SHOP_PORTS: JSON.stringify(ports), OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
const children = SERVICES.map((name) =>
  fork(path.join(import.meta.dirname, 'service.cjs'), [name], { env: environment }),
);
await Promise.all(children.map((child) => new Promise((resolve) => child.once('message', resolve))));
console.log(`demo: ${SERVICES.length} services are up: ${SERVICES.join(', ')}`);
console.log(
  `demo: ${rate} requests a second${seconds > 0 ? ` for ${seconds} s` : ' until Ctrl-C'}; watch them at ${ui}`,
);
console.log(
  'demo: slow: GET / (recommendations); failing: GET /checkout (payment); a circle: catalog → pricing → inventory → catalog',
);
console.log(
  'demo: a deadlock, once a minute: /reserve locks the cart, then the stock; /recount the stock, then the cart',
);

let sent = 0;
function ask(path) {
  sent++;
  const request = http.get({ host: '127.0.0.1', port: ports.storefront, path }, (response) => response.resume());
  request.on('error', () => undefined);
}
const timer = setInterval(() => ask(PATHS[sent % PATHS.length]), 1000 / rate);

function deadlock() {
  ask('/reserve');
  ask('/recount');
}
const firstDeadlock = setTimeout(deadlock, 5_000);
const deadlocks = setInterval(deadlock, 60_000);

let ending = false;
async function end() {
  if (ending) return;
  ending = true;
  clearInterval(timer);
  clearTimeout(firstDeadlock);
  clearInterval(deadlocks);
  // Requests that are under way are answered first: the slowest takes about a second.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  // A signal that was sent to all processes at once has ended some of the services already.
  const living = children.filter((child) => child.connected && child.exitCode === null && child.signalCode === null);
  const gone = living.map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of living) child.disconnect();
  await Promise.all(gone);
  console.log(`\ndemo: ${sent} requests were sent; their traces are at ${ui}`);
  process.exit(0);
}
process.on('SIGINT', end);
process.on('SIGTERM', end);
if (seconds > 0) setTimeout(end, seconds * 1000);
