import { BOOT_FILE, DIRECTORIES, FORWARD_FILE, MARKS_FILE, SUFFIX } from '../../src/base/names.ts';
import { errorCode } from '../../src/host/disk.ts';
import { LyingDisk, type Step, type Verdict } from '../../src/host/lying-disk.ts';
import { FILE_HEADER_BYTES } from '../../src/journal/format.ts';
import { receiverDirectory } from '../../src/journal/segment-files.ts';
import type { ChannelMessage } from '../../src/main/channel.ts';
import { StreamDesk } from '../../src/main/stream-desk.ts';
import { checkRemoved, checkSealed } from './audit.ts';
import type { Ledger } from './ledger.ts';
import type { Host, SimulatedWire } from './network.ts';
import { type Body, DATA, Receiver, Sender, Store, type Work } from './processes.ts';
import type { Fault, NodeName, ProcessName, Schedule } from './schedule.ts';
import type { ProcessClock, VirtualTime } from './virtual-time.ts';

/** What all nodes share. */
export interface Surroundings {
  readonly time: VirtualTime;
  readonly chance: () => number;
  readonly schedule: Schedule;
  readonly ledger: Ledger;
  readonly log: ((text: string) => void) | undefined;
  /** Starts what a node has beside its receivers: what forwards, or what loads. */
  readonly openMover: (body: Body, node: Node) => Promise<Work>;
  readonly openReceiver: (body: Body, node: Node) => Promise<Receiver>;
}

/** One process of a node: its life, and once it has begun, its work. */
class Process implements Body {
  readonly node: NodeName;
  readonly name: ProcessName;
  readonly disk: Body['disk'];
  readonly clock: ProcessClock;
  readonly instance: string;
  readonly shape: Body['shape'];
  readonly ledger: Ledger;
  readonly post: Body['post'];
  readonly log: Body['log'];
  readonly report: Body['report'];
  readonly kill: () => void;
  isAlive = true;
  work: Work | undefined;
  readonly early: ChannelMessage[] = [];

  constructor(node: Node, name: ProcessName) {
    const { time, schedule, ledger, log } = node.surroundings;
    this.node = node.name;
    this.name = name;
    this.instance = node.instance;
    this.shape = schedule.shape;
    this.ledger = ledger;
    this.log = log;
    this.report = (text) => {
      if (this.isAlive) log?.(`${node.name} ${name}: ${text}`);
    };
    this.clock = time.clock(GRAIN_MS, node.startUnixMs);
    const { disk, kill } = node.disk.join(() => {
      this.isAlive = false;
      this.clock.stop();
      node.processDied(this);
    });
    this.disk = disk;
    this.kill = kill;
    this.post = (message) => {
      if (this.isAlive) time.after(POST_MS, () => node.fromProcess(message));
    };
  }
}

/** Timers of a process that has more to do than to look at the time. */
const GRAIN_MS = 50;
/** From one process of a node to another, by way of the supervisor. */
const POST_MS = 0.1;
/** Until a process that could not begin is tried again. */
const RESTART_MS = 300;

type DeathAtStep = Extract<Fault, { readonly kind: 'die at a step' }>;
type DiskErrors = Pick<Extract<Fault, { readonly kind: 'disk errors' }>, 'code' | 'share' | 'only'>;

/** A Clew: a disk, a supervisor with its list of streams, receivers, and what forwards or loads. */
export class Node {
  readonly name: NodeName;
  readonly surroundings: Surroundings;
  readonly instance: string;
  readonly disk: LyingDisk;
  startUnixMs: number;
  isUp = false;
  errors: DiskErrors | undefined;
  slowMs = 0;
  lies = false;
  /** Bits of files of rows to flip when they are read next: where in the file, 0 to 1. */
  readonly flips: number[] = [];
  readonly #read = new Set<string>();
  #hasLied = false;
  #dying: (DeathAtStep & { left: number }) | undefined;
  #desk: StreamDesk;
  readonly #receivers: 1 | 2 | 3;
  readonly #processes = new Map<ProcessName, Process>();
  /** How long a process that dies by itself stays away. */
  #downMs = RESTART_MS;
  #boots = 0;
  #cancelStart: () => void = () => {};

  constructor(name: NodeName, nth: number, receivers: 1 | 2 | 3, surroundings: Surroundings) {
    this.name = name;
    this.surroundings = surroundings;
    this.#receivers = receivers;
    this.instance = (0xfeedc0de00000000n + BigInt(nth)).toString(16);
    this.startUnixMs = Date.UTC(2026, 0, 1 + nth);
    this.disk = new LyingDisk(surroundings.schedule.seed * 8 + nth);
    this.disk.shortReads = surroundings.schedule.shape.shortReads;
    this.#desk = this.#newDesk();
    void this.disk.boot().makeDirectory(DATA);
  }

  start(): void {
    this.#cancelStart();
    if (this.isUp) return;
    this.isUp = true;
    this.#boots++;
    this.disk.decide = (step) => this.#decide(step);
    this.#desk = this.#newDesk();
    // The wall clock of a machine that comes up may be wrong by anything.
    this.startUnixMs += Math.floor((this.surroundings.chance() - 0.5) * 20_000);
    for (const name of this.#names()) this.#startProcess(name);
  }

  /** The whole node goes down, and comes up again after a while. */
  crash(how: 'power' | 'killed', downMs: number): void {
    this.isUp = false;
    this.#dying = undefined;
    if (how === 'power' && this.#hasLied) this.surroundings.ledger.mayLose = true;
    this.disk.crash(how === 'power' ? 'power' : 'process');
    this.#cancelStart();
    this.#cancelStart = this.surroundings.time.after(downMs, () => this.start());
  }

  /** Asks every process to end in good order; what has not ended in time is killed. */
  restart(downMs: number): void {
    const { time } = this.surroundings;
    const boot = this.#boots;
    const end = (): void => {
      if (this.isUp && this.#boots === boot) this.crash('killed', downMs);
    };
    time.after(STOP_MS_MAX, end);
    void Promise.all([...this.#processes.values()].map(({ work }) => work?.stop())).then(end);
  }

  kill(name: ProcessName, downMs: number): void {
    this.#downMs = downMs;
    this.#processes.get(name)?.kill();
    this.#downMs = RESTART_MS;
  }

  dieAtStep(fault: DeathAtStep): void {
    if (this.isUp) this.#dying = { ...fault, left: fault.steps };
  }

  /** Everything about it is well from now on. */
  heal(): void {
    this.errors = undefined;
    this.slowMs = 0;
    this.lies = false;
    this.#dying = undefined;
    this.disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.start();
    for (const name of this.#names()) if (!this.#processes.has(name)) this.#startProcess(name);
  }

  /** A receiver that has begun, for a new connection. */
  pickHost(): Host | undefined {
    const ready = this.receivers();
    return ready[Math.floor(this.surroundings.chance() * ready.length)];
  }

  receivers(): Receiver[] {
    return [...this.#processes.values()].flatMap(({ work }) => (work instanceof Receiver ? [work] : []));
  }

  /** What forwards, or what loads; undefined while it is not there. */
  mover(): Work | undefined {
    return this.#processes.get('mover')?.work;
  }

  isReady(): boolean {
    return this.isUp && this.#names().every((name) => this.#processes.get(name)?.work !== undefined);
  }

  /** Nothing of what it has taken in waits here any more. */
  isDrained(): boolean {
    if (!this.isReady()) return false;
    const mover = this.mover();
    if (mover instanceof Sender && mover.forwarder.queuedSegments > 0) return false;
    if (mover instanceof Store && mover.loader.status().pendingSegments > 0) return false;
    if (this.leftovers().length > 0) return false;
    return this.receivers().every(({ intake }) => intake.vitals().journalBytes <= FILE_HEADER_BYTES);
  }

  /** Files that a node with nothing to do should not have. */
  leftovers(): string[] {
    return this.disk.paths().filter((path) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      if (KEPT.has(name) || path.startsWith(`${DATA}/${DIRECTORIES.dead}/`)) return false;
      return !(name.endsWith('.journal') && this.disk.content(path).length <= FILE_HEADER_BYTES);
    });
  }

  /** Whether a journal of a receiver has these bytes. */
  isJournalled(receiver: number, bytes: string): boolean {
    const directory = receiverDirectory(`${DATA}/${DIRECTORIES.journal}`, receiver);
    const journals = this.disk.paths().filter((path) => path.startsWith(directory) && path.endsWith(SUFFIX.journal));
    return journals.some((path) => Buffer.from(this.disk.content(path)).includes(bytes, 0, 'latin1'));
  }

  /** A process has died, by whatever. */
  processDied(process: Process): void {
    const { time, log } = this.surroundings;
    if (this.#processes.get(process.name) !== process) return;
    this.#processes.delete(process.name);
    log?.(`${this.name} ${process.name} is dead`);
    if (process.work instanceof Receiver) {
      for (const wire of [...process.work.wires]) this.#breakSoon(wire);
    }
    const index = Number(process.name.slice(1));
    if (process.name !== 'mover') this.#desk.died(index);
    time.after(this.#downMs, () => {
      if (this.isUp && !this.#processes.has(process.name)) this.#startProcess(process.name);
    });
  }

  /** The supervisor's post. */
  fromProcess(message: ChannelMessage): void {
    if (!this.isUp) return;
    if (message.type === 'sealed') {
      checkSealed(this, message.receiver, message.segment);
      this.#tell('mover', message);
    } else if (message.type === 'forgotten' || message.type === 'rebuild')
      this.#tell(nameOf(message.receiver), message);
    else if (message.type === 'marks' || message.type === 'claim' || message.type === 'surrendered') {
      this.#desk.take(message);
    }
  }

  #names(): ProcessName[] {
    return ['mover', ...RECEIVERS.slice(0, this.#receivers)];
  }

  #newDesk(): StreamDesk {
    return new StreamDesk(this.#receivers, (receiver, message) => this.#tell(nameOf(receiver), message));
  }

  #tell(name: ProcessName, message: ChannelMessage): void {
    this.surroundings.time.after(POST_MS, () => {
      const process = this.#processes.get(name);
      if (process === undefined) return;
      if (process.work === undefined) process.early.push(message);
      else process.work.take(message);
    });
  }

  #startProcess(name: ProcessName): void {
    const { openMover, openReceiver, ledger } = this.surroundings;
    const process = new Process(this, name);
    this.#processes.set(name, process);
    const opening: Promise<Work> = name === 'mover' ? openMover(process, this) : openReceiver(process, this);
    opening.then(
      (work) => {
        if (!process.isAlive) return;
        process.work = work;
        for (const message of process.early.splice(0)) work.take(message);
      },
      (error: unknown) => {
        if (!process.isAlive) return;
        const isOfTheDisk = ['EIO', 'ENOSPC'].includes(errorCode(error));
        ledger.holds(isOfTheDisk, 'no process fails', () => `${this.name} ${name} cannot begin: ${String(error)}`);
        process.report(`cannot begin: ${String(error)}`);
        process.kill();
      },
    );
  }

  #breakSoon(wire: SimulatedWire): void {
    this.surroundings.time.after(1, () => wire.break());
  }

  #decide(step: Step): Verdict | Promise<Verdict> {
    const { chance, schedule, time } = this.surroundings;
    const dying = this.#dying;
    const counts = dying !== undefined && (dying.at === '' || dying.at === step.operation);
    if (counts && dying.left-- <= 0) return this.#dieNow(dying, step);
    if (step.operation === 'remove') checkRemoved(this, step.path);
    if (this.#fails(step)) return this.errors?.code ?? 'EIO';
    if (this.lies && step.operation === 'sync' && step.path.endsWith('.journal') && chance() < 0.5) {
      this.#hasLied = true;
      return 'lost';
    }
    if (step.path.endsWith('.native')) this.#touch(step);
    const mostMs = this.slowMs > 0 ? this.slowMs : schedule.shape.diskMs;
    if (mostMs === 0 || chance() < 0.5) return 'ok';
    return new Promise((resolve) => {
      time.after(chance() * mostMs, () => resolve('ok'));
    });
  }

  #fails({ operation }: Step): boolean {
    if (this.errors === undefined) return false;
    const { only, share } = this.errors;
    return (only.length === 0 || only.includes(operation)) && this.surroundings.chance() < share;
  }

  #dieNow({ how, downMs }: DeathAtStep, { operation, path }: Step): Verdict {
    const { time, log } = this.surroundings;
    this.#dying = undefined;
    log?.(`${this.name}: ${how} in the middle of ${operation} ${path}`);
    if (how === 'process') {
      this.#downMs = downMs;
      time.after(0, () => {
        this.#downMs = RESTART_MS;
      });
      return 'killed';
    }
    this.isUp = false;
    time.after(0, () => this.crash(how, downMs));
    return 'crash';
  }

  /** Rows are checked when they are first read after they were written. What changes after that check nobody can notice. */
  #touch({ operation, path }: Step): void {
    if (operation === 'open') this.#read.delete(path);
    if (operation !== 'read' || this.#read.has(path)) return;
    this.#read.add(path);
    const bytes = this.disk.content(path).length;
    const share = bytes === 0 ? undefined : this.flips.shift();
    if (share === undefined) return;
    this.surroundings.log?.(`${this.name}: a bit flips in ${path}`);
    this.disk.flipBit(path, Math.floor(share * bytes), Math.floor(share * 80) % 8);
  }
}

/** Files of a node that outlive what they tell of; what a save that failed has left of one is replaced by the next. */
const KEPT = new Set([BOOT_FILE, MARKS_FILE, FORWARD_FILE].flatMap((name) => [name, name + SUFFIX.temporary]));
const STOP_MS_MAX = 2_000;

const RECEIVERS = ['r0', 'r1', 'r2'] as const;
const nameOf = (receiver: number): ProcessName => RECEIVERS[receiver] ?? 'r0';
