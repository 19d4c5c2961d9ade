/** What critical paths cost, as CPU time, the best of a few runs: `node tools/run.mjs src/analysis/critical.bench.ts`. */
import { seededChance } from '../host/seeded-chance.ts';
import { type CallSpans, CallSpansBuilder } from './call-spans.ts';
import { criticalPaths } from './critical-path.ts';
import { hexId } from './drawn-spans-world.ts';

const RUNS = Number(process.argv[2] ?? 5);
const TRACES = 20_000;
const SPANS = 50;

/** Traces of requests that fan out: each span calls up to a few others, one after the other or at once. */
function shopTraces(): CallSpans {
  const random = seededChance(3);
  const builder = new CallSpansBuilder(TRACES * SPANS);
  for (let trace = 0; trace < TRACES; trace++) {
    const start = [0];
    const length = [1e9];
    for (let id = 0; id < SPANS; id++) {
      const parent = id === 0 ? -1 : Math.floor(random() * id);
      if (id > 0) {
        start.push(start[parent] + Math.floor(random() * 0.5 * length[parent]));
        length.push(Math.floor(random() * 0.5 * length[parent]));
      }
      builder.add({
        traceId: String(trace),
        spanId: hexId(trace * SPANS + id + 1),
        parentSpanId: id === 0 ? '' : hexId(trace * SPANS + parent + 1),
        kind: id % 2 === 0 ? 2 : 3,
        service: `s${id % 8}`,
        operation: `o${id}`,
        startNs: start[id],
        durationNs: length[id],
        failed: false,
        peer: '',
        isDatabase: false,
        isCounted: true,
      });
    }
  }
  return builder.finish();
}

const spans = shopTraces();
let best = Number.POSITIVE_INFINITY;
let paths = 0;
for (let i = 0; i < RUNS; i++) {
  const before = process.cpuUsage();
  paths = criticalPaths(spans).count;
  const { user, system } = process.cpuUsage(before);
  best = Math.min(best, (user + system) / 1000);
}
const rate = spans.count / best / 1000;
process.stdout.write(
  `critical paths of ${spans.count} spans: ${best.toFixed(0)} ms, ${rate.toFixed(1)} M spans/s  #${paths}\n`,
);
