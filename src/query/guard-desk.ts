import { LIMITS } from '../base/limits.ts';
import { GUARD_FILE } from '../base/names.ts';
import { type Decision, Guard, type GuardState } from '../guard/guard.ts';
import type { GuardRules } from '../guard/rules.ts';
import type { Clock } from '../host/clock.ts';
import { type Disk, errorText, readWhole, replaceDurably } from '../host/disk.ts';
import type { CycleWatch } from './graph-watch.ts';

export interface GuardDeskOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** The data directory. */
  readonly directory: string;
  /** Edges of the kept call graph, which the guard takes for known as far as they close no cycle. */
  readonly watch: CycleWatch;
  readonly report: (text: string) => void;
}

interface Kept {
  readonly rules: GuardRules;
  readonly state: GuardState;
}

/**
 * The guard of a running Clew, for services that ask over HTTP instead of using the library. Rules and state are in one file: an answer that
 * admits a new edge is given when the edge is on disk; calls on known edges are written within a second.
 */
export class GuardDesk {
  readonly #options: GuardDeskOptions;
  readonly #guard: Guard;
  #rules: GuardRules;
  #seen = 0;
  #isChanged = false;
  #saving: Promise<void> | null = null;
  #cancel: () => void = () => {};
  #closed = false;

  private constructor(options: GuardDeskOptions, { rules, state }: Kept) {
    this.#options = options;
    this.#rules = rules;
    const now = (): number => Number(options.clock.unixNano() / 1_000_000n);
    this.#guard = Guard.fromJSON(state, { ...rules, now });
    this.#saveLater();
  }

  /** A file that cannot be read is reported and left behind: the guard then starts without rules, as a new one does. */
  static async open(options: GuardDeskOptions): Promise<GuardDesk> {
    const { disk, directory, report } = options;
    const file = `${directory}/${GUARD_FILE}`;
    let kept: Kept = { rules: {}, state: { version: 1, edges: [] } };
    if ((await disk.size(file)) !== undefined) {
      try {
        kept = JSON.parse(Buffer.from(await readWhole(disk, file)).toString()) as Kept;
        return new GuardDesk(options, kept);
      } catch (error) {
        report(`${file} cannot be read, the guard starts anew: ${errorText(error)}`);
        await disk.rename(file, `${file}.damaged`);
        kept = { rules: {}, state: { version: 1, edges: [] } };
      }
    }
    return new GuardDesk(options, kept);
  }

  async check(client: string, server: string): Promise<Decision> {
    this.#learn();
    const decision = this.#guard.check(client, server);
    this.#isChanged = true;
    if (decision.reason === 'new') await this.#save();
    return decision;
  }

  rules(): { readonly rules: GuardRules; readonly edges: number } {
    this.#learn();
    return { rules: this.#rules, edges: this.#guard.edgeCount };
  }

  async setRules(rules: GuardRules): Promise<void> {
    this.#guard.setRules(rules);
    this.#rules = rules;
    await this.#save();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#save();
  }

  /** Takes over what the kept graph has learnt since the last question. */
  #learn(): void {
    const { watch } = this.#options;
    if (watch.changes() === this.#seen) return;
    this.#seen = watch.changes();
    for (const { client, server, last, callsPerMinute } of watch.edges()) {
      this.#guard.observe(client, server, last * 1000, callsPerMinute);
    }
  }

  #saveLater(): void {
    if (this.#closed) return;
    this.#cancel = this.#options.clock.after(LIMITS.guardSaveMs, () => {
      if (!this.#isChanged) return this.#saveLater();
      this.#save()
        .catch((error: unknown) => this.#options.report(`the guard's state cannot be written: ${errorText(error)}`))
        .finally(() => this.#saveLater());
    });
  }

  /** Saves of the same moment are one. */
  async #save(): Promise<void> {
    while (this.#saving !== null) await this.#saving;
    if (this.#saving === null) {
      this.#saving = this.#write().finally(() => {
        this.#saving = null;
      });
    }
    await this.#saving;
  }

  async #write(): Promise<void> {
    const { disk, directory } = this.#options;
    this.#isChanged = false;
    const kept: Kept = { rules: this.#rules, state: this.#guard.toJSON() };
    const bytes = new TextEncoder().encode(JSON.stringify(kept));
    await replaceDurably(disk, directory, GUARD_FILE, bytes, `${GUARD_FILE}.tmp`);
  }
}
