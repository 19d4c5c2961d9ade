import type { Signal } from '../base/signal.ts';
import { systemClock } from '../host/clock.ts';
import { errorText } from '../host/disk.ts';
import { judge } from '../send/answer.ts';
import { type Batch, hopHeaders } from '../send/batch.ts';
import type { DeadLetter, DeadLetters } from '../send/dead.ts';
import { Link } from '../send/link.ts';
import type { Pin } from '../send/pool.ts';
import type { Progress } from '../send/progress.ts';
import type { NamedDestination } from './destinations.ts';

export interface DeadDeskOptions {
  readonly dead: DeadLetters;
  readonly progress: Progress;
  readonly destinations: readonly NamedDestination[];
  readonly instance: string;
  readonly report: (text: string) => void;
}

/** What became of one dead letter that a person has decided about. */
export interface DeadAnswer {
  readonly id: string;
  readonly ok: boolean;
  readonly report: string;
}

/** Shows dead letters, sends them once more, or drops them; the account follows. */
export class DeadDesk {
  readonly #options: DeadDeskOptions;

  constructor(options: DeadDeskOptions) {
    this.#options = options;
  }

  list(): Promise<DeadLetter[]> {
    return this.#options.dead.list(this.#options.report);
  }

  /** One dead letter with its request in protobuf. */
  read(id: string): ReturnType<DeadLetters['read']> {
    return this.#options.dead.read(id);
  }

  /** One try each, in the order given; what is refused again stays where it is. */
  async resend(ids: readonly string[]): Promise<DeadAnswer[]> {
    const answers: DeadAnswer[] = [];
    for (const id of ids) answers.push(await this.#resend(id));
    return answers;
  }

  async drop(ids: readonly string[]): Promise<DeadAnswer[]> {
    const answers: DeadAnswer[] = [];
    for (const id of ids) {
      const found = await this.#options.dead.read(id);
      if (found === undefined) answers.push(unknown(id));
      else {
        await this.#settle(found.letter, 'dropped');
        answers.push({ id, ok: true, report: `${found.letter.items} items are dropped` });
      }
    }
    return answers;
  }

  async #resend(id: string): Promise<DeadAnswer> {
    const { dead, destinations, instance } = this.#options;
    const found = await dead.read(id);
    if (found === undefined) return unknown(id);
    const { letter, body } = found;
    const destination = destinations.find(({ name }) => name === letter.destination);
    if (destination === undefined) {
      return { id, ok: false, report: `its destination ${letter.destination} is no longer configured` };
    }
    // A stream of its own: those of the lanes have gone past its place.
    const stream = `${instance}-dead-${id}`;
    const transport = destination.connect(letter.lane, NO_PIN, new Link(stream, systemClock, Math.random));
    try {
      const headers = hopHeaders(batchOf(letter, body), stream);
      const reply = await transport.call({ signal: letter.signal, body: [body], headers });
      const verdict = judge(reply, Number(systemClock.unixNano() / 1_000_000n));
      if (verdict.kind === 'retry' || verdict.kind === 'refused') return { id, ok: false, report: verdict.reason };
      await this.#settle(letter, 'forwarded');
      return { id, ok: true, report: `${letter.items} items are forwarded to ${destination.url}` };
    } catch (error) {
      return { id, ok: false, report: errorText(error) };
    } finally {
      transport.close();
    }
  }

  /** The account is durable before the letter is gone: a crash in between leaves the letter, which is then counted as what it is again. */
  async #settle(letter: DeadLetter, as: 'forwarded' | 'dropped'): Promise<void> {
    const { dead, progress } = this.#options;
    const account = progress.lane(letter.lane);
    progress.settle(letter.lane, {
      ...account,
      dead: Math.max(0, account.dead - letter.items),
      [as]: account[as] + letter.items,
    });
    await progress.saved();
    await dead.remove(letter.id);
  }
}

/** A dead letter was refused: wherever it goes now, it was not taken before. */
const NO_PIN: Pin = { get: () => undefined, set: async () => {}, inDoubtUpTo: '' };

const unknown = (id: string): DeadAnswer => ({ id, ok: false, report: 'there is no such dead letter' });

function batchOf(letter: DeadLetter, body: Uint8Array): Batch {
  const signal: Signal = letter.signal;
  const position = letter.id.slice(0, 24);
  const { items, baggage } = letter;
  const own = { elsewhere: 0, dropped: 0, receivedUnixNano: 0n, after: [] };
  return { signal, letters: [{ position, body, items, baggage, ...own }] };
}
