import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { CuttingProxy } from '../../test/support/cutting-proxy.ts';
import { openWorld, RecordingSink } from '../../test/support/doors.ts';
import { encodeProto } from '../../test/support/otlp-proto.ts';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { seededChance } from '../host/seeded-chance.ts';
import { checkBuilder } from '../receive/check-builder.ts';
import { openIntake } from '../receive/intake.ts';
import { StreamMarks } from '../receive/marks.ts';
import { OnceSink } from '../receive/once.ts';
import { DeadLetters } from './dead.ts';
import { Forwarder } from './forwarder.ts';
import { GrpcTransport } from './grpc-transport.ts';
import { HttpTransport } from './http-transport.ts';
import { Progress } from './progress.ts';
import { parseTarget } from './target.ts';

const INSTANCE = 'feedc0de00000001';
const REQUESTS = Number(process.env['CLEW_ORDER_REQUESTS'] ?? 120);

/** One log record that says its number, and the others of its trace come one after the other. */
const numbered = (n: number): Uint8Array =>
  encodeProto('logs', { resources: [{ scopes: [{ items: [{ severityText: `<${n}>` }] }] }] });

test.each(['http', 'grpc'] as const)(
  'through cuts, lost answers and senders that die, what arrives over %s is stored once and in order',
  async (transport) => {
    const chance = seededChance(transport === 'http' ? 7 : 8);
    const data = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-order-'));
    const stored = new RecordingSink();
    const once = new OnceSink(
      stored,
      new StreamMarks(nodeDisk, data, 0),
      async () => ({ mark: '', after: [] }),
      systemClock,
    );
    const world = await openWorld({}, once);
    const proxy = new CuttingProxy(transport === 'http' ? world.httpPort : world.grpcPort);
    const target = parseTarget(`${transport}://127.0.0.1:${await proxy.listen()}`);
    if ('problem' in target) throw new Error(target.problem);
    const options = { packing: 'none', timeoutMs: 500, headers: {}, tls: {}, connectionAgeMsMax: 60_000 } as const;
    const open = async (): Promise<Forwarder> => {
      const report = (): void => {};
      const forwarder = new Forwarder({
        disk: nodeDisk,
        clock: systemClock,
        chance,
        journalDirectory: path.join(data, 'journal'),
        instance: INSTANCE,
        rewrite: undefined,
        destinations: [
          {
            name: 'next',
            policy: { retriesMax: 256, expiresMs: Number.POSITIVE_INFINITY },
            connect: (_lane, _pin, link) =>
              transport === 'http'
                ? new HttpTransport(target, options, link)
                : new GrpcTransport(target, options, link),
          },
        ],
        progress: new Progress(nodeDisk, systemClock, data, report),
        dead: new DeadLetters(nodeDisk, path.join(data, 'dead')),
        onForgotten: () => {},
        report,
      });
      await forwarder.start();
      return forwarder;
    };
    const intake = await openIntake({
      disk: nodeDisk,
      clock: systemClock,
      directory: path.join(data, 'journal/r0'),
      receiver: 0,
      instance: INSTANCE,
      newBuilder: checkBuilder,
      onSealed: () => forwarder.notify(),
      onReport: () => {},
    });
    let forwarder = await open();
    for (let n = 0; n < REQUESTS; n++) {
      await intake.export({ signal: 'logs', body: numbered(n), baggage: '' });
      if (chance() < 0.3) await intake.seal();
      if (chance() < 0.15) proxy.cut(chance() < 0.6);
      if (chance() < 0.05) {
        await forwarder.stop();
        forwarder = await open();
      }
    }
    await intake.seal();
    await forwarder.idle(20_000);
    await forwarder.stop();
    await intake.close();
    proxy.close();
    await world.close();
    const text = stored.requests.map(({ body }) => Buffer.from(body).toString('latin1')).join('');
    const numbers = [...text.matchAll(/<(\d+)>/g)].map(([, n]) => Number(n));
    expect(numbers).toEqual(Array.from({ length: REQUESTS }, (_, n) => n));
    expect(proxy.cuts).toBeGreaterThan(5);
    expect(forwarder.accounts().find(({ signal }) => signal === 'logs')).toMatchObject({
      received: REQUESTS,
      forwarded: REQUESTS,
      queued: 0,
    });
    fs.rmSync(data, { recursive: true, force: true });
  },
  40_000,
);
