import { describe, expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import { type CallSpans, CallSpansBuilder, KIND } from './call-spans.ts';
import { criticalPaths } from './critical-path.ts';
import { comparePaths, type PathSummary, sumPaths } from './critical-sum.ts';
import { hexId } from './drawn-spans-world.ts';

/** A shop of random shape: which service calls which, one after the other or at once, and how long each works. */
interface Shop {
  readonly calls: readonly (readonly number[])[];
  readonly isParallel: readonly boolean[];
  readonly workNs: readonly number[];
}

/** Slower by so much: the work of a service, or the network of its calls to another. */
interface Fault {
  readonly kind: 'stall' | 'delay';
  readonly service: number;
  readonly to: number;
  readonly ns: number;
}

function randomShop(random: () => number): Shop {
  const services = 5 + Math.floor(random() * 8);
  const calls = Array.from({ length: services }, (): number[] => []);
  for (let i = 1; i < services; i++) calls[Math.floor(random() * i)].push(i);
  return {
    calls,
    isParallel: calls.map(() => random() < 0.3),
    workNs: calls.map(() => Math.floor((1 + 20 * random()) * 1e6)),
  };
}

const NETWORK_NS = 400_000;

/** Runs requests through the shop; every server's clock is off by up to a millisecond. */
function run(shop: Shop, requests: number, fault: Fault | null, random: () => number): PathSummary {
  const builder = new CallSpansBuilder(requests * shop.calls.length * 2);
  const skew = shop.calls.map((_, i) => (i === 0 ? 0 : Math.floor((random() - 0.5) * 2e6)));
  const about = (ns: number): number => Math.floor(ns * (0.6 + 0.8 * random()));
  for (let trace = 0; trace < requests; trace++) {
    let id = 0;
    const add = (parent: number, kind: number, service: number, name: string, start: number, end: number): void => {
      builder.add({
        traceId: String(trace),
        spanId: hexId(++id),
        parentSpanId: parent === 0 ? '' : hexId(parent),
        kind,
        service: `s${service}`,
        operation: name,
        startNs: start + skew[service],
        durationNs: end - start,
        failed: false,
        peer: '',
        isDatabase: false,
        isCounted: true,
      });
    };
    /** Serves from `start` on; returns the end. Ids are given before, because a parent's end is known last. */
    const serve = (service: number, parent: number, start: number): number => {
      const stall = fault?.kind === 'stall' && fault.service === service ? fault.ns : 0;
      const own = ++id;
      let now = start + about(shop.workNs[service] / 2) + stall;
      let last = now;
      for (const to of shop.calls[service]) {
        const client = ++id;
        const delay = fault?.kind === 'delay' && fault.service === service && fault.to === to ? fault.ns : 0;
        const served = serve(to, client, now + about(NETWORK_NS) + delay / 2);
        const end = served + about(NETWORK_NS) + delay / 2;
        const next = id;
        id = client - 1;
        add(own, KIND.client, service, `call s${to}`, now, end);
        id = next;
        last = Math.max(last, end);
        if (!shop.isParallel[service]) now = end;
      }
      const end = last + about(shop.workNs[service] / 2);
      const next = id;
      id = own - 1;
      add(parent, KIND.server, service, 'serve', start, end);
      id = next;
      return end;
    };
    serve(0, 0, 0);
  }
  const spans: CallSpans = builder.finish();
  return sumPaths(spans, criticalPaths(spans));
}

const CASES = Number(process.env['CLEW_FAULTS'] ?? 100);
const REQUESTS = 40;

describe('injected faults', () => {
  test(`are ranked first in at least 95 % of ${CASES} cases`, () => {
    const random = seededChance(23);
    let first = 0;
    for (let round = 0; round < CASES; round++) {
      const shop = randomShop(random);
      const to = 1 + Math.floor(random() * (shop.calls.length - 1));
      const from = shop.calls.findIndex((list) => list.includes(to));
      const kind = random() < 0.5 ? 'stall' : 'delay';
      // From once to five times the mean work of a service. Beside a longer call that runs at once, a fault makes nobody wait.
      const fault: Fault = {
        kind,
        service: kind === 'stall' ? to : from,
        to,
        ns: 2 * Math.floor((5 + 20 * random()) * 1e6),
      };
      const before = run(shop, REQUESTS, null, random);
      const after = run(shop, REQUESTS, fault, random);
      const [guilty] = comparePaths(before, after).filter((change) => change.kind !== 'service');
      const isFound =
        kind === 'stall'
          ? guilty.kind === 'operation' && guilty.service === `s${to}`
          : guilty.kind === 'edge' && guilty.service === `s${from}` && guilty.toService === `s${to}`;
      if (isFound) first++;
    }
    if (process.env['CLEW_FAULTS'] !== undefined) console.log(`${first} of ${CASES} ranked first`);
    expect(first / CASES).toBeGreaterThanOrEqual(0.95);
  });
});
