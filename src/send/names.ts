import net from 'node:net';
import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import { errorText } from '../host/disk.ts';
import { type FoundAddress, type KnownAddresses, NO_ADDRESSES, stepAddresses, targetAddresses } from './addresses.ts';

/** All addresses of a name; rejects when there is none, or no answer. */
export type Lookup = (host: string) => Promise<readonly FoundAddress[]>;

export interface NamesOptions {
  /** Those of targets; addresses among them are left out. */
  readonly hosts: readonly string[];
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly report: (text: string) => void;
}

interface Name {
  known: KnownAddresses;
  /** Why the last look failed; '' when it did not. */
  failure: string;
}

/** Looks names up again and again, so that what is behind them may change. */
export class Names {
  readonly #options: NamesOptions;
  readonly #names = new Map<string, Name>();
  /** Hears that the targets of some name are others now. */
  onChange: () => void = () => {};
  #isStopping = false;
  #cancel: () => void = () => {};

  constructor(options: NamesOptions) {
    this.#options = options;
    for (const host of options.hosts) {
      if (net.isIP(host) === 0) this.#names.set(host, { known: NO_ADDRESSES, failure: '' });
    }
  }

  /** The first look, which is waited for this long, then one look after the other. */
  async start(withinMs: number): Promise<void> {
    if (this.#names.size === 0) return;
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(withinMs, resolve);
      void this.#lookAgain().then(() => {
        cancel();
        resolve();
      });
    });
  }

  stop(): void {
    this.#isStopping = true;
    this.#cancel();
  }

  /** The addresses of a host that are targets of their own; none where the host itself is one. */
  addressesOf(host: string): readonly string[] {
    return targetAddresses(this.#names.get(host)?.known ?? NO_ADDRESSES);
  }

  async #lookAgain(): Promise<void> {
    await Promise.all([...this.#names].map(([host, name]) => this.#look(host, name)));
    if (this.#isStopping) return;
    this.#cancel = this.#options.clock.after(LIMITS.resolveMs, () => void this.#lookAgain());
  }

  async #look(host: string, name: Name): Promise<void> {
    const { lookup, report } = this.#options;
    const before = this.addressesOf(host).join(' ');
    try {
      name.known = stepAddresses(name.known, await lookup(host));
      name.failure = '';
    } catch (error) {
      // Whoever is there stays a target: its health says whether it is.
      if (name.failure === '') report(`${host} cannot be resolved: ${errorText(error)}`);
      name.failure = errorText(error);
    }
    if (!this.#isStopping && this.addressesOf(host).join(' ') !== before) this.onChange();
  }
}
