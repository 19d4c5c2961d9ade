import type { HopTarget, PeerAnswer } from '../base/fleet.ts';
import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import { readPeerAnswer } from '../wire/peer.ts';
import { WireError } from '../wire/wire-error.ts';
import type { Check } from './health.ts';
import { Link } from './link.ts';
import type { Reply, Transport } from './transport.ts';

export interface PeersOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly chance: () => number;
  /** A connection of its own to a target, for reports alone. */
  readonly connect: (url: string, link: Link) => Transport;
  /** Whether a target that knows no reports can be connected to. */
  readonly reaches: (url: string) => Promise<Check>;
}

interface Peer {
  readonly transport: Transport;
  /** What it said last; undefined for one that is no Clew, or does not say so. */
  answer: PeerAnswer | undefined;
  responseMs: number;
  reason: string;
  /** It knows no reports: until then (monotonic) none is sent. */
  strangerUntilMs: number;
}

/**
 * Tells each target of this Clew, and hears from it who it is, what it unpacks and how busy it is. That is the health check of a target that is a
 * Clew; of any other receiver it is whether one can connect.
 */
export class Peers {
  readonly #options: PeersOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #cancels = new Map<string, () => void>();
  #isStopping = false;
  /** The report that is sent (wire/peer.ts); replaced by the owner, who knows the whole of this Clew. */
  report: () => Promise<Uint8Array> = async () => NOTHING;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** What a target said last of itself. */
  answerOf(url: string): PeerAnswer | undefined {
    return this.#peers.get(url)?.answer;
  }

  /** How the last check of a target went. */
  stateOf(url: string): Pick<HopTarget, 'condition' | 'responseMs' | 'reason'> {
    const { responseMs = 0, reason = '' } = this.#peers.get(url) ?? {};
    return { condition: reason === '' ? 'up' : 'down', responseMs, reason };
  }

  /** Asks one target. Never rejects. */
  async check(url: string): Promise<Check> {
    const peer = this.#peerOf(url);
    const check = await this.#ask(url, peer);
    peer.reason = check.kind === 'failed' ? check.reason : '';
    if (check.kind === 'passed') peer.responseMs = check.tookMs;
    return check;
  }

  async #ask(url: string, peer: Peer): Promise<Check> {
    const { clock, reaches } = this.#options;
    const startedMs = clock.monotonicMs();
    if (startedMs < peer.strangerUntilMs) return reaches(url);
    const reply = await peer.transport.call({ signal: 'peer', body: [await this.report()], headers: {} });
    if (reply.kind === 'none') return { kind: 'failed', reason: reply.reason };
    peer.answer = answerIn(reply);
    if (peer.answer === undefined) peer.strangerUntilMs = clock.monotonicMs() + LIMITS.peerAgainMs;
    return { kind: 'passed', tookMs: clock.monotonicMs() - startedMs, resources: peer.answer?.resources };
  }

  /** Asks a target again and again, which nobody else does. */
  watch(url: string): void {
    const ask = async (): Promise<void> => {
      await this.check(url);
      if (this.#isStopping) return;
      this.#cancels.set(
        url,
        this.#options.clock.after(LIMITS.healthIntervalMs, () => void ask()),
      );
    };
    void ask();
  }

  /** Targets that have gone. One that may still be asked for its batches is known again when it is. */
  forgetAllBut(urls: ReadonlySet<string>): void {
    for (const [url, { transport }] of this.#peers) {
      if (urls.has(url)) continue;
      transport.close();
      this.#peers.delete(url);
    }
  }

  stop(): void {
    this.#isStopping = true;
    for (const cancel of this.#cancels.values()) cancel();
    for (const { transport } of this.#peers.values()) transport.close();
  }

  #peerOf(url: string): Peer {
    let peer = this.#peers.get(url);
    if (peer === undefined) {
      const { connect, clock, chance } = this.#options;
      const transport = connect(url, new Link(`peer ${url}`, clock, chance));
      peer = { transport, answer: undefined, responseMs: 0, reason: '', strangerUntilMs: 0 };
      this.#peers.set(url, peer);
    }
    return peer;
  }
}

const NOTHING = Buffer.from('{"nodes":[]}');

function answerIn(reply: Exclude<Reply, { readonly kind: 'none' }>): PeerAnswer | undefined {
  if (reply.kind === 'unreadable' || reply.body === undefined) return undefined;
  const isAnswer = reply.kind === 'http' ? reply.status === 200 : reply.code === 0;
  if (!isAnswer) return undefined;
  try {
    return readPeerAnswer(reply.body);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
