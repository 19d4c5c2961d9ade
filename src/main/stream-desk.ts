import { type Position, START } from '../journal/position.ts';
import type { StreamMark } from '../receive/marks.ts';
import type { ChannelMessage, StreamMessage } from './channel.ts';

/** What is known of one stream. */
interface Entry {
  mark: string;
  /** Where its last record stands in each receiver directory that has any. */
  readonly places: Map<number, Position>;
  /** The receiver that takes its batches, undefined when nobody does. */
  holder: number | undefined;
  /** The holder was asked for it and has not answered. */
  isAskedBack: boolean;
  /** Receivers that want it, in order. */
  readonly waiting: number[];
}

/**
 * The supervisor's list of the streams of other Clews: each is held by one receiver at a time, and passes on only with its position and
 * with where the records of it stand that others took in: they are forwarded first. A
 * receiver that died may have journalled batches that nobody has heard of: what it held waits until its successor has read its journal.
 */
export class StreamDesk {
  readonly #receivers: number;
  readonly #send: (receiver: number, message: ChannelMessage) => void;
  readonly #streams = new Map<string, Entry>();
  /** Receivers that have said how far they had come, since their last start. */
  readonly #known = new Set<number>();
  #claims: { readonly stream: string; readonly receiver: number }[] = [];

  constructor(receivers: number, send: (receiver: number, message: ChannelMessage) => void) {
    this.#receivers = receivers;
    this.#send = send;
  }

  take(message: Exclude<StreamMessage, { readonly type: 'granted' | 'surrender' }>): void {
    switch (message.type) {
      case 'marks':
        for (const mark of message.marks) this.#note(mark);
        // A new process holds nothing.
        this.#forgetHolder(message.receiver);
        this.#known.add(message.receiver);
        this.#retry();
        break;
      case 'claim':
        this.#claims.push({ stream: message.stream, receiver: message.receiver });
        this.#retry();
        break;
      case 'surrendered': {
        const entry = this.#note(message);
        if (entry.holder !== message.receiver) break;
        entry.holder = undefined;
        entry.isAskedBack = false;
        this.#grantNext(message.stream, entry);
        break;
      }
    }
  }

  /** A receiver died: what it held stays with it until its successor speaks. */
  died(receiver: number): void {
    this.#known.delete(receiver);
    this.#claims = this.#claims.filter((claim) => claim.receiver !== receiver);
    for (const { waiting } of this.#streams.values()) {
      const at = waiting.indexOf(receiver);
      if (at >= 0) waiting.splice(at, 1);
    }
  }

  #note({ stream, mark, at }: StreamMark): Entry {
    const entry = this.#entry(stream);
    if (mark > entry.mark) entry.mark = mark;
    if (at !== undefined && at.position > (entry.places.get(at.receiver) ?? START)) {
      entry.places.set(at.receiver, at.position);
    }
    return entry;
  }

  #entry(stream: string): Entry {
    let entry = this.#streams.get(stream);
    if (entry === undefined) {
      entry = { mark: '', places: new Map(), holder: undefined, isAskedBack: false, waiting: [] };
      this.#streams.set(stream, entry);
    }
    return entry;
  }

  #forgetHolder(receiver: number): void {
    for (const [stream, entry] of this.#streams) {
      if (entry.holder !== receiver) continue;
      entry.holder = undefined;
      entry.isAskedBack = false;
      this.#grantNext(stream, entry);
    }
  }

  /** Looks at the claims again, once every receiver has spoken: before that, one may know more of any stream. */
  #retry(): void {
    if (this.#known.size < this.#receivers && !this.#allSpoke) return;
    this.#allSpoke = true;
    const claims = this.#claims;
    this.#claims = [];
    for (const { stream, receiver } of claims) this.#claim(stream, receiver);
  }
  #allSpoke = false;

  #claim(stream: string, receiver: number): void {
    const entry = this.#entry(stream);
    // Unless it was asked back: it may still be taking a batch in, and hands the stream on when it has.
    if (entry.holder === receiver && !entry.isAskedBack) {
      this.#grant(stream, entry, receiver);
      return;
    }
    if (entry.waiting.includes(receiver)) return;
    entry.waiting.push(receiver);
    if (entry.holder === undefined) this.#grantNext(stream, entry);
    else this.#askBack(stream, entry, entry.holder);
  }

  #grantNext(stream: string, entry: Entry): void {
    const next = entry.waiting.shift();
    if (next === undefined) return;
    entry.holder = next;
    this.#grant(stream, entry, next);
    if (entry.waiting.length > 0) this.#askBack(stream, entry, next);
  }

  #grant(stream: string, { mark, places }: Entry, receiver: number): void {
    const others = [...places].filter(([other]) => other !== receiver);
    const after = others.map(([other, position]) => ({ receiver: other, position }));
    this.#send(receiver, { type: 'granted', stream, mark, after });
  }

  #askBack(stream: string, entry: Entry, holder: number): void {
    if (entry.isAskedBack) return;
    entry.isAskedBack = true;
    this.#send(holder, { type: 'surrender', stream });
  }
}
