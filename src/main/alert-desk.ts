import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import type { Alert, AlertsAnswer } from '../query/api-alerts.ts';
import { command, type NoticeCounts, Notifier, webhook } from '../vitals/notify.ts';
import { family } from '../vitals/prometheus.ts';
import type { Log } from './log.ts';
import { readHeaders } from './setting-values.ts';
import type { Settings } from './settings.ts';

/** Raises alerts: each is written to the log, kept to show, counted, posted to the webhooks of the configuration, and, of deadlocks, given to its program. */
export class AlertDesk {
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'warn'>;
  readonly #notifier: Notifier;
  /** Of deadlocks alone: the program that may end them. */
  readonly #resolver: Notifier;
  readonly #shown: Alert[] = [];
  readonly #counts = new Map<string, number>(KINDS.map((kind) => [kind, 0]));

  constructor(settings: Settings, log: Pick<Log, 'warn'>, clock: Clock, chance: () => number) {
    this.#clock = clock;
    this.#log = log;
    const headers = readHeaders(settings['alerts.headers']);
    const receivers = settings['alerts.webhooks'].map((url) => webhook(url, headers));
    const options = { clock, chance, report: (text: string) => log.warn(text) };
    this.#notifier = new Notifier({ ...options, receivers });
    const words = settings['deadlocks.command'];
    const program = words.length === 0 ? [] : [command(words, settings['deadlocks.commandTimeout'])];
    this.#resolver = new Notifier({ ...options, receivers: program });
  }

  raise(kind: AlertKind, text: string, details: unknown): void {
    const time = new Date(Number(this.#clock.unixNano() / 1_000_000n)).toISOString();
    const alert = { kind, time, text, details };
    this.#log.warn(text, { alert: kind });
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#shown.unshift(alert);
    this.#shown.splice(LIMITS.noticesShownMax);
    this.#notifier.notify(alert);
    if (kind === 'deadlock') this.#resolver.notify(alert);
  }

  answer(): AlertsAnswer {
    return { alerts: this.#shown, receivers: this.#receivers() };
  }

  /** For /metrics. */
  metrics(): string {
    const receivers = this.#receivers();
    const of = (state: 'delivered' | 'failed' | 'dropped') =>
      receivers.map((receiver) => [{ receiver: receiver.name, state }, receiver[state]] as const);
    return [
      family(
        'clew_alerts_total',
        [...this.#counts].map(([kind, count]) => [{ kind }, count]),
      ),
      family('clew_alert_notices_total', [...of('delivered'), ...of('failed'), ...of('dropped')]),
      family(
        'clew_alert_notices_waiting',
        receivers.map(({ name, waiting }) => [{ receiver: name }, waiting]),
      ),
    ].join('');
  }

  #receivers(): NoticeCounts[] {
    return [...this.#notifier.counts(), ...this.#resolver.counts()];
  }

  close(): void {
    this.#notifier.close();
    this.#resolver.close();
  }
}

const KINDS = ['cycle', 'deadlock'] as const;
type AlertKind = (typeof KINDS)[number];
