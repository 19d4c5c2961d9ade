import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Signal } from '../../src/base/signal.ts';
import { systemClock } from '../../src/host/clock.ts';
import { nodeDisk } from '../../src/host/node-disk.ts';
import { checkBuilder } from '../../src/receive/check-builder.ts';
import { type Intake, openIntake } from '../../src/receive/intake.ts';
import type { HopBatch } from '../../src/receive/sink.ts';
import { DeadLetters } from '../../src/send/dead.ts';
import { type Destination, Forwarder, type ForwarderOptions } from '../../src/send/forwarder.ts';
import { HttpTransport } from '../../src/send/http-transport.ts';
import { Progress } from '../../src/send/progress.ts';
import { parseTarget } from '../../src/send/target.ts';
import { openWorld, type RecordingSink, type World } from './doors.ts';

const INSTANCE = 'feedc0de00000001';

export interface StartOptions extends Partial<Pick<ForwarderOptions, 'rewrite' | 'routing' | 'tail'>> {
  readonly retriesMax?: number;
  readonly urls?: Readonly<Record<string, string>>;
}

function destination(name: string, url: string, retriesMax: number): Destination {
  const target = parseTarget(url);
  if ('problem' in target) throw new Error(target.problem);
  const options = { packing: 'none', timeoutMs: 2_000, headers: {}, tls: {}, connectionAgeMsMax: 60_000 } as const;
  const policy = { retriesMax, expiresMs: Number.POSITIVE_INFINITY };
  return { name, policy, connect: (_lane, _pin, link) => new HttpTransport(target, options, link) };
}

/** A request of a client, or of another Clew. */
export type Taken = readonly [Signal, Uint8Array, string?, HopBatch?];

/** A receiver's journal, a forwarder, and a real door that it forwards to. */
export interface Hop {
  readonly world: World<RecordingSink>;
  readonly intake: Intake;
  readonly data: string;
  readonly reports: string[];
  readonly dead: DeadLetters;
  /** A forwarder as another process would start it. `urls` are its destinations by name; without, the door under the name `next`. */
  start(options?: StartOptions): Promise<Forwarder>;
  /** Takes requests in and seals them. */
  take(...requests: Taken[]): Promise<void>;
  /** Another receiver of the same Clew: takes requests in as well, and seals them. */
  another(receiver: number): Promise<(...requests: Taken[]) => Promise<void>>;
}

/** Opens one; what is to be closed goes to `closers`, last first. */
export async function openTestHop(closers: (() => unknown)[]): Promise<Hop> {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-forward-'));
  closers.push(() => fs.rmSync(data, { recursive: true, force: true }));
  const world = await openWorld();
  closers.push(() => world.close());
  const reports: string[] = [];
  const forwarders: Forwarder[] = [];
  const open = async (receiver: number): Promise<Intake> => {
    const opened = await openIntake({
      disk: nodeDisk,
      clock: systemClock,
      directory: path.join(data, `journal/r${receiver}`),
      receiver,
      instance: INSTANCE,
      newBuilder: checkBuilder,
      onSealed: () => forwarders.at(-1)?.notify(),
      onReport: (text) => reports.push(text),
    });
    closers.push(() => opened.close());
    return opened;
  };
  const intake = await open(0);
  const dead = new DeadLetters(nodeDisk, path.join(data, 'dead'));
  const report = (text: string): void => void reports.push(text);
  return {
    world,
    intake,
    data,
    reports,
    dead,
    async start({ retriesMax = 256, urls = { next: `http://127.0.0.1:${world.httpPort}` }, ...more } = {}) {
      const forwarder = new Forwarder({
        disk: nodeDisk,
        clock: systemClock,
        chance: () => 0,
        journalDirectory: path.join(data, 'journal'),
        instance: INSTANCE,
        rewrite: undefined,
        destinations: Object.entries(urls).map(([name, url]) => destination(name, url, retriesMax)),
        progress: new Progress(nodeDisk, systemClock, data, report),
        dead,
        onForgotten: (_receiver, segment) => intake.forgotten(segment),
        report,
        ...more,
      });
      forwarders.push(forwarder);
      await forwarder.start();
      closers.push(() => forwarder.stop());
      return forwarder;
    },
    take: (...requests) => takeIn(intake, requests),
    async another(receiver) {
      const other = await open(receiver);
      return (...requests) => takeIn(other, requests);
    },
  };
}

async function takeIn(intake: Intake, requests: readonly Taken[]): Promise<void> {
  const outcomes = await Promise.all(
    requests.map(([signal, body, baggage = '', batch]) =>
      intake.export({ signal, body, baggage, ...(batch === undefined ? {} : { batch }) }),
    ),
  );
  for (const outcome of outcomes) if (outcome.kind !== 'success') throw new Error(outcome.message);
  await intake.seal();
}
