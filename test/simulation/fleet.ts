import { errorCode } from '../../src/host/disk.ts';
import { seededChance } from '../../src/host/seeded-chance.ts';
import type { Destination } from '../../src/send/forwarder.ts';
import { TargetPool } from '../../src/send/pool.ts';
import { rewriteRequest } from '../../src/send/rules/rewrite.ts';
import { parseRules, type RuleSet } from '../../src/send/rules/rules.ts';
import type { ExportCall, Reply } from '../../src/send/transport.ts';
import { audit } from './audit.ts';
import { Ledger, type Violation } from './ledger.ts';
import { Network, SimulatedTransport, SimulatedWire, TIMEOUT_MS } from './network.ts';
import { Node, type Surroundings } from './node.ts';
import { requestOf, textOf } from './payload.ts';
import { type Body, Receiver, Sender, Store, type Work } from './processes.ts';
import { type Fault, HEALED_MS, type LinkName, type NodeName, type Request, type Schedule } from './schedule.ts';
import { type HearInsert, StoreTwin } from './store-twin.ts';
import { VirtualTime } from './virtual-time.ts';

/** What one schedule came to. */
export interface Outcome {
  readonly violation: Violation | undefined;
  /** Leaps of the time, and steps of all disks. */
  readonly steps: number;
  readonly acknowledged: number;
  readonly stored: number;
  /** Virtual milliseconds until everything had drained. */
  readonly drainedMs: number;
}

/** After everything is well: how long a message may wait for its next try, several times over. */
const DRAIN_MS_MAX = 400_000;
/** Not before anything that is late has come. */
const QUIET_MS = HEALED_MS + 5_000;
const LOOK_MS = 500;
/** A hundred times what a schedule needs. */
const STEPS_MAX = 100_000;

/** Edge, regional and central, with the network between them and all that a schedule does to them. */
export class Fleet {
  readonly time = new VirtualTime();
  readonly ledger: Ledger;
  readonly nodes = new Map<NodeName, Node>();
  readonly #schedule: Schedule;
  readonly #network: Network;
  readonly #chance: () => number;
  readonly #twin: StoreTwin;
  readonly #rules: RuleSet;
  readonly #log: ((text: string) => void) | undefined;

  constructor(schedule: Schedule, log: ((line: string) => void) | undefined, hear: HearInsert | undefined) {
    this.#schedule = schedule;
    this.#chance = seededChance(schedule.seed ^ 0x51ab1e);
    this.#log = log && ((text) => log(`${(this.time.nowMs / 1000).toFixed(4)} s  ${text}`));
    this.#rules = rulesOf(schedule.shape.rules);
    const now = (): number => this.time.nowMs;
    this.ledger = new Ledger(schedule, now, (signal, trace) => this.#isDropped(signal, trace));
    this.#network = new Network(this.time, this.#chance, schedule.shape.networkMs, (link) => this.#killSender(link));
    this.#twin = new StoreTwin(this.time, this.#chance, this.ledger, hear);
    this.#makeNodes();
  }

  /** Runs the schedule to its end, or to the first promise that is broken. */
  async run(): Promise<Outcome> {
    const { requests, faults } = this.#schedule;
    for (const node of this.nodes.values()) node.start();
    for (const request of requests) this.time.at(request.atMs + 500, () => this.#send(request));
    for (const fault of faults) this.time.at(fault.atMs + 500, () => this.#happen(fault));
    this.time.at(HEALED_MS, () => this.#heal());
    const failures = watchFailures();
    try {
      await this.#runToEnd();
    } catch (error) {
      this.ledger.broken('no process fails', stackOf(error));
    } finally {
      // Rejections that nobody handles are told when the queue of ticks is empty.
      await new Promise((resolve) => setImmediate(resolve));
      failures.stop();
    }
    for (const error of failures.seen) this.ledger.broken('no process fails', stackOf(error));
    const disks = [...this.nodes.values()].reduce((sum, node) => sum + node.disk.stepCount, 0);
    return {
      violation: this.ledger.violation,
      steps: this.time.steps + disks,
      acknowledged: this.ledger.acknowledged.size,
      stored: this.ledger.stored.size,
      drainedMs: this.time.nowMs,
    };
  }

  async #runToEnd(): Promise<void> {
    let nextLookMs = QUIET_MS;
    while (this.ledger.violation === undefined) {
      if (!(await this.time.leap()) || this.time.steps > STEPS_MAX) {
        this.ledger.broken('everything drains', 'nothing happens any more, or too much');
      }
      if (this.time.nowMs < nextLookMs) continue;
      nextLookMs = this.time.nowMs + LOOK_MS;
      const waiting = [...this.nodes.values()].filter((node) => !node.isDrained());
      if (waiting.length === 0) break;
      this.ledger.holds(this.time.nowMs < QUIET_MS + DRAIN_MS_MAX, 'everything drains', () =>
        waiting.map((node) => `${node.name} still has ${node.leftovers().join(', ') || 'something'}`).join('; '),
      );
    }
    if (this.ledger.violation === undefined) await audit(this.nodes, this.ledger, this.#schedule);
  }

  #makeNodes(): void {
    const { receivers, regionals } = this.#schedule.shape;
    const surroundings: Surroundings = {
      time: this.time,
      chance: this.#chance,
      schedule: this.#schedule,
      ledger: this.ledger,
      log: this.#log,
      openMover: (body, node) => this.#openMover(body, node),
      openReceiver: (body, node) =>
        Receiver.open(
          body,
          (stream) => this.#sourceOf(stream),
          (receiver, bytes) => node.isJournalled(receiver, bytes),
        ),
    };
    const add = (name: NodeName, nth: number, count: 1 | 2 | 3): void => {
      this.nodes.set(name, new Node(name, nth, count, surroundings));
    };
    add('edge', 1, receivers.edge);
    add('regional', 2, receivers.regional);
    if (regionals === 2) add('regional2', 3, receivers.regional);
    add('central', 4, receivers.central);
  }

  /** The node that a stream comes from. */
  #sourceOf(stream: string): NodeName | undefined {
    return [...this.nodes.values()].find(({ instance }) => stream.startsWith(instance))?.name;
  }

  #openMover(body: Body, node: Node): Promise<Work> {
    if (body.node === 'central') return Store.open(body, this.#twin, (path) => node.disk.content(path));
    const isRuled = body.node === 'edge' && this.#schedule.shape.rules.length > 0;
    return Sender.open(body, this.#chance, {
      destinations: [this.#destinationOf(body)],
      rewrite: isRuled ? (signal, bytes) => rewriteRequest(this.#rules, signal, bytes) : undefined,
    });
  }

  #destinationOf(body: Body): Destination {
    const { regionals, balancer, transport, retriesMax } = this.#schedule.shape;
    const policy = { retriesMax, expiresMs: Number.POSITIVE_INFINITY };
    const streamsMax = transport === 'http' ? 1 : 256;
    const way = (link: LinkName): Pick<Destination, 'name' | 'policy' | 'connect'> => ({
      name: 'next',
      policy,
      connect: (_lane, _pin, protocol) =>
        new SimulatedTransport(this.#network, link, () => this.#pick(link), protocol, streamsMax),
    });
    if (body.node === 'regional') return way('regional-central');
    if (body.node === 'regional2') return way('regional2-central');
    if (regionals === 1) return way('edge-regional');
    const pool = new TargetPool({
      urls: ['edge-regional', 'edge-regional2'],
      balancer,
      failover: 'known',
      connect: (url, protocol) => {
        const link = url as LinkName;
        return new SimulatedTransport(this.#network, link, () => this.#pick(link), protocol, streamsMax);
      },
      check: async (url) => {
        const link = url as LinkName;
        if (this.#network.link(link).isDown || this.#pick(link) === undefined) {
          return { kind: 'failed', reason: 'not there' };
        }
        return { kind: 'passed', tookMs: 1 };
      },
      clock: body.clock,
    });
    return { name: 'next', policy, connect: (lane, pin, protocol) => pool.connect(lane, pin, protocol) };
  }

  #pick(link: LinkName): Receiver | undefined {
    return this.nodes.get(END[link])?.pickHost() as Receiver | undefined;
  }

  #killSender(link: LinkName): void {
    const name = START[link];
    this.#log?.(`! what forwards at ${name} dies`);
    this.nodes.get(name)?.kill('mover', AWAY_MS);
  }

  #send({ signal, baggage, items }: Request): void {
    const host = this.#pick('client-edge');
    if (host === undefined) return;
    const body = requestOf(
      signal,
      items.map(({ id, trace }) => ({ id, trace, text: textOf(id) })),
    );
    const headers = baggage === '' ? {} : { baggage };
    const call: ExportCall = { signal, body: [body], headers };
    const wire = new SimulatedWire('client-edge', host, undefined);
    const clock = this.time.clock(1, 0);
    void this.#network.exchange(wire, call, clock, TIMEOUT_MS).then((reply) => this.#noteAnswer(items, reply));
  }

  #noteAnswer(items: Request['items'], reply: Reply): void {
    const text =
      reply.kind === 'http' ? `HTTP ${reply.status}` : reply.kind === 'grpc' ? `gRPC ${reply.code}` : reply.reason;
    this.#log?.(`client hears of items ${items.map(({ id }) => id).join(' ')}: ${text}`);
  }

  #heal(): void {
    this.#log?.('everything is well again');
    this.#network.heal();
    this.#twin.failing = undefined;
    for (const node of this.nodes.values()) node.heal();
  }

  #happen(fault: Fault): void {
    this.#log?.(`! ${JSON.stringify(fault)}`);
    switch (fault.kind) {
      case 'partition': {
        const link = this.#network.link(fault.link);
        link.isDown = true;
        this.time.after(fault.forMs, () => {
          link.isDown = false;
        });
        break;
      }
      case 'mishap':
        this.#network.link(fault.link).mishaps.push(fault);
        break;
      case 'store fails':
        this.#twin.failing = fault.when;
        this.time.after(fault.forMs, () => {
          this.#twin.failing = undefined;
        });
        break;
      default: {
        const node = this.nodes.get(fault.node);
        if (node !== undefined) this.#happenTo(node, fault);
      }
    }
  }

  #happenTo(node: Node, fault: Exclude<Fault, { readonly kind: 'partition' | 'mishap' | 'store fails' }>): void {
    const until = (forMs: number, end: () => void): void => void this.time.after(forMs, end);
    switch (fault.kind) {
      case 'crash':
        node.crash(fault.how, fault.downMs);
        break;
      case 'restart':
        node.restart(fault.downMs);
        break;
      case 'kill':
        node.kill(fault.process, fault.downMs);
        break;
      case 'die at a step':
        node.dieAtStep(fault);
        break;
      case 'disk errors':
        node.errors = fault;
        until(fault.forMs, () => {
          node.errors = undefined;
        });
        break;
      case 'disk full':
        node.disk.capacityBytes = fault.bytes;
        until(fault.forMs, () => {
          node.disk.capacityBytes = Number.POSITIVE_INFINITY;
        });
        break;
      case 'slow disk':
        node.slowMs = fault.delayMs;
        until(fault.forMs, () => {
          node.slowMs = 0;
        });
        break;
      case 'fsync lies':
        node.lies = true;
        until(fault.forMs, () => {
          node.lies = false;
        });
        break;
      case 'bit flips':
        node.flips.push(fault.share);
    }
  }

  #isDropped(signal: string, trace: number): boolean {
    if (this.#rules.keptTraces >= 1 || signal !== 'traces') return false;
    const request = requestOf('traces', [{ id: 1, trace, text: textOf(1) }]);
    return rewriteRequest(this.#rules, 'traces', request).length === 0;
  }
}

/** Of links between nodes. A client that ends says nothing. */
const START: Readonly<Record<LinkName, NodeName>> = {
  'client-edge': 'edge',
  'edge-regional': 'edge',
  'edge-regional2': 'edge',
  'regional-central': 'regional',
  'regional2-central': 'regional2',
};
/** A sender that is killed stays away so long. */
const AWAY_MS = 50;
const END: Readonly<Record<LinkName, NodeName>> = {
  'client-edge': 'edge',
  'edge-regional': 'regional',
  'edge-regional2': 'regional2',
  'regional-central': 'central',
  'regional2-central': 'central',
};

function rulesOf(lines: readonly string[]): RuleSet {
  const rules = parseRules(lines);
  if ('problem' in rules) throw new Error(rules.problem);
  return rules;
}

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** Collects rejections that nobody handles: each would end the process it is in. Those of the dead are no matter. */
function watchFailures(): { readonly seen: unknown[]; readonly stop: () => void } {
  const seen: unknown[] = [];
  const note = (error: unknown): void => {
    if (errorCode(error) !== 'ECRASHED') seen.push(error);
  };
  process.on('unhandledRejection', note);
  return { seen, stop: () => process.off('unhandledRejection', note) };
}
