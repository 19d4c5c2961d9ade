import { type Backoff, firstBackoff, nextDelay } from '../base/backoff.ts';
import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import { runCommand } from '../host/command.ts';
import { errorText } from '../host/disk.ts';
import { type PostOutcome, postJson } from '../host/webhook.ts';

/** Something that a person should hear of. It is sent as this JSON; chat services that take `text` show it as it is. */
export interface Notice {
  /** For example `cycle` or `deadlock`. */
  readonly kind: string;
  /** ISO 8601: when it was noticed. */
  readonly time: string;
  /** One sentence that stands alone. */
  readonly text: string;
  readonly details: unknown;
}

/** Somebody who is told. */
export interface Receiver {
  /** How reports and metrics name it: never with a secret in it. */
  readonly name: string;
  /** One try. A rejection counts as a failure that another try may mend. */
  deliver(notice: Notice): Promise<PostOutcome>;
}

/** The account of one receiver: `accepted` is the sum of delivered, failed, dropped and waiting. */
export interface NoticeCounts {
  readonly name: string;
  readonly accepted: number;
  readonly delivered: number;
  /** Refused for good, or out of tries. */
  readonly failed: number;
  /** Not taken because too many were waiting. */
  readonly dropped: number;
  readonly waiting: number;
  readonly tries: number;
  /** Why the last try failed; null after one that succeeded. */
  readonly problem: string | null;
}

export interface NotifierOptions {
  readonly clock: Clock;
  /** In [0, 1): spreads tries. */
  readonly chance: () => number;
  readonly receivers: readonly Receiver[];
  /** One line about a notice that reaches nobody. */
  readonly report: (text: string) => void;
}

/**
 * Tells every receiver of every notice, in order, each at its own pace: a try that fails is repeated after a growing time, at most
 * LIMITS.noticeTriesMax times. What waits is bounded and in memory only: a notice is a courtesy, the log line is the record.
 */
export class Notifier {
  readonly #queues: readonly NoticeQueue[];

  constructor(options: NotifierOptions) {
    this.#queues = options.receivers.map((receiver) => new NoticeQueue(receiver, options));
  }

  notify(notice: Notice): void {
    for (const queue of this.#queues) queue.take(notice);
  }

  counts(): NoticeCounts[] {
    return this.#queues.map((queue) => queue.counts());
  }

  /** Ends the tries. What still waits is reported. */
  close(): void {
    for (const queue of this.#queues) queue.close();
  }
}

class NoticeQueue {
  readonly #receiver: Receiver;
  readonly #options: NotifierOptions;
  readonly #waiting: Notice[] = [];
  #accepted = 0;
  #delivered = 0;
  #failed = 0;
  #dropped = 0;
  #tries = 0;
  #problem: string | null = null;
  #isBusy = false;
  #isClosed = false;
  #cancel: () => void = () => {};

  constructor(receiver: Receiver, options: NotifierOptions) {
    this.#receiver = receiver;
    this.#options = options;
  }

  take(notice: Notice): void {
    if (this.#isClosed) return;
    this.#accepted++;
    if (this.#waiting.length >= LIMITS.noticesWaitingMax) {
      this.#dropped++;
      this.#report(notice, `${LIMITS.noticesWaitingMax} notices already wait`);
      return;
    }
    this.#waiting.push(notice);
    if (!this.#isBusy) void this.#try(1, firstBackoff(NOTICE_DELAYS));
  }

  counts(): NoticeCounts {
    return {
      name: this.#receiver.name,
      accepted: this.#accepted,
      delivered: this.#delivered,
      failed: this.#failed,
      dropped: this.#dropped,
      waiting: this.#waiting.length,
      tries: this.#tries,
      problem: this.#problem,
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    for (const notice of this.#waiting) this.#report(notice, this.#problem ?? 'Clew stops');
  }

  /** The `number`th try of the first that waits. */
  async #try(number: number, backoff: Backoff): Promise<void> {
    const [notice] = this.#waiting;
    if (notice === undefined || this.#isClosed) {
      this.#isBusy = false;
      return;
    }
    this.#isBusy = true;
    this.#tries++;
    const outcome = await this.#deliver(notice);
    // A notice whose last try ends after close was reported there as waiting.
    if (this.#isClosed) return;
    this.#problem = outcome.ok ? null : outcome.reason;
    if (!outcome.ok && outcome.again && number < LIMITS.noticeTriesMax) {
      const failure = { chance: this.#options.chance(), serverDelayMs: outcome.afterMs };
      const next = nextDelay(backoff, failure, NOTICE_DELAYS);
      this.#cancel = this.#options.clock.after(next.delayMs, () => void this.#try(number + 1, next.backoff));
      return;
    }
    this.#waiting.shift();
    if (outcome.ok) this.#delivered++;
    else {
      this.#failed++;
      this.#report(notice, `${outcome.reason}, after ${number} ${number === 1 ? 'try' : 'tries'}`);
    }
    await this.#try(1, firstBackoff(NOTICE_DELAYS));
  }

  async #deliver(notice: Notice): Promise<PostOutcome> {
    try {
      return await this.#receiver.deliver(notice);
    } catch (error) {
      return { ok: false, again: true, reason: errorText(error) };
    }
  }

  #report(notice: Notice, reason: string): void {
    this.#options.report(`${this.#receiver.name} was not told "${notice.text}": ${reason}`);
  }
}

const NOTICE_DELAYS = { retryDelayMsMin: LIMITS.noticeDelayMsMin, retryDelayMsMax: LIMITS.noticeDelayMsMax };

/** Posts notices to a URL. Its name leaves out what may be a secret: user, path and query. */
export function webhook(url: string, headers: Readonly<Record<string, string>>): Receiver {
  return {
    name: new URL(url).origin,
    deliver: (notice) => postJson(url, notice, { headers, timeoutMs: LIMITS.noticeTimeoutMs }),
  };
}

/** Hands notices to a program, once each. Its name leaves out the operands, which may be secrets. */
export function command(words: readonly string[], timeoutMs: number): Receiver {
  return { name: `command ${words[0]}`, deliver: (notice) => runCommand(words, notice, timeoutMs) };
}
