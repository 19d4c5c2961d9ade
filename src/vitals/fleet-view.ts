import type { FleetReport, FleetSeen, PeerReport } from '../base/fleet.ts';
import { LIMITS } from '../base/limits.ts';
import { FLEET_FILE } from '../base/names.ts';
import type { Clock } from '../host/clock.ts';
import { type Disk, errorText } from '../host/disk.ts';
import { readJsonFile, writeJsonFile } from '../host/json-file.ts';

export interface FleetViewOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** The data directory. */
  readonly directory: string;
  /** The Clew whose view it is: reports about itself are passed over. */
  readonly instance: string;
  readonly report: (text: string) => void;
}

interface Kept {
  readonly report: FleetReport;
  /** When it told of itself, Unix milliseconds of this machine. */
  readonly heardMs: number;
}

/**
 * The Clews that told of themselves, directly or through others: the newest report of each. Ages travel instead of times, so that no two clocks are
 * compared. Kept on disk as well: a Clew that went silent is missed after a restart too.
 */
export class FleetView {
  readonly #options: FleetViewOptions;
  readonly #kept = new Map<string, Kept>();
  #savedMs = 0;
  #saving: Promise<void> | undefined;

  private constructor(options: FleetViewOptions) {
    this.#options = options;
  }

  /** Begins with what was known. A damaged file is reported and begun anew: every Clew that lives tells of itself again. */
  static async open(options: FleetViewOptions): Promise<FleetView> {
    const view = new FleetView(options);
    const path = `${options.directory}/${FLEET_FILE}`;
    const saved = (await readJsonFile(options.disk, path)) as
      | { readonly nodes: readonly Kept[] }
      | 'damaged'
      | undefined;
    if (saved === 'damaged')
      options.report(`${path} is damaged: the fleet is known again when each Clew has told of itself`);
    else for (const kept of saved?.nodes ?? []) view.#kept.set(kept.report.instance, kept);
    return view;
  }

  /** Takes what a Clew told. */
  take({ nodes }: PeerReport): void {
    const now = this.#nowMs();
    for (const { silentMs, ...report } of nodes) {
      if (report.instance === this.#options.instance) continue;
      const before = this.#kept.get(report.instance);
      const heardMs = now - silentMs;
      if (before === undefined ? this.#kept.size >= LIMITS.fleetNodesMax : before.heardMs > heardMs) continue;
      this.#kept.set(report.instance, { report, heardMs });
    }
    this.#saveWhenDue(now);
  }

  /** All that are known, the one heard of last first. */
  nodes(): FleetSeen[] {
    const now = this.#nowMs();
    for (const [instance, { heardMs }] of this.#kept) {
      if (now - heardMs > LIMITS.peerForgottenMs) this.#kept.delete(instance);
    }
    return [...this.#kept.values()]
      .sort((a, b) => b.heardMs - a.heardMs)
      .map(({ report, heardMs }) => ({ ...report, silentMs: Math.max(0, now - heardMs) }));
  }

  async close(): Promise<void> {
    await this.#saving;
    if (this.#kept.size > 0) await this.#save();
  }

  #saveWhenDue(now: number): void {
    if (this.#saving !== undefined || now - this.#savedMs < LIMITS.fleetSaveMs) return;
    this.#savedMs = now;
    this.#saving = this.#save().finally(() => {
      this.#saving = undefined;
    });
  }

  async #save(): Promise<void> {
    const { disk, directory, report } = this.#options;
    try {
      await writeJsonFile(disk, directory, FLEET_FILE, { nodes: [...this.#kept.values()] });
    } catch (error) {
      report(`what is known of the fleet cannot be saved: ${errorText(error)}`);
    }
  }

  #nowMs(): number {
    return Number(this.#options.clock.unixNano() / 1_000_000n);
  }
}
