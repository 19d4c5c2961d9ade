import path from 'node:path';
import { LIMITS } from '../base/limits.ts';
import type { ReceiverVitals } from '../base/messages.ts';
import { DIRECTORIES, LOCK_FILE, RECEIVER_PREFIX } from '../base/names.ts';
import { pause, systemClock } from '../host/clock.ts';
import { errorText } from '../host/disk.ts';
import { machineLoad } from '../host/load.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { youngSweeper } from '../host/young-memory.ts';
import { checkBuilder } from '../receive/check-builder.ts';
import { type DoorOptions, type Doors, openDoors } from '../receive/doors.ts';
import { type Intake, openIntake } from '../receive/intake.ts';
import { type StreamMark, StreamMarks } from '../receive/marks.ts';
import { OnceSink } from '../receive/once.ts';
import { recoverRetired } from '../receive/recovery.ts';
import type { ExportSink } from '../receive/sink.ts';
import { type ChildWork, type ChildWorld, runChild, takePart } from './child.ts';
import { Claims } from './claims.ts';
import { forwards, nameOf } from './role.ts';
import type { Settings } from './settings.ts';

/** A receiver process: doors, transcoder, journal. */
export function runReceiver(): void {
  runChild('receiver', beginReceiver);
}

async function beginReceiver(world: ChildWorld): Promise<ChildWork> {
  const { start, log, channel } = world;
  const { settings, index, instance } = start;
  const receivers = settings.receivers ?? 1;
  const lock = await takePart(settings.data, `${RECEIVER_PREFIX}${index}`);
  const directory = path.join(settings.data, DIRECTORIES.journal, `${RECEIVER_PREFIX}${index}`);
  const marks = new StreamMarks(nodeDisk, directory, index);
  await marks.load((text) => log.error(text));
  const intake = await openIntake({
    disk: nodeDisk,
    clock: systemClock,
    directory,
    marks,
    ...(forwards(start.role) ? { newBuilder: checkBuilder } : {}),
    receiver: index,
    instance,
    limits: {
      inflightBytesMax: settings['limits.inflightBytesMax'],
      journalBytesMax: Math.floor(settings['journal.bytesMax'] / receivers),
    },
    onSealed: (segment) => channel.send({ type: 'sealed', receiver: index, segment }),
    onReport: (text) => log.warn(text),
  });
  const claims = new Claims(index, channel, systemClock);
  const once = new OnceSink(intake, marks, (stream) => claims.claim(stream), systemClock);
  const doors = await openDoors(doorOptions(world, once));
  const startedAtMs = Number(systemClock.unixNano() / 1_000_000n);
  const report = (): void =>
    channel.send({ type: 'vitals', vitals: vitalsOf(index, startedAtMs, intake, doors, once) });
  const reporting = setInterval(report, LIMITS.vitalsIntervalMs);
  channel.send({ type: 'ready', role: 'receiver', addresses: addressesOf(doors) });
  report();
  const others = index === 0 ? recoverOthers(world, receivers) : Promise.resolve([]);
  void others.then((more) => channel.send({ type: 'marks', receiver: index, marks: [...marks.all(), ...more] }));
  return {
    take(message) {
      if (message.type === 'forgotten') intake.forgotten(message.segment);
      if (message.type === 'rebuild') intake.rebuild(message.segment);
      if (message.type === 'granted') claims.granted(message.stream, message);
      if (message.type === 'surrender') {
        const { stream } = message;
        void once.surrender(stream).then((mark) => channel.send({ type: 'surrendered', receiver: index, ...mark }));
      }
      if (message.type === 'seal') {
        const { id } = message;
        void intake.seal().then(() => channel.send({ type: 'sealDone', id, receiver: index }));
      }
    },
    async stop() {
      clearInterval(reporting);
      await Promise.race([doors.drain(), pause(systemClock, settings['shutdown.timeout'] * DRAIN_SHARE)]);
      await doors.close();
      await intake.close();
      report();
      await lock.release();
    },
  };
}

/** Of the time for a shutdown, what slow clients get to finish their requests. */
const DRAIN_SHARE = 0.3;

function doorOptions({ start, log, channel }: ChildWorld, sink: ExportSink): DoorOptions {
  const { settings, instance, role, version } = start;
  const load = machineLoad(settings.data);
  const address = (port: number | null) => (port === null ? null : { host: settings.host, port });
  const tls = tlsOf(settings);
  return {
    sink,
    grpc: address(settings['grpc.port']),
    http: address(settings['http.port']),
    ...(tls === undefined ? {} : { tls }),
    tokens: start.tokens,
    corsOrigins: settings['cors.origins'],
    takePeer: async (report) => {
      channel.send({ type: 'peer', report });
      return { instance, name: nameOf(start), role, version, resources: await load() };
    },
    limits: {
      requestBytesMax: settings['limits.requestBytesMax'],
      connectionsMax: settings['limits.connectionsMax'],
    },
    letGo: youngSweeper(LIMITS.receiverGarbageBytesMax),
    onReport: (text) => log.warn(text),
  };
}

/** What the doors and the API need for TLS; undefined when it is off. */
export function tlsOf(settings: Settings): DoorOptions['tls'] {
  const { 'tls.cert': certFile, 'tls.key': keyFile, 'tls.clientCa': clientCaFile } = settings;
  if (certFile === null || keyFile === null) return undefined;
  const base = { certFile, keyFile, minVersion: settings['tls.minVersion'] };
  return clientCaFile === null ? base : { ...base, clientCaFile };
}

/** `grpc:4317`, `http:4318`. */
function addressesOf(doors: Doors): string[] {
  const addresses: string[] = [];
  if (doors.grpcAddress !== null) addresses.push(`grpc:${doors.grpcAddress.port}`);
  if (doors.httpAddress !== null) addresses.push(`http:${doors.httpAddress.port}`);
  return addresses;
}

function vitalsOf(receiver: number, startedAtMs: number, intake: Intake, doors: Doors, once: OnceSink): ReceiverVitals {
  const { user, system } = process.cpuUsage();
  return {
    receiver,
    pid: process.pid,
    startedAtMs,
    ...intake.vitals(),
    ...doors.counters(),
    repeated: once.repeated,
    sources: once.sources(),
    memoryBytes: process.memoryUsage.rss(),
    cpuMs: Math.round((user + system) / 1000),
  };
}

/** Seals what receivers have left that no longer run, because there are fewer now; answers how far they had come with the streams of other Clews. */
async function recoverOthers({ start, log, channel }: ChildWorld, receivers: number): Promise<readonly StreamMark[]> {
  const { data } = start.settings;
  for (;;) {
    try {
      const locks = (await nodeDisk.list(data)).flatMap((name) => {
        const index = new RegExp(`^${LOCK_FILE}\\.${RECEIVER_PREFIX}(\\d+)$`).exec(name)?.[1];
        return index !== undefined && Number(index) >= receivers ? [`${RECEIVER_PREFIX}${index}`] : [];
      });
      const held = await Promise.all(locks.map((part) => takePart(data, part)));
      const report = (text: string): void => log.warn(text);
      const newBuilder = forwards(start.role) ? { newBuilder: checkBuilder } : {};
      const workshop = { disk: nodeDisk, instance: start.instance, report, reportDamage: report, ...newBuilder };
      const { rebuilt, marks } = await recoverRetired(workshop, path.join(data, DIRECTORIES.journal), receivers);
      for (const { receiver, segment } of rebuilt) channel.send({ type: 'sealed', receiver, segment });
      await Promise.all(held.map((lock) => lock.release()));
      return marks;
    } catch (error) {
      log.error(`journals of receivers that no longer run cannot be recovered yet: ${errorText(error)}`);
      // Until it is known how far they had come, no batch of another Clew may be taken.
      await pause(systemClock, LIMITS.loadRetryMsMax);
    }
  }
}
