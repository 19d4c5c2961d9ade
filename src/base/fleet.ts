import type { Signal } from './signal.ts';

/** What Clews tell one another about themselves, so that one of them can show the whole fleet. */

export type FleetRole = 'all' | 'edge' | 'regional' | 'central';

/** Items of one signal by what became of them on the way to one destination, exactly: `received` is the sum of the others. */
export interface HopAccount {
  readonly signal: Signal;
  readonly received: number;
  readonly forwarded: number;
  readonly queued: number;
  readonly dead: number;
  readonly dropped: number;
  /** Routes lead them to other destinations. */
  readonly elsewhere: number;
  readonly lost: number;
  /** Of those forwarded: what the next hop said it rejected. */
  readonly refusedInPart: number;
}

/** One address that a destination leads to. */
export interface HopTarget {
  readonly url: string;
  /** The Clew that answers there; '' when none has said so. */
  readonly instance: string;
  readonly condition: 'up' | 'down' | 'ejected';
  /** Part of its load that it gets, 0 to 1. */
  readonly share: number;
  readonly responseMs: number;
  /** Why it is not used; ''. */
  readonly reason: string;
}

/** The way from a Clew to one of its destinations. */
export interface FleetHop {
  readonly name: string;
  readonly url: string;
  readonly targets: readonly HopTarget[];
  readonly accounts: readonly HopAccount[];
  readonly queuedBytes: number;
  readonly queuedSegments: number;
  /** Age of the oldest request that is being sent. */
  readonly lagMs: number;
  /** Tries that failed since the last acknowledgement, of the queue where they are most, and why. */
  readonly failures: number;
  readonly lastFailure: string;
}

/** One Clew of a fleet, as it tells of itself. */
export interface FleetReport {
  readonly instance: string;
  readonly name: string;
  readonly role: FleetRole;
  readonly version: string;
  readonly upMs: number;
  readonly receivers: number;
  readonly receiversUp: number;
  /** Since its receivers started. */
  readonly accepted: Readonly<Record<Signal, number>>;
  readonly perSecond: Readonly<Record<Signal, number>>;
  /** Requests that were refused, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  readonly journalBytes: number;
  readonly journalQuotaBytes: number;
  readonly diskFreeBytes: number;
  readonly diskTotalBytes: number;
  readonly memoryBytes: number;
  readonly hops: readonly FleetHop[];
}

/** A Clew of the fleet, and how long ago it told of itself, by the clock of whoever says so. */
export interface FleetSeen extends FleetReport {
  readonly silentMs: number;
}

/** What a Clew tells its next hop: itself, then those that told it of themselves, the latest first. */
export interface PeerReport {
  readonly nodes: readonly FleetSeen[];
}

/** How much of its resources a Clew uses, each from 0 to 1. */
export interface Resources {
  readonly cpu: number;
  readonly memory: number;
  readonly disk: number;
}

/** What the next hop answers. */
export interface PeerAnswer {
  readonly instance: string;
  readonly name: string;
  readonly role: FleetRole;
  readonly version: string;
  /** Content encodings that this door unpacks. */
  readonly encodings: readonly string[];
  readonly resources: Resources;
}
