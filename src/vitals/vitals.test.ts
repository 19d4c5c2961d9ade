import { expect, test } from 'vitest';
import type { ReceiverVitals } from '../base/messages.ts';
import { METRICS } from '../base/names.ts';
import type { Clock } from '../host/clock.ts';
import type { StoreStatus } from '../store/store.ts';
import { prometheusText } from './prometheus.ts';
import { Vitals, type VitalsReport } from './vitals.ts';

class HandClock implements Clock {
  ms = 1_000_000;
  unixNano(): bigint {
    return BigInt(this.ms) * 1_000_000n;
  }
  monotonicMs(): number {
    return this.ms;
  }
  after(): () => void {
    return () => {};
  }
}

const STORE: StoreStatus = {
  kind: 'embedded',
  version: '26.7',
  memoryBytes: 5,
  loadedSegments: 7,
  loadFailures: 0,
  lastLoadError: null,
  lagMs: 250,
  pendingSegments: 0,
  damagedSegments: 0,
  tables: [{ table: 'otel_traces', rows: 10, bytes: 400, parts: 1, oldest: null, newest: null }],
};

function counters(traces: number, more: Partial<ReceiverVitals> = {}): ReceiverVitals {
  return {
    receiver: 0,
    pid: 10,
    startedAtMs: 999_000,
    accepted: { traces, metrics: 0, logs: 0 },
    rejected: { traces: 0, metrics: 0, logs: 0 },
    requests: 1,
    requestBytes: 100,
    refused: { 'a "quoted"\\reason': 2 },
    repeated: 0,
    sources: [],
    connections: 3,
    inflightBytes: 0,
    ackP50Ms: 4,
    ackP99Ms: 20,
    journalBytes: 1000,
    journalQuotaBytes: 5000,
    sealedSegments: 2,
    damaged: [],
    memoryBytes: 80,
    cpuMs: 1500,
    ...more,
  };
}

function reportOf(vitals: Vitals): VitalsReport {
  return vitals.report({
    version: '1.0.0',
    store: STORE,
    process: { memoryBytes: 300, cpuMs: 9_000 },
    disk: { totalBytes: 1e9, freeBytes: 5e8 },
  });
}

function running(): { clock: HandClock; vitals: Vitals } {
  const clock = new HandClock();
  const vitals = new Vitals(clock);
  vitals.setMembers([{ receiver: 0, pid: 10, up: true, restarts: 0 }]);
  return { clock, vitals };
}

test('the rate of a receiver is what it took in between two looks', () => {
  const { clock, vitals } = running();
  vitals.take(counters(100));
  clock.ms += 2_000;
  vitals.take(counters(600));
  expect(reportOf(vitals).receivers[0]?.perSecond.traces).toBe(250);
});

test('a receiver that was started again counts from zero, not backwards', () => {
  const { clock, vitals } = running();
  vitals.take(counters(100_000));
  clock.ms += 1_000;
  vitals.take(counters(50, { pid: 11, startedAtMs: clock.ms }));
  expect(reportOf(vitals).receivers[0]?.perSecond.traces).toBe(50);
});

test('a receiver that is down or silent arrives at no rate, and one that never spoke is listed', () => {
  const { clock, vitals } = running();
  vitals.take(counters(100));
  clock.ms += 1_000;
  vitals.take(counters(200));
  clock.ms += 60_000;
  vitals.setMembers([
    { receiver: 0, pid: 10, up: true, restarts: 0 },
    { receiver: 1, pid: 0, up: false, restarts: 3 },
  ]);
  const { receivers } = reportOf(vitals);
  expect(receivers.map((receiver) => receiver.perSecond.traces)).toEqual([0, 0]);
  expect(receivers[1]).toMatchObject({ receiver: 1, up: false, restarts: 3, requests: 0 });
});

test('the journal and the data directory are summed over all', () => {
  const { vitals } = running();
  vitals.take(counters(1));
  const report = reportOf(vitals);
  expect(report.journal).toMatchObject({ bytes: 1000, quotaBytes: 5000, sealedSegments: 2 });
  expect(report.disk.dataBytes).toBe(1400);
});

/** A strict reader of the text format: every sample belongs to the family announced before it. */
function parse(text: string): Map<string, { type: string; samples: Map<string, number> }> {
  const families = new Map<string, { type: string; samples: Map<string, number> }>();
  let current = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const type = /^# TYPE (\w+) (counter|gauge)$/.exec(line);
    const help = /^# HELP (\w+) \S.*$/.exec(line);
    if (help !== null) {
      current = help[1] ?? '';
      expect(families.has(current)).toBe(false);
    } else if (type !== null) {
      expect(type[1]).toBe(current);
      families.set(current, { type: type[2] ?? '', samples: new Map() });
    } else {
      const sample = /^(\w+)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (\S+)$/.exec(line);
      expect(sample, line).not.toBe(null);
      expect(sample?.[1]).toBe(current);
      expect(Number.isFinite(Number(sample?.[3]))).toBe(true);
      families.get(current)?.samples.set(sample?.[2] ?? '', Number(sample?.[3]));
    }
  }
  return families;
}

test('the Prometheus text announces every metric of the names table once, with its type', () => {
  const { vitals } = running();
  vitals.take(counters(1));
  const families = parse(prometheusText(reportOf(vitals)));
  // Those of the call graph and of alerts come from who keeps them (src/main/graph-metrics.ts, alert-desk.ts).
  const ours = Object.keys(METRICS).filter((name) => !/^clew_(graph|alerts?)_/.test(name));
  expect([...families.keys()].sort()).toEqual(ours.sort());
  for (const [name, family] of families) {
    expect(family.type === 'counter').toBe(/_total$/.test(name));
  }
});

test('the Prometheus text has the values, in base units, with labels escaped', () => {
  const { vitals } = running();
  vitals.take(counters(42));
  const families = parse(prometheusText(reportOf(vitals)));
  const value = (name: string, labels: string): number | undefined => families.get(name)?.samples.get(labels);
  expect(value('clew_items_accepted_total', '{receiver="0",signal="traces",item="spans"}')).toBe(42);
  expect(value('clew_acknowledgement_seconds', '{receiver="0",quantile="0.99"}')).toBe(0.02);
  expect(value('clew_requests_refused_total', '{receiver="0",reason="a \\"quoted\\"\\\\reason"}')).toBe(2);
  expect(value('clew_process_cpu_seconds_total', '{process="store"}')).toBe(9);
  expect(value('clew_store_rows', '{table="otel_traces"}')).toBe(10);
});
