import type { Clock } from '../host/clock.ts';
import { type Disk, errorText } from '../host/disk.ts';
import { segmentsIn } from '../journal/segment-files.ts';

const FREE_SPACE_MS = 1_000;
const RESCAN_MS = 10_000;

interface DiskWatchOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly directory: string;
  /** Segments that should be there. */
  sealed(): Iterable<string>;
  /** One of them is not. */
  onGone(segment: string): void;
  onReport(text: string): void;
}

/** Asks the disk of a receiver for its free space, and now and then which segments are still there: a message that one was forgotten may be lost. */
export class DiskWatch {
  readonly #options: DiskWatchOptions;
  /** As of the last look. */
  freeBytes = Number.POSITIVE_INFINITY;
  #nextFreeSpaceMs = 0;
  #nextRescanMs: number;
  #looking: Promise<void> | undefined;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
    this.#nextRescanMs = options.clock.monotonicMs() + RESCAN_MS;
  }

  /** Looks when it is time to. */
  tick(): void {
    const now = this.#options.clock.monotonicMs();
    if (this.#looking !== undefined || now < Math.min(this.#nextFreeSpaceMs, this.#nextRescanMs)) return;
    this.#looking = this.#look(now).finally(() => {
      this.#looking = undefined;
    });
  }

  /** Settles when nothing is being looked at. */
  async idle(): Promise<void> {
    await this.#looking;
  }

  async #look(now: number): Promise<void> {
    const { disk, directory, sealed, onGone, onReport } = this.#options;
    try {
      this.#nextFreeSpaceMs = now + FREE_SPACE_MS;
      this.freeBytes = await disk.freeBytes(directory);
      if (now < this.#nextRescanMs) return;
      this.#nextRescanMs = now + RESCAN_MS;
      const candidates = [...sealed()];
      const present = await segmentsIn(disk, directory);
      for (const segment of candidates) if (!present.has(segment)) onGone(segment);
    } catch (error) {
      onReport(`the disk of ${directory} cannot be looked at: ${errorText(error)}`);
    }
  }
}
