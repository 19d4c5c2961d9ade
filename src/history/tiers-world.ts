import { historyLine, keepHistory, record, streamLine } from '../base/history.ts';
import { HOP_HEADERS } from '../base/names.ts';
import { type Clock, yieldToEvents } from '../host/clock.ts';
import { type Disk, readWhole } from '../host/disk.ts';
import { LyingDisk } from '../host/lying-disk.ts';
import { ManualClock } from '../host/manual-clock.ts';
import { seededChance } from '../host/seeded-chance.ts';
import { finishForgotten, forget, listSealed } from '../journal/forget.ts';
import { receiverDirectory } from '../journal/segment-files.ts';
import { type Intake, openIntake } from '../receive/intake.ts';
import { batchOf, StreamMarks } from '../receive/marks.ts';
import { OnceSink } from '../receive/once.ts';
import type { SegmentBuilder } from '../receive/segment-builder.ts';
import { DeadLetters } from '../send/dead.ts';
import { Forwarder } from '../send/forwarder.ts';
import { Lines, type Wire, type WireEvents } from '../send/lines.ts';
import type { Link } from '../send/link.ts';
import { TargetPool } from '../send/pool.ts';
import { Progress } from '../send/progress.ts';
import type { ExportCall, Reply, Transport } from '../send/transport.ts';
import { httpStatusOf } from '../wire/answers.ts';

/*
 * Edge, region and centre in one process for histories of streams: the real intakes, once-filters and forwarders on lying disks, over a
 * network that loses, cuts, doubles and delays, with nodes and senders that die; everything from one seed.
 */

/** Lines of text, counted as logs: such segments can be forwarded and loaded alike. But for the edge one with a `?` makes its request invalid. */
export function lineBuilder(isEdge: boolean): SegmentBuilder {
  let rows: string[] = [];
  return {
    get items() {
      return rows.length;
    },
    sizeBytes: 0,
    sharedBytes: 0,
    repeatedBytes: 0,
    transcode(_signal, body) {
      const lines = Buffer.from(body).toString().split('\n').slice(0, -1);
      if (!isEdge && lines.some((line) => line.startsWith('?'))) return { kind: 'invalid', message: 'not lines' };
      rows.push(...lines);
      return { kind: 'ok', accepted: lines.length, rejected: 0, message: '' };
    },
    freeze() {
      const chunks = rows.map((row) => Buffer.from(`${row}\n`));
      return [{ table: 'lines', columns: ['line'], rows: rows.length, groups: [chunks] }];
    },
    reset() {
      rows = [];
    },
    counts: () => ({ traces: 0, metrics: 0, logs: rows.length }),
  };
}

/** What happens to a call on its way. */
type Fate = 'arrives' | 'lost' | 'answer lost' | 'late' | 'unreachable';

export interface Dangers {
  readonly loss: number;
  readonly crash: number;
  readonly refusal: number;
  readonly retriesMax: number;
  /** Of a request. */
  readonly bytesMax?: number;
  /** Lines are this long, and the disk refuses now and then to be read past the first piece of a journal. */
  readonly lineBytes?: number;
}

const INSTANCES = ['feedc0de0000000a', 'feedc0de0000000b', 'feedc0de0000000c'] as const;

/** One Clew of three: what of it lives on disk outlives it. */
class Node {
  readonly lying: LyingDisk;
  readonly name: string;
  readonly index: number;
  clock = new ManualClock();
  intake: Intake | undefined;
  sink: OnceSink | undefined;
  forwarder: Forwarder | undefined;
  disk: Disk;
  #senderLives = { is: false };

  constructor(seed: number, index: number) {
    this.lying = new LyingDisk(seed + index);
    this.name = `n${index}`;
    this.index = index;
    this.disk = this.lying.boot();
  }

  get journal(): string {
    return `/${this.name}/journal`;
  }

  get directory(): string {
    return receiverDirectory(this.journal, this.index);
  }

  async start(): Promise<void> {
    this.disk = this.lying.boot();
    this.clock = new ManualClock(Number(this.clock.unixNano() / 1_000_000n));
    const marks = new StreamMarks(this.disk, this.directory, 0);
    await marks.load(() => {});
    this.intake = await openIntake({
      disk: this.disk,
      clock: this.clock,
      directory: this.directory,
      receiver: this.index,
      instance: INSTANCES[this.index] ?? '',
      newBuilder: () => lineBuilder(this.index === 0),
      limits: { diskFreeBytesMin: 0, segmentItemsMax: 6 },
      marks,
      onSealed: () => this.forwarder?.notify(),
      onReport: () => {},
    });
    this.sink = new OnceSink(this.intake, marks, async () => ({ mark: '', after: [] }), this.clock);
  }

  /** A sender that has its own view of the disk and its own timers: both end with it. */
  async startSender(
    chance: () => number,
    { retriesMax, bytesMax = 4_000, lineBytes = 0 }: Dangers,
    transport: (link: Link) => Transport,
  ): Promise<void> {
    const lives = { is: true };
    this.#senderLives = lives;
    const disk = mortal(this.disk, {
      ...lives,
      get is() {
        return lives.is;
      },
      fails: () => lineBytes > 0 && chance() < 0.3,
    });
    const clock = this.clock;
    const mortalClock: Clock = {
      unixNano: () => clock.unixNano(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, run) => clock.after(delayMs, () => lives.is && run()),
    };
    // Two ways to the next node, so that one can be down while the other carries.
    const pool = new TargetPool({
      urls: ['a', 'b'],
      balancer: 'round-robin',
      failover: 'known',
      connect: (_url, link) => transport(link),
      check: async () => ({ kind: 'passed', tookMs: 1 }),
      clock: mortalClock,
    });
    const forwarder = new Forwarder({
      disk,
      clock: mortalClock,
      chance,
      journalDirectory: this.journal,
      instance: INSTANCES[this.index] ?? '',
      destinations: [
        {
          name: 'next',
          policy: { retriesMax, expiresMs: Number.POSITIVE_INFINITY },
          connect: (lane, pin, link) => pool.connect(lane, pin, link),
        },
      ],
      rewrite: undefined,
      batchLimits: { itemsMax: lineBytes > 0 ? 100 : 3, bytesMax, ageMsMax: 0 },
      progress: new Progress(disk, mortalClock, `/${this.name}`, () => {}),
      dead: new DeadLetters(disk, `/${this.name}/dead`),
      onForgotten: (_receiver, segment) => lives.is && this.intake?.forgotten(segment),
      report: () => {},
    });
    this.forwarder = forwarder;
    await forwarder.start();
  }

  get isSenderAlive(): boolean {
    return this.#senderLives.is;
  }

  get senderLives(): { readonly is: boolean } {
    return this.#senderLives;
  }

  killSender(): void {
    this.#senderLives.is = false;
    this.forwarder = undefined;
  }

  kill(how: 'process' | 'power'): void {
    this.killSender();
    this.lying.crash(how);
    this.intake = undefined;
    this.sink = undefined;
  }
}

/** A disk for a process that can be killed apart from the others of its machine. */
function mortal(disk: Disk, lives: { readonly is: boolean; readonly fails?: () => boolean }): Disk {
  return new Proxy(disk, {
    get(target, name, receiver) {
      const value = Reflect.get(target, name, receiver) as unknown;
      if (typeof value !== 'function') return value;
      return async (...words: unknown[]) => {
        const ifAlive = (): void => {
          if (!lives.is) throw Object.assign(new Error('dead'), { code: 'ECRASHED' });
        };
        ifAlive();
        if (name === 'read' && Number(words[1]) > 500_000 && lives.fails?.() === true)
          throw Object.assign(new Error('EIO'), { code: 'EIO' });
        const result = await (value as (...words: unknown[]) => Promise<unknown>).apply(target, words);
        ifAlive();
        return result;
      };
    },
  });
}

class TiersWorld {
  readonly nodes: readonly Node[];
  readonly stored = new Map<string, readonly string[]>();
  readonly #chance: () => number;
  readonly #dangers: Dangers;
  readonly #late: (() => Promise<unknown>)[] = [];
  readonly #turns: (() => void)[] = [];
  #isCalm = false;
  #isOver = false;

  constructor(seed: number, dangers: Dangers, tiers = 3) {
    this.#chance = seededChance(seed ^ 0x7135);
    this.#dangers = dangers;
    this.nodes = Array.from({ length: tiers }, (_, index) => new Node(seed * 8, index));
  }

  async start(): Promise<void> {
    for (const node of this.nodes) await node.start();
    for (const node of this.nodes) await this.#startSender(node);
  }

  /** Time and everything that it sets off, on all nodes. */
  async pass(ms: number): Promise<void> {
    for (let turn = 0; turn < 6; turn++) await yieldToEvents();
    for (const node of this.nodes) node.clock.advance(ms);
    for (const wake of this.#turns.splice(0)) wake();
    for (let turn = 0; turn < 6; turn++) await yieldToEvents();
  }

  /** One request at the edge. */
  async take(line: string, baggage: string): Promise<string> {
    const outcome = await this.nodes[0]?.intake?.export({ signal: 'logs', body: Buffer.from(`${line}\n`), baggage });
    return outcome?.kind ?? 'dead';
  }

  /** Something bad, now and then. */
  async disturb(): Promise<void> {
    const chance = this.#chance();
    const node = this.nodes[Math.floor(this.#chance() * this.nodes.length)];
    if (node === undefined || chance > this.#dangers.crash) return;
    if (this.#chance() < 0.5 && node.isSenderAlive) {
      if (this.#chance() < 0.3) await this.#stopSender(node);
      node.killSender();
      await this.#startSender(node);
      return;
    }
    node.kill(this.#chance() < 0.6 ? 'process' : 'power');
    for (let turn = 0; turn < 20; turn++) await yieldToEvents();
    await node.start();
    await this.#startSender(node);
  }

  async load(): Promise<void> {
    const node = this.nodes.at(-1);
    if (node?.intake === undefined) return;
    const { disk, journal, directory, intake } = node;
    if (this.#chance() < 0.3) for (const { segment } of await finishForgotten(disk, journal)) intake.forgotten(segment);
    for (const sealed of await listSealed(disk, journal, () => {})) {
      for (const table of sealed.tables) {
        const token = `${sealed.segment}/${table.table}`;
        const text = Buffer.from(await readWhole(disk, `${directory}/${table.file}`)).toString();
        if (!this.stored.has(token)) this.stored.set(token, text.split('\n').slice(0, -1));
      }
      record('Load', directory, sealed.segment);
      // A store that dies here loads it again.
      if (!this.#isCalm && this.#chance() < 0.2) continue;
      await forget(disk, directory, sealed.segment);
      intake.forgotten(sealed.segment);
    }
  }

  /** No more trouble: everything comes to its end. */
  async settle(rounds = 40): Promise<void> {
    this.#isCalm = true;
    for (const late of this.#late.splice(0)) await late();
    for (let round = 0; round < rounds; round++) {
      await this.pass(1_200);
      await this.load();
      if (round > 3 && this.nodes.slice(0, -1).every(({ forwarder }) => forwarder?.queuedSegments === 0)) break;
    }
    for (const node of this.nodes.slice(0, -1)) await this.#stopSender(node);
    for (let round = 0; round < 3; round++) {
      await this.pass(1_200);
      await this.load();
    }
    this.#isOver = true;
    await this.pass(0);
  }

  async #stopSender(node: Node): Promise<void> {
    const stopping = node.forwarder?.stop();
    for (let round = 0; round < 8; round++) await this.pass(120);
    await stopping;
    node.killSender();
  }

  async #startSender(node: Node): Promise<void> {
    const next = this.nodes[node.index + 1];
    if (next === undefined) return;
    const transport = (link: Link): Transport => this.#transport(node, next, link);
    const starting = node.startSender(this.#chance, this.#dangers, transport);
    for (let turn = 0; turn < 3; turn++) await this.pass(0);
    await starting;
  }

  #transport(from: Node, to: Node, link: Link): Transport {
    const lives = from.senderLives;
    const wires: WireEvents[] = [];
    const lines = new Lines<Wire>({
      link,
      streamsMax: 1,
      ageMsMax: 2_000,
      open: async (events) => {
        if (to.sink === undefined || this.#fate() === 'unreachable') throw new Error('unreachable');
        wires.push(events);
        return { close: () => {} };
      },
    });
    return {
      call: async (call) => {
        if (!this.#isCalm && this.#chance() < this.#dangers.loss / 4) wires.at(-1)?.leaving();
        if (!this.#isCalm && this.#chance() < this.#dangers.loss / 4) wires.at(-1)?.broken();
        const line = await lines.take(1_000);
        if (typeof line === 'string') return { kind: 'none', reason: line, sent: false };
        call.onBegin?.();
        const reply = await this.#carry(to, call);
        if (!lives.is) return new Promise(() => {});
        if (reply.kind === 'none') line.broke();
        else line.release();
        return reply;
      },
      close: () => lines.close(),
      connections: () => lines.states(),
    };
  }

  #fate(): Fate {
    const { loss } = this.#dangers;
    if (this.#isCalm || this.#chance() > loss) return 'arrives';
    return (['lost', 'answer lost', 'late', 'unreachable'] as const)[Math.floor(this.#chance() * 4)] ?? 'lost';
  }

  async #carry(to: Node, call: ExportCall): Promise<Reply> {
    const fate = this.#fate();
    if (fate === 'late') this.#late.push(() => this.#deliver(to, call));
    if (fate === 'lost' || fate === 'unreachable' || fate === 'late') {
      return { kind: 'none', reason: 'no answer in time', sent: true };
    }
    if (this.#late.length > 0 && this.#chance() < 0.5) await this.#late.shift()?.();
    const reply = await this.#deliver(to, call);
    return fate === 'answer lost' ? { kind: 'none', reason: 'cut', sent: true } : reply;
  }

  async #deliver(to: Node, call: ExportCall): Promise<Reply> {
    const { sink } = to;
    const { signal } = call;
    if (sink === undefined || signal === 'peer') return { kind: 'none', reason: 'nobody there', sent: true };
    if (!this.#isCalm && this.#chance() < this.#dangers.refusal) {
      return { kind: 'http', status: 503, headers: {}, body: new Uint8Array(0) };
    }
    const batch = batchOf(call.headers[HOP_HEADERS.stream], call.headers[HOP_HEADERS.batch]);
    const body = Buffer.concat(call.body);
    const outcome = await Promise.race([
      sink.export({ signal, body, baggage: call.headers['baggage'] ?? '', ...(batch && { batch }) }),
      this.#death(to),
    ]);
    if (outcome === 'dead') return { kind: 'none', reason: 'died', sent: true };
    const headers = outcome.kind === 'overlap' ? { [HOP_HEADERS.mark]: outcome.mark } : {};
    return { kind: 'http', status: httpStatusOf(outcome), headers, body: new Uint8Array(0) };
  }

  /** Resolves when the node has died, or has given no answer for long, or the world has ended. */
  async #death(node: Node): Promise<'dead'> {
    const { intake, clock } = node;
    const fromMs = clock.monotonicMs();
    while (!this.#isOver && node.intake === intake && clock.monotonicMs() - fromMs < 20_000) {
      await new Promise<void>((resolve) => this.#turns.push(resolve));
    }
    return 'dead';
  }
}

/** The history of a seed, and what the store holds at its end. */
export async function tiersHistory(
  seed: number,
  dangers: Dangers,
  tiers = 3,
): Promise<{ readonly text: string; readonly taken: readonly string[]; readonly stored: readonly string[] }> {
  const lines: string[] = [];
  // Receivers have different numbers here, so that their names alone tell the nodes apart: `r1`, `/n1/journal/r1`.
  const nodeOf = (where: number | string): string =>
    INSTANCES[typeof where === 'number' ? where : Number(/\d/.exec(where)?.[0])] ?? '';
  keepHistory(
    (step, where, segment, count) => lines.push(historyLine(step, where, segment, count, nodeOf(where))),
    (step, stream, count, at, where) =>
      lines.push(streamLine(step, stream, count, at, where, nodeOf(Number(where[1])))),
  );
  const taken: string[] = [];
  const world = new TiersWorld(seed, dangers, tiers);
  const chance = seededChance(seed ^ 0x2222);
  try {
    await world.start();
    for (let round = 0; round < 8; round++) {
      const count = Math.floor(chance() * 4) + (dangers.lineBytes === undefined ? 0 : 3);
      const requests = Array.from({ length: count }, async (_, index) => {
        const name = `${chance() < dangers.refusal / 3 ? '?' : 'i'}${round}.${index}${'-'.repeat(dangers.lineBytes ?? 0)}`;
        if ((await world.take(name, chance() < 0.7 ? 'k=a' : 'k=b')) === 'success') taken.push(name);
      });
      await Promise.race([Promise.all(requests), world.pass(80).then(() => world.pass(80))]);
      await world.pass(chance() < 0.5 ? 1_300 : 100);
      await world.disturb();
      if (chance() < 0.5) await world.load();
    }
    await world.settle();
  } finally {
    keepHistory(undefined);
  }
  return { text: lines.join(''), taken, stored: [...world.stored.values()].flat() };
}
