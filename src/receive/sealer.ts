import { LIMITS } from '../base/limits.ts';
import { type Clock, yieldToEvents } from '../host/clock.ts';
import { errorText } from '../host/disk.ts';
import type { DurableExtent, Journal } from '../journal/journal.ts';
import { sealSegment } from '../journal/seal.ts';
import type { SealedSegment } from '../journal/sealed.ts';
import { rebuildSegment, removeSegment, type Workshop } from './rebuild.ts';
import { recoverSegment } from './recovery.ts';
import type { SegmentBuilder } from './segment-builder.ts';

/** A segment that takes no more requests and is to be sealed. */
export type SealJob =
  /** From memory: the usual way. */
  | {
      readonly kind: 'seal';
      readonly segment: string;
      readonly journal: Journal;
      readonly builder: SegmentBuilder;
      /** How long it took requests: the next one will be as long. */
      readonly openMs: number;
    }
  /** From its journal, as far as it was acknowledged: after a failed write, fsync or seal. */
  | { readonly kind: 'rebuild'; readonly segment: string; readonly extent: DurableExtent }
  /** From whatever a crash or damage left of it. */
  | { readonly kind: 'recover'; readonly segment: string }
  /** A journal that could not be opened: it holds nothing, and its file is in the way of those that forward the segments after it. */
  | { readonly kind: 'remove'; readonly segment: string };

export interface SealerEvents {
  /** The segment is sealed (undefined: it held nothing and is gone), or sealed once more after a repair. */
  done(segment: string, sealed: SealedSegment | undefined): void;
  /** A builder, emptied, may be used again. */
  builderFree(builder: SegmentBuilder): void;
}

type SealFromMemory = Extract<SealJob, { readonly kind: 'seal' }>;

/**
 * A segment that was full sooner is sealed in few large steps, for each waits for a turn of the event loop, which requests fill: otherwise the next
 * segment is full before it is done. Any other in many small ones, so that no request waits for long behind one of them.
 */
const HURRY_MS = 400;

/** Of a Native file, what is put in order and written in one step: one to two milliseconds. */
const CALM_GROUP_BYTES = 512 * 1024;

/** Seals one segment at a time, in order; what the disk refuses is tried again from the journal. */
export class Sealer {
  readonly #workshop: Workshop;
  readonly #clock: Clock;
  readonly #events: SealerEvents;
  readonly #queue: SealJob[] = [];
  #running: Promise<void> | undefined;
  #stopping = false;
  #wake: () => void = () => {};

  constructor(workshop: Workshop, clock: Clock, events: SealerEvents) {
    this.#workshop = workshop;
    this.#clock = clock;
    this.#events = events;
  }

  /** Adds a job; one for a segment that already waits is left out. */
  push(job: SealJob): void {
    if (this.#queue.some((other) => other.segment === job.segment)) return;
    this.#queue.push(job);
    this.#running ??= this.#run();
  }

  /** Settles when nothing is left to seal. On a disk that stays broken that is never: see `stop`. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Gives every job one more attempt (a seal that fails one as a rebuild) and settles; what still fails is left to the recovery of the next start. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      const again = await this.#attempt(job);
      if (again === undefined || (this.#stopping && job.kind !== 'seal')) continue;
      this.#queue.push(again);
      if (!this.#stopping) await this.#pause();
    }
    this.#running = undefined;
  }

  /** Returns the job that remains when the disk refused. */
  async #attempt(job: SealJob): Promise<SealJob | undefined> {
    if (job.kind === 'seal') return this.#seal(job);
    try {
      this.#events.done(job.segment, await this.#fromDisk(job));
      return undefined;
    } catch (error) {
      this.#workshop.report(
        `segment ${job.segment} cannot be ${job.kind === 'remove' ? 'removed' : 'rebuilt'} yet: ${errorText(error)}`,
      );
      return job;
    }
  }

  async #fromDisk(job: Exclude<SealJob, { readonly kind: 'seal' }>): Promise<SealedSegment | undefined> {
    const { disk, directory } = this.#workshop;
    switch (job.kind) {
      case 'rebuild':
        return rebuildSegment(this.#workshop, job.segment, job.extent);
      case 'recover':
        return (await recoverSegment(this.#workshop, job.segment, 'checksums'))?.sealed;
      case 'remove':
        await removeSegment(disk, directory, job.segment);
        return undefined;
    }
  }

  async #seal({ journal, builder, openMs }: SealFromMemory): Promise<SealJob | undefined> {
    const { disk, directory } = this.#workshop;
    const isHurried = openMs < HURRY_MS;
    const { identity } = journal;
    await journal.close();
    let failure = journal.failure;
    if (failure === undefined) {
      try {
        await this.#workshop.marks?.save();
        const sealed = await sealSegment(
          disk,
          directory,
          identity,
          journal.durable,
          isHurried ? builder.freeze() : builder.freeze(CALM_GROUP_BYTES),
          builder.counts?.(),
          isHurried ? undefined : yieldToEvents,
        );
        this.#events.done(identity.segment, sealed);
      } catch (error) {
        failure = errorText(error);
      }
    }
    builder.reset();
    this.#events.builderFree(builder);
    if (failure === undefined) return undefined;
    this.#workshop.report(`segment ${identity.segment} cannot be sealed yet: ${failure}`);
    return { kind: 'rebuild', segment: identity.segment, extent: journal.durable };
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(LIMITS.diskRetryMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
