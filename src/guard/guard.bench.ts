/**
 * What a decision costs: `node tools/run.mjs src/guard/guard.bench.ts`. Known edges (one look-up), and new ones on a random graph of 25,000
 * edges, where each edge that would close a cycle is refused.
 */
import { seededChance } from '../host/seeded-chance.ts';
import { Guard } from './guard.ts';

const EDGES = 25_000;
const SERVICES = 5_000;
const CALLS = 5_000_000;

const random = seededChance(9);
const guard = new Guard({ mode: 'enforce', callsPerMinute: null, edgesMax: 2 * EDGES });
const name = (): string => `service-${Math.floor(SERVICES * random())}`;
const tookUs: number[] = [];
const known: [string, string][] = [];
let refused = 0;
while (guard.edgeCount < EDGES) {
  const [client, server] = [name(), name()];
  const start = performance.now();
  const { reason } = guard.check(client, server);
  const us = (performance.now() - start) * 1000;
  if (reason !== 'known') tookUs.push(us);
  if (reason === 'new') known.push([client, server]);
  if (reason === 'cycle') refused++;
}
const late = tookUs.slice(-5000).sort((a, b) => a - b);
const at = (list: readonly number[], percent: number): string =>
  (list[Math.ceil((list.length * percent) / 100) - 1] ?? 0).toFixed(1);
process.stdout.write(`${EDGES} edges among ${SERVICES} services, ${refused} refused\n`);
process.stdout.write(
  `new edge, last 5,000 decisions: p50 ${at(late, 50)} µs, p99 ${at(late, 99)} µs, most ${at(late, 100)} µs\n`,
);

const { visited } = guard;
const start = performance.now();
for (let i = 0; i < CALLS; i++) {
  const [client, server] = known[i % known.length];
  guard.check(client, server);
}
const ns = ((performance.now() - start) * 1e6) / CALLS;
process.stdout.write(`known edge: ${ns.toFixed(0)} ns a decision, ${guard.visited - visited} vertices visited\n`);
