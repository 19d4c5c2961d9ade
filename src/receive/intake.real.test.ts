import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { randomHex } from '../host/random.ts';
import { forget, listSealed } from '../journal/forget.ts';
import { openInstance } from '../journal/identity-files.ts';
import { verifySealed } from '../journal/manifest.ts';
import { nativeFile, receiverDirectory } from '../journal/segment-files.ts';
import { type Intake, openIntake } from './intake.ts';
import { recoverRetired } from './recovery.ts';

/* The intake on the real disk, with the real clock and the real transcoder. */

const data = await mkdtemp(path.join(tmpdir(), 'clew-intake-'));
afterAll(() => rm(data, { recursive: true }));
const journalDirectory = `${data}/journal`;
const reports: string[] = [];

async function start(receiver: number, announced: string[] = []): Promise<Intake> {
  return openIntake({
    disk: nodeDisk,
    clock: systemClock,
    directory: receiverDirectory(journalDirectory, receiver),
    receiver,
    instance: await openInstance(nodeDisk, data, randomHex),
    onSealed: (segment) => announced.push(segment),
    onReport: (text) => reports.push(text),
  });
}

/** A length-delimited protobuf field. */
function field(number: number, ...parts: (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), body]);
}

/** ExportTraceServiceRequest of spans with these names; an empty name stands for a span without ids. */
function traces(...names: string[]) {
  const spans = names.map((name, index) => {
    if (name === '') return field(2, field(5, 'invalid'));
    const traceId = Buffer.alloc(16, index + 1);
    return field(2, field(1, traceId), field(2, Buffer.alloc(8, index + 1)), field(5, name), attribute(name));
  });
  return { signal: 'traces' as const, body: field(1, field(2, ...spans)), baggage: 'tenant=t1' };
}

function attribute(value: string): Buffer {
  return field(9, field(1, `key.${value.length}`), field(2, field(1, value)));
}

async function natives(receiver: number, segment: string): Promise<Map<string, string>> {
  const directory = receiverDirectory(journalDirectory, receiver);
  const files = (await readdir(directory)).filter((name) => name.startsWith(segment) && name.endsWith('.native'));
  const contents = files.map(async (name) => [name, (await readFile(`${directory}/${name}`)).toString('hex')] as const);
  return new Map(await Promise.all(contents));
}

test('a segment rebuilt from its journal has the very bytes of the one that was sealed from memory', async () => {
  const announced: string[] = [];
  const intake = await start(0, announced);
  expect(await intake.export(traces('a', 'b'))).toMatchObject({ kind: 'success', rejected: 0 });
  expect(await intake.export({ ...traces('x'), body: Buffer.from([0x0a, 0xff]) })).toMatchObject({ kind: 'invalid' });
  expect(await intake.export(traces('c', '', 'c'))).toMatchObject({ kind: 'success', rejected: 1 });
  await Promise.all(Array.from({ length: 40 }, (_, index) => intake.export(traces(`n${index}`, 'same'))));
  await intake.close();
  const [segment] = announced;
  const before = await natives(0, segment);
  expect([...before.keys()]).toContain(nativeFile(segment, 'otel_traces'));
  const directory = receiverDirectory(journalDirectory, 0);
  for (const name of before.keys()) await rm(`${directory}/${name}`);
  await rm(`${directory}/${segment}.sealed`);

  const again = await start(0, announced);
  expect(announced).toEqual([segment, segment]);
  expect(await natives(0, segment)).toEqual(before);
  const [sealed] = await listSealed(nodeDisk, journalDirectory);
  expect(sealed).toMatchObject({ segment, records: 42 });
  expect(sealed.tables.find(({ table }) => table === 'otel_traces')?.rows).toBe(84);
  expect(await verifySealed(nodeDisk, directory, sealed, 'checksums')).toBeUndefined();
  await forget(nodeDisk, directory, segment);
  again.forgotten(segment);
  expect(again.vitals()).toMatchObject({ sealedSegments: 0, damaged: [] });
  await again.close();
  expect(await readdir(directory)).toEqual(['boot']);
  expect(reports).toEqual([]);
});

test('a journal of a receiver that no longer runs is recovered by another', async () => {
  const retired = await start(3);
  await retired.export(traces('left behind'));
  // No close: the process is gone. Its timers end with the test's.
  const workshop = {
    disk: nodeDisk,
    instance: await openInstance(nodeDisk, data, randomHex),
    report: (text: string) => reports.push(text),
    reportDamage: (text: string) => reports.push(text),
  };
  const { rebuilt } = await recoverRetired(workshop, journalDirectory, 2);
  expect(rebuilt).toMatchObject([{ receiver: 3, records: 1 }]);
  expect(reports).toEqual([]);
});
