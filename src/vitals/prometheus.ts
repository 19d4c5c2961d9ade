import { FORWARD_METRICS, METRICS, type MetricName } from '../base/names.ts';
import { ITEM_NAME, SIGNALS } from '../base/signal.ts';
import type { ReceiverReport, VitalsReport } from './vitals.ts';

type Labels = Readonly<Record<string, string | number>>;
export type Sample = readonly [labels: Labels, value: number];

/** The vitals in the Prometheus text format (version 0.0.4), as `/metrics` answers them. Times are in seconds, sizes in bytes. */
export function prometheusText(report: VitalsReport): string {
  const families: readonly (readonly [MetricName, readonly Sample[]])[] = [
    ['clew_build_info', [[{ version: report.version, clickhouse: report.store.version, store: report.store.kind }, 1]]],
    ...receiverFamilies(report.receivers),
    ['clew_journal_bytes', [[{}, report.journal.bytes]]],
    ['clew_journal_quota_bytes', [[{}, report.journal.quotaBytes]]],
    ['clew_journal_sealed_segments', [[{}, report.journal.sealedSegments]]],
    ['clew_journal_damaged_records', [[{}, report.journal.damaged.length]]],
    ['clew_store_loaded_segments_total', [[{}, report.store.loadedSegments]]],
    ['clew_store_load_failures_total', [[{}, report.store.loadFailures]]],
    ['clew_store_damaged_segments_total', [[{}, report.store.damagedSegments]]],
    ['clew_store_pending_segments', [[{}, report.store.pendingSegments]]],
    ['clew_store_load_lag_seconds', [[{}, report.store.lagMs / 1e3]]],
    ['clew_store_memory_bytes', [[{}, report.store.memoryBytes]]],
    ['clew_store_rows', report.store.tables.map(({ table, rows }) => [{ table }, rows])],
    ['clew_store_bytes', report.store.tables.map(({ table, bytes }) => [{ table }, bytes])],
    ['clew_store_parts', report.store.tables.map(({ table, parts }) => [{ table }, parts])],
    ['clew_disk_total_bytes', [[{}, report.disk.totalBytes]]],
    ['clew_disk_free_bytes', [[{}, report.disk.freeBytes]]],
    ['clew_process_memory_bytes', perProcess(report, (process) => process.memoryBytes)],
    ['clew_process_cpu_seconds_total', perProcess(report, (process) => process.cpuMs / 1e3)],
  ];
  return families.map(([name, samples]) => family(name, samples)).join('');
}

/** What `/metrics` says of receivers, in any role. */
export function receiverFamilies(receivers: readonly ReceiverReport[]): (readonly [MetricName, readonly Sample[]])[] {
  const each = (value: (receiver: ReceiverReport) => number): Sample[] =>
    receivers.map((receiver) => [{ receiver: receiver.receiver }, value(receiver)]);
  const bySignal = (counts: 'accepted' | 'rejected'): Sample[] =>
    receivers.flatMap((receiver) =>
      SIGNALS.map(
        (signal): Sample => [
          { receiver: receiver.receiver, signal, item: ITEM_NAME[signal] },
          receiver[counts][signal],
        ],
      ),
    );
  const refused = receivers.flatMap((receiver) =>
    Object.entries(receiver.refused).map(([reason, count]): Sample => [{ receiver: receiver.receiver, reason }, count]),
  );
  const latency = receivers.flatMap(({ receiver, ackP50Ms, ackP99Ms }): Sample[] => [
    [{ receiver, quantile: '0.5' }, ackP50Ms / 1e3],
    [{ receiver, quantile: '0.99' }, ackP99Ms / 1e3],
  ]);
  return [
    ['clew_receiver_up', each((receiver) => Number(receiver.up))],
    ['clew_receiver_restarts_total', each((receiver) => receiver.restarts)],
    ['clew_items_accepted_total', bySignal('accepted')],
    ['clew_items_rejected_total', bySignal('rejected')],
    ['clew_requests_total', each((receiver) => receiver.requests)],
    ['clew_request_bytes_total', each((receiver) => receiver.requestBytes)],
    ['clew_requests_refused_total', refused],
    ['clew_batches_repeated_total', each((receiver) => receiver.repeated)],
    ['clew_connections', each((receiver) => receiver.connections)],
    ['clew_inflight_bytes', each((receiver) => receiver.inflightBytes)],
    ['clew_acknowledgement_seconds', latency],
  ];
}

function perProcess(
  report: VitalsReport,
  value: (process: { readonly memoryBytes: number; readonly cpuMs: number }) => number,
): Sample[] {
  const receivers = report.receivers.map(
    (receiver): Sample => [{ process: `receiver ${receiver.receiver}` }, value(receiver)],
  );
  return [...receivers, [{ process: 'store' }, value(report.process)]];
}

const ALL_METRICS = { ...METRICS, ...FORWARD_METRICS };

/** One metric in the text format. */
export function family(name: MetricName, samples: readonly Sample[]): string {
  const { type, help } = ALL_METRICS[name];
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(String(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
