import { LIMITS } from '../base/limits.ts';
import type { ReceiverVitals } from '../base/messages.ts';
import type { Signal } from '../base/signal.ts';
import type { Clock } from '../host/clock.ts';
import type { StoreStatus } from '../store/store.ts';
import { History, type HistoryPoint } from './history.ts';
import { arrivedBetween, perSecond } from './rates.ts';

/** What the supervisor knows of one receiver. */
export interface MemberState {
  readonly receiver: number;
  readonly pid: number;
  readonly up: boolean;
  readonly restarts: number;
}

/** One receiver, put together from its own counters and what the supervisor knows. */
export interface ReceiverReport extends ReceiverVitals {
  readonly up: boolean;
  readonly restarts: number;
  readonly perSecond: Readonly<Record<Signal, number>>;
}

/** Everything that is known of a running Clew at one moment: the Status page and the Prometheus text are made from it. */
export interface VitalsReport {
  readonly version: string;
  readonly receivers: readonly ReceiverReport[];
  readonly journal: {
    readonly bytes: number;
    readonly quotaBytes: number;
    readonly sealedSegments: number;
    readonly damaged: readonly string[];
  };
  readonly store: StoreStatus;
  /** The store process: ClickHouse, API and UI. */
  readonly process: { readonly memoryBytes: number; readonly cpuMs: number };
  readonly disk: { readonly totalBytes: number; readonly freeBytes: number; readonly dataBytes: number };
  readonly history: readonly HistoryPoint[];
}

interface Seen {
  readonly vitals: ReceiverVitals;
  readonly atMs: number;
  readonly perSecond: Readonly<Record<Signal, number>>;
}

/** Gathers the vitals of all processes. */
export class Vitals {
  readonly #clock: Clock;
  readonly #history: History;
  readonly #seen = new Map<number, Seen>();
  #members: readonly MemberState[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#history = new History(this.#nowMs(), LIMITS.historyStepMs, LIMITS.historyMs);
  }

  /** Counters that a receiver has sent. */
  take(vitals: ReceiverVitals): void {
    const before = this.#seen.get(vitals.receiver);
    const arrived = arrivedBetween(before?.vitals, vitals);
    const atMs = this.#clock.monotonicMs();
    const sinceMs = before === undefined ? LIMITS.vitalsIntervalMs : atMs - before.atMs;
    // A store process that starts late first sees counters of minutes: they did not arrive in this step.
    if (before !== undefined || vitals.startedAtMs >= this.#nowMs() - LIMITS.historyStepMs) {
      this.#history.add(this.#nowMs(), arrived);
    }
    const rates = before === undefined ? { traces: 0, metrics: 0, logs: 0 } : perSecond(arrived.items, sinceMs);
    this.#seen.set(vitals.receiver, { vitals, atMs, perSecond: rates });
  }

  setMembers(members: readonly MemberState[]): void {
    this.#members = members;
  }

  /** Every receiver that the supervisor knows. */
  receivers(): ReceiverReport[] {
    return this.#members.map((member) => this.#receiverReport(member));
  }

  report(
    given: Pick<VitalsReport, 'version' | 'store' | 'process'> & {
      readonly disk: Omit<VitalsReport['disk'], 'dataBytes'>;
    },
  ): VitalsReport {
    const receivers = this.receivers();
    const sum = (of: (receiver: ReceiverReport) => number): number =>
      receivers.reduce((total, receiver) => total + of(receiver), 0);
    const journalBytes = sum((receiver) => receiver.journalBytes);
    const storeBytes = given.store.tables.reduce((total, table) => total + table.bytes, 0);
    return {
      ...given,
      receivers,
      journal: {
        bytes: journalBytes,
        quotaBytes: sum((receiver) => receiver.journalQuotaBytes),
        sealedSegments: sum((receiver) => receiver.sealedSegments),
        damaged: receivers.flatMap((receiver) => receiver.damaged),
      },
      disk: { ...given.disk, dataBytes: journalBytes + storeBytes },
      history: this.#history.points(this.#nowMs()),
    };
  }

  /** A receiver that is down or has not spoken yet arrives at no rate. */
  #receiverReport(member: MemberState): ReceiverReport {
    const seen = this.#seen.get(member.receiver);
    const counters = seen?.vitals ?? { ...SILENT, receiver: member.receiver };
    const fresh = seen !== undefined && this.#clock.monotonicMs() - seen.atMs <= STALE_MS && member.up;
    return { ...counters, ...member, perSecond: fresh ? seen.perSecond : SILENT.accepted };
  }

  #nowMs(): number {
    return Number(this.#clock.unixNano() / 1_000_000n);
  }
}

const STALE_MS = 5 * LIMITS.vitalsIntervalMs;

const SILENT: ReceiverVitals = {
  receiver: 0,
  pid: 0,
  startedAtMs: 0,
  accepted: { traces: 0, metrics: 0, logs: 0 },
  rejected: { traces: 0, metrics: 0, logs: 0 },
  requests: 0,
  requestBytes: 0,
  refused: {},
  repeated: 0,
  sources: [],
  connections: 0,
  inflightBytes: 0,
  ackP50Ms: 0,
  ackP99Ms: 0,
  journalBytes: 0,
  journalQuotaBytes: 0,
  sealedSegments: 0,
  damaged: [],
  memoryBytes: 0,
  cpuMs: 0,
};
