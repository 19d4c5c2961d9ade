/** GET /api/v1/alerts → what people are told of, newest first, and whether it reached them. */
export interface AlertsAnswer {
  readonly alerts: readonly Alert[];
  readonly receivers: readonly AlertReceiver[];
}

export interface Alert {
  /** `cycle`: calls go round in a circle that did not before; `deadlock`: confirmed, `details` is its DeadlockAnswer. */
  readonly kind: string;
  /** ISO 8601: when it was noticed. */
  readonly time: string;
  /** One sentence that stands alone. */
  readonly text: string;
  readonly details: unknown;
}

/** Details of an alert of kind `cycle`. */
export interface CycleAlert {
  /** In the order of the calls, the last calls the first: a shortest cycle through the new call. */
  readonly services: readonly string[];
  /** The call that was not there before. */
  readonly client: string;
  readonly server: string;
  /** A trace of that call. */
  readonly traceId: string;
}

/** The account of a webhook, or of the program for deadlocks: accepted is the sum of delivered, failed, dropped and waiting. */
export interface AlertReceiver {
  /** Scheme, host and port: the rest of the address may be a secret. Of a program `command` and its path. */
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
