import { expect, test } from 'vitest';
import { LIMITS } from '../base/limits.ts';
import { readWhole } from '../host/disk.ts';
import type { Verdict } from '../host/lying-disk.ts';
import { listSealed } from '../journal/forget.ts';
import { DIRECTORY, IntakeWorld, JOURNAL, lines } from './intake-world.ts';
import { type Client, type Holder, newClient } from './shares.ts';

const SUCCESS = { kind: 'success', rejected: 0, message: '' };

/** One request of a client of its own. */
const request = (heldBytes = 0): Holder => ({ client: newClient(), heldBytes });

test('a request is answered with success when it is durable, and its rows are sealed after a second', async () => {
  const world = new IntakeWorld(1);
  const { intake, disk } = await world.start();
  expect(await intake.export(lines('a', 'b'))).toEqual(SUCCESS);
  await world.pass(900);
  expect(world.announced).toEqual([]);
  await world.pass(150);
  expect(world.announced.length).toBe(1);
  const [sealed] = await listSealed(disk, JOURNAL);
  expect(sealed).toMatchObject({ receiver: 0, segment: world.announced[0], records: 1 });
  expect(sealed.tables[0]).toMatchObject({ table: 'lines', columns: ['line'], rows: 2 });
  const native = Buffer.from(await readWhole(disk, `${DIRECTORY}/${sealed.tables[0].file}`)).toString();
  expect(native).toBe('a logs k=v 1767225600000000000\nb logs k=v 1767225600000000000\n');
  await intake.close();
});

test('a segment that was soon full is sealed in few pieces, one that had time in small ones', async () => {
  const world = new IntakeWorld(19);
  const { intake } = await world.start({ segmentItemsMax: 2 });
  await intake.export(lines('a'));
  await intake.export(lines('b'));
  await world.pass(100);
  expect(world.announced.length).toBe(1);
  await intake.export(lines('c'));
  await world.pass(1_100);
  expect(world.announced.length).toBe(2);
  expect(world.groupBytes).toEqual([undefined, expect.any(Number)]);
  await intake.close();
});

test('what is acknowledged survives a power cut and is replayed into the very same rows', async () => {
  const world = new IntakeWorld(2);
  const first = await world.start();
  expect(await first.intake.export(lines('a', 'b'))).toEqual(SUCCESS);
  expect(await first.intake.export(lines('c'))).toEqual(SUCCESS);
  world.lying.crash('power');
  await world.pass(5_000);
  const { intake, disk } = await world.start();
  expect(world.announced.length).toBe(1);
  await world.load(intake, disk);
  expect([...world.loaded.values()]).toEqual([['a', 'b', 'c'].map((line) => `${line} logs k=v 1767225600000000000`)]);
  expect(await disk.list(DIRECTORY)).toEqual(expect.not.arrayContaining([`${world.announced[0]}.journal`]));
  await intake.close();
});

test('rejected items, empty requests and invalid bodies are answered without a record for nothing', async () => {
  const world = new IntakeWorld(3);
  const { intake } = await world.start();
  expect(await intake.export(lines())).toEqual(SUCCESS);
  expect(await intake.export(lines('!x'))).toEqual({ kind: 'success', rejected: 1, message: 'begins with !' });
  expect(await intake.export(lines('?x'))).toEqual({ kind: 'invalid', message: 'not lines' });
  await world.pass(2_000);
  expect(world.announced).toEqual([]);
  expect(await intake.export(lines('a', '!b'))).toEqual({ kind: 'success', rejected: 1, message: 'begins with !' });
  expect(intake.vitals()).toMatchObject({ accepted: { logs: 1, traces: 0 }, rejected: { logs: 2 } });
  await intake.close();
});

test('closing seals what is open and leaves no empty journal behind', async () => {
  const world = new IntakeWorld(4);
  const { intake, disk } = await world.start();
  const waiting = intake.export(lines('a'));
  await intake.close();
  expect(await waiting).toEqual(SUCCESS);
  const segment = world.announced[0];
  expect(await disk.list(DIRECTORY)).toEqual(
    [`${segment}.journal`, `${segment}.lines.native`, `${segment}.sealed`, 'boot'].sort(),
  );
  expect(await intake.export(lines('b'))).toMatchObject({ kind: 'overloaded', message: 'the receiver is stopping' });
  expect(intake.reserve(1, request())).toBe(false);
});

test('a segment is sealed when it is full of bytes or items, and the next one is open already', async () => {
  const world = new IntakeWorld(5);
  const { intake, disk } = await world.start({ segmentItemsMax: 3, segmentBytesMax: 600 });
  for (let index = 0; index < 7; index++) {
    expect(await intake.export(lines(`a${index}`))).toEqual(SUCCESS);
    await world.pass(0);
  }
  expect(world.announced.length).toBe(2);
  for (let index = 0; index < 2; index++) {
    expect(await intake.export(lines('b'.repeat(400)))).toEqual(SUCCESS);
    await world.pass(0);
  }
  await intake.seal();
  expect((await listSealed(disk, JOURNAL)).map((sealed) => sealed.records)).toEqual([3, 3, 2, 1]);
  await intake.close();
});

test('a segment is sealed when its columns are large, however small its journal is', async () => {
  const world = new IntakeWorld(5);
  const { intake, disk } = await world.start({ segmentColumnBytesMax: 300 });
  for (const size of [1, 250, 1, 400, 1]) {
    expect(await intake.export(lines('c'.repeat(size)))).toEqual(SUCCESS);
    await world.pass(0);
  }
  await intake.seal();
  expect((await listSealed(disk, JOURNAL)).map((sealed) => sealed.records)).toEqual([2, 2, 1]);
  await intake.close();
});

test.each([
  ['will repeat much', { segmentRepeatedBytesMax: 300 }, 'c', [3, 2]],
  ['share many resources', { segmentSharedBytesMax: 200 }, 's', [2, 2, 1]],
] as const)(
  'a segment is sealed when its rows %s, however little memory they take',
  async (_what, limits, line, records) => {
    const world = new IntakeWorld(5);
    const { intake, disk } = await world.start(limits);
    for (let request = 0; request < 5; request++) {
      expect(await intake.export(lines(line))).toEqual(SUCCESS);
      await world.pass(0);
    }
    await intake.seal();
    expect((await listSealed(disk, JOURNAL)).map((sealed) => sealed.records)).toEqual(records);
    await intake.close();
  },
);

test('bytes in flight, the journal quota and the free space each say why they refuse', async () => {
  const world = new IntakeWorld(6);
  const limits = { inflightBytesMax: 1_000, journalBytesMax: 3_000, diskFreeBytesMin: 10_000 };
  const { intake, disk } = await world.start(limits);
  expect(intake.reserve(900, request())).toBe(true);
  expect(intake.reserve(200, request())).toBe(false);
  expect(intake.overload()).toEqual({
    kind: 'overloaded',
    message: 'too many bytes of requests are in flight',
    retryAfterMs: 1_000,
  });
  intake.release(900, request(900));
  expect(await intake.export(lines('x'.repeat(2_500)))).toEqual(SUCCESS);
  expect(intake.reserve(900, request())).toBe(false);
  expect(intake.overload()).toMatchObject({ message: 'the journal quota is used up: the store is behind' });
  await intake.seal();
  expect(intake.vitals().sealedSegments).toBe(1);
  await world.load(intake, disk);
  expect(intake.vitals().sealedSegments).toBe(0);
  expect(intake.reserve(900, request())).toBe(true);
  intake.release(900, request(900));
  world.lying.capacityBytes = 5_000;
  await world.pass(1_100);
  expect(intake.reserve(1, request())).toBe(false);
  expect(intake.overload()).toMatchObject({ message: 'the disk of the journal is nearly full' });
  await intake.close();
});

test('usual requests leave room for a large one, which leaves room for some of them', async () => {
  const { intake } = await new IntakeWorld(6).start();
  const [many, large] = [request(), { client: newClient(), heldBytes: 0 }];
  let usual = 0;
  while (intake.reserve(2 ** 20, { client: newClient(), heldBytes: 0 })) usual++;
  const mostMiB = LIMITS.inflightUsualBytesMax / 2 ** 20;
  expect(usual).toBe(mostMiB);
  for (; large.heldBytes < 48 * 2 ** 20; large.heldBytes += 2 ** 20) {
    if (large.heldBytes === 0) {
      // It begins like any other, when one of them has gone.
      expect(intake.reserve(2 ** 20, large)).toBe(false);
      intake.release(2 ** 20, request(2 ** 20));
    }
    if (large.heldBytes === 2 ** 20) intake.release(3 * 2 ** 20, request(3 * 2 ** 20));
    expect(intake.reserve(2 ** 20, large)).toBe(true);
  }
  expect(intake.vitals().inflightBytes).toBe((mostMiB - 4 + 48) * 2 ** 20);
  expect(intake.reserve(4 * 2 ** 20, many)).toBe(true);
  expect(intake.reserve(1, request())).toBe(false);
  await intake.close();
});

test('a connection that takes all it can leaves room in flight and the last part of the quota to others', async () => {
  const world = new IntakeWorld(6);
  const { intake } = await world.start({ inflightBytesMax: 1_000, journalBytesMax: 16_000 });
  const [greedy, modest] = [newClient(), newClient()];
  const ask = (client: Client, bytes: number): boolean => {
    const given = intake.reserve(bytes, { client, heldBytes: 0 });
    if (given) intake.release(bytes, { client, heldBytes: bytes });
    return given;
  };
  const takeAll = (client: Client): number => {
    let requests = 0;
    while (intake.reserve(100, { client, heldBytes: 0 })) requests++;
    return requests;
  };
  const giveBack = (client: Client, requests: number): void => {
    for (let i = 0; i < requests; i++) intake.release(100, { client, heldBytes: 100 });
  };
  expect(ask(modest, 10)).toBe(true);
  expect(takeAll(greedy)).toBe(5);
  expect(intake.overload()).toMatchObject({ message: 'this connection has its share of bytes in flight' });
  expect(ask(modest, 300)).toBe(true);
  giveBack(greedy, 5);
  // When nobody else has asked for a while there is nobody to leave it to.
  await world.pass(60_000);
  expect(takeAll(greedy)).toBe(10);
  giveBack(greedy, 10);
  expect(ask(modest, 10)).toBe(true);
  let taken = 0;
  for (; ask(greedy, 500); taken++) expect(await intake.export(lines('x'.repeat(400)))).toEqual(SUCCESS);
  expect(intake.overload()).toMatchObject({ message: 'the journal quota is used up: the store is behind' });
  // Seven eighths of the quota; a record has a header.
  expect(taken * 464).toBeGreaterThan(13_000);
  expect(intake.vitals().journalBytes).toBeLessThan(14_000);
  expect(ask(modest, 500)).toBe(true);
  await intake.close();
});

test('a forgotten segment whose message was lost is noticed by the rescan', async () => {
  const world = new IntakeWorld(7);
  const { intake, disk } = await world.start();
  await intake.export(lines('a'));
  await intake.seal();
  await world.load({ ...intake, forgotten: () => {}, rebuild: () => {} }, disk);
  expect(intake.vitals().sealedSegments).toBe(1);
  for (let second = 0; second < 12; second++) await world.pass(1_000);
  expect(intake.vitals()).toMatchObject({ sealedSegments: 0 });
  await intake.close();
});

test('while sealing is stuck the open segment fills and then requests are refused, none is lost', async () => {
  const world = new IntakeWorld(8);
  const { intake, disk } = await world.start({ segmentItemsMax: 2 });
  let openGate: () => void = () => {};
  const gate = new Promise<void>((open) => {
    openGate = open;
  });
  world.lying.decide = async (step): Promise<Verdict> => {
    if (step.path.endsWith('.native')) await gate;
    return 'ok';
  };
  const outcomes: string[] = [];
  for (let index = 0; index < 8; index++) outcomes.push((await intake.export(lines(`a${index}`))).kind);
  expect(outcomes).toEqual([...Array(4).fill('success'), ...Array(4).fill('overloaded')]);
  // Those that the doors hold wait for a moment, for which further ones are read.
  expect(intake.isHeldUp(1)).toBe(true);
  const held = request();
  expect(intake.reserve(10, held)).toBe(true);
  intake.release(10, held);
  await world.pass(LIMITS.segmentWaitMsMax - 1);
  expect(intake.isHeldUp(1)).toBe(true);
  await world.pass(1);
  expect(intake.isHeldUp(1)).toBe(false);
  expect(intake.reserve(10, held)).toBe(false);
  expect(intake.overload()).toMatchObject({ message: 'segments are sealed more slowly than requests arrive' });
  openGate();
  await world.pass(100);
  expect(intake.isHeldUp(1)).toBe(false);
  expect(await intake.export(lines('b'))).toEqual(SUCCESS);
  await intake.seal();
  await world.load(intake, disk);
  expect(world.storedIds()).toEqual(['a0', 'a1', 'a2', 'a3', 'b']);
  await intake.close();
});

test.each(['write', 'sync'] as const)(
  'when a journal %s fails its requests are refused, the rest is rebuilt and a new segment opened',
  async (operation) => {
    const world = new IntakeWorld(9);
    const { intake, disk } = await world.start();
    expect(await intake.export(lines('kept'))).toEqual(SUCCESS);
    world.lying.decide = (step) => (step.operation === operation && step.path.endsWith('.journal') ? 'EIO' : 'ok');
    const refused = await Promise.all(['x', 'y', 'z'].map((id) => intake.export(lines(id))));
    for (const outcome of refused) expect(outcome).toMatchObject({ kind: 'overloaded', retryAfterMs: 1_000 });
    expect(intake.reserve(1, request())).toBe(false);
    for (let second = 0; second < 3; second++) await world.pass(1_100);
    expect(await intake.export(lines('still broken'))).toMatchObject({ kind: 'overloaded' });
    world.lying.decide = () => 'ok';
    for (let second = 0; second < 3; second++) await world.pass(1_100);
    expect(await intake.export(lines('after'))).toEqual(SUCCESS);
    await intake.seal();
    await world.load(intake, disk);
    expect(world.storedIds()).toEqual(['after', 'kept']);
    expect(world.reports.join('\n')).toContain('is closed and rebuilt from its journal: EIO');
    await intake.close();
  },
);

test('what was refused because of a failed fsync does not come back after a crash, though its bytes had been written', async () => {
  const world = new IntakeWorld(16);
  const first = await world.start();
  expect(await first.intake.export(lines('kept'))).toEqual(SUCCESS);
  world.lying.decide = (step) => (step.operation === 'sync' || step.path.includes('.native') ? 'EIO' : 'ok');
  expect(await first.intake.export(lines('refused'))).toMatchObject({ kind: 'overloaded' });
  await world.pass(0);
  world.lying.crash('process');
  const { intake, disk } = await world.start();
  await world.load(intake, disk);
  expect(world.storedIds()).toEqual(['kept']);
  await intake.close();
});

test('when sealing fails the segment is rebuilt from its journal as soon as the disk allows', async () => {
  const world = new IntakeWorld(10);
  const { intake, disk } = await world.start();
  world.lying.decide = (step) => (step.path.includes('.native') || step.path.includes('.sealed') ? 'ENOSPC' : 'ok');
  expect(await intake.export(lines('a'))).toEqual(SUCCESS);
  for (let second = 0; second < 4; second++) await world.pass(1_100);
  expect(world.announced).toEqual([]);
  expect(await intake.export(lines('b'))).toEqual(SUCCESS);
  world.lying.decide = () => 'ok';
  for (let second = 0; second < 4; second++) await world.pass(1_100);
  expect(world.announced.length).toBe(2);
  await world.load(intake, disk);
  expect(world.storedIds()).toEqual(['a', 'b']);
  await intake.close();
});

test('a transcoder that throws costs its own request and no other', async () => {
  const world = new IntakeWorld(11);
  const { intake, disk } = await world.start();
  const before = intake.export(lines('a'));
  expect(await intake.export(lines('#'))).toMatchObject({ kind: 'internal' });
  expect(await before).toEqual(SUCCESS);
  for (let second = 0; second < 2; second++) await world.pass(1_100);
  expect(await intake.export(lines('b'))).toEqual(SUCCESS);
  await intake.seal();
  await world.load(intake, disk);
  expect(world.storedIds()).toEqual(['a', 'b']);
  await intake.close();
});

test('a receiver starts on a disk that refuses new journals, and takes requests once it does not', async () => {
  const world = new IntakeWorld(12);
  world.lying.decide = (step) => (step.path.endsWith('.journal') ? 'ENOSPC' : 'ok');
  const { intake } = await world.start();
  expect(await intake.export(lines('a'))).toMatchObject({ kind: 'overloaded' });
  world.lying.decide = () => 'ok';
  for (let second = 0; second < 2; second++) await world.pass(1_100);
  expect(await intake.export(lines('a'))).toEqual(SUCCESS);
  await intake.close();
});

test('a damaged, cut or missing Native file is rebuilt on the word of the store', async () => {
  for (const harm of ['flip', 'cut', 'remove'] as const) {
    const world = new IntakeWorld(13);
    const { intake, disk } = await world.start();
    await intake.export(lines('a', 'b'));
    await intake.seal();
    const native = `${DIRECTORY}/${world.announced[0]}.lines.native`;
    if (harm === 'flip') world.lying.flipBit(native, 3, 5);
    if (harm === 'cut') await disk.truncate(native, 5);
    if (harm === 'remove') await disk.remove(native);
    await world.load(intake, disk);
    expect(world.loaded.size).toBe(0);
    await world.pass(100);
    expect(world.announced.length).toBe(2);
    await world.load(intake, disk);
    expect(world.storedIds()).toEqual(['a', 'b']);
    expect(intake.vitals().damaged).toEqual([]);
    await intake.close();
  }
});

test.each(['message', 'restart'] as const)(
  'a segment that the store has set aside is whole again after a %s',
  async (way) => {
    const world = new IntakeWorld(17);
    let { intake, disk } = await world.start();
    await intake.export(lines('a', 'b'));
    await intake.seal();
    const path = `${DIRECTORY}/${world.announced[0]}`;
    world.lying.flipBit(`${path}.lines.native`, 3, 5);
    await disk.rename(`${path}.sealed`, `${path}.damaged`);
    await disk.syncDirectory(DIRECTORY);
    if (way === 'message') {
      intake.rebuild(world.announced[0]);
      await world.pass(0);
    } else {
      await intake.close();
      ({ intake, disk } = await world.start());
    }
    expect(world.announced.length).toBe(2);
    await world.load(intake, disk);
    expect(world.storedIds()).toEqual(['a', 'b']);
    expect(world.lying.paths().filter((left) => left.startsWith(path))).toEqual([]);
    await intake.close();
  },
);

test('with the journal damaged as well, whole files are kept and the lost rows are reported', async () => {
  const world = new IntakeWorld(18);
  const { intake, disk } = await world.start();
  await intake.export(lines('a'));
  await intake.export(lines('b'));
  await intake.seal();
  const path = `${DIRECTORY}/${world.announced[0]}`;
  world.lying.flipBit(`${path}.journal`, 70, 0);
  await world.load(intake, disk);
  expect(world.storedIds()).toEqual(['a', 'b']);

  await intake.export(lines('c'));
  await intake.export(lines('d'));
  await intake.seal();
  const next = `${DIRECTORY}/${world.announced[1]}`;
  world.lying.flipBit(`${next}.journal`, 70, 0);
  world.lying.flipBit(`${next}.lines.native`, 0, 0);
  await world.load(intake, disk);
  await world.pass(0);
  await world.load(intake, disk);
  expect(world.storedIds()).toEqual(['a', 'b', 'd']);
  expect(intake.vitals().damaged).toEqual([
    expect.stringMatching(
      /journal: bytes 40 to 8\d: the payload of record 0 fails its checksum; 1 records lost, the rest is saved$/,
    ),
    expect.stringContaining('.sealed: rows of 1 records are lost in lines'),
  ]);
  await intake.close();
});

test('a segment id is never used twice, even when the clock goes back and the boot file is gone', async () => {
  const world = new IntakeWorld(14);
  const seen: string[] = [];
  for (let boot = 0; boot < 4; boot++) {
    const { intake, disk } = await world.start();
    await intake.export(lines(`a${boot}`));
    await intake.close();
    if (boot === 1) await disk.remove(`${DIRECTORY}/boot`);
    if (boot === 3) await world.load(intake, disk);
  }
  seen.push(...world.announced);
  expect(new Set(seen).size).toBe(4);
  expect([...seen].sort()).toEqual(seen);
  expect(world.storedIds()).toEqual(['a0', 'a1', 'a2', 'a3']);
});

test('the acknowledgement latency of the last minute is reported', async () => {
  const world = new IntakeWorld(15);
  const { intake } = await world.start();
  await world.pass(0);
  world.lying.decide = (step) => {
    if (step.operation === 'sync') world.clock.advance(20);
    return 'ok';
  };
  for (let index = 0; index < 10; index++) await intake.export(lines(`a${index}`));
  const { ackP50Ms, ackP99Ms } = intake.vitals();
  expect(ackP50Ms).toBeGreaterThanOrEqual(20);
  expect(ackP50Ms).toBeLessThan(25);
  expect(ackP99Ms).toBe(ackP50Ms);
  await world.pass(70_000);
  expect(intake.vitals().ackP50Ms).toBe(0);
  await intake.close();
});

test('a journal that cannot be opened is removed as soon as the disk lets it, for it would be in the way of those that forward', async () => {
  const world = new IntakeWorld(21);
  const { intake } = await world.start();
  await world.pass(0);
  await intake.export(lines('a'));
  // The next segment gets its name, and then neither fsync nor removal of it succeeds.
  world.lying.decide = ({ operation }) => (['syncDirectory', 'remove'].includes(operation) ? 'EIO' : 'ok');
  const sealing = intake.seal();
  await world.pass(60);
  world.lying.decide = () => 'ok';
  for (let second = 0; second < 4; second++) await world.pass(1_000);
  await sealing;
  for (const line of ['b', 'c']) {
    await intake.export(lines(line));
    await intake.seal();
  }
  const named = (suffix: string): string[] =>
    world.lying
      .paths()
      .filter((path) => path.endsWith(suffix))
      .map((path) => path.slice(0, -suffix.length));
  const sealed = named('.sealed');
  expect(world.reports).toContainEqual(expect.stringContaining('no segment can be opened'));
  expect(sealed.length).toBe(3);
  expect(named('.journal').filter((segment) => segment < (sealed[2] ?? '') && !sealed.includes(segment))).toEqual([]);
  await intake.close();
});
