import { expect, test } from 'vitest';
import { yieldToEvents } from '../host/clock.ts';
import { readWhole } from '../host/disk.ts';
import { LyingDisk } from '../host/lying-disk.ts';
import { decodeRecord } from '../journal/record.ts';
import { scanJournal } from '../journal/scan.ts';
import { DIRECTORY, INSTANCE, IntakeWorld, lines } from './intake-world.ts';
import { batchOf, StreamMarks } from './marks.ts';
import { type Grant, OnceSink } from './once.ts';
import type { ExportRequest } from './sink.ts';

const STREAM = 'feedc0de00000002-r0-logs-x';
const mark = (n: number): string => `0000000100000001${n.toString(16).padStart(8, '0')}`;

/** Items `<from>` to `<to>` of the stream, as one batch. */
function batch(from: number, to: number, stream = STREAM): ExportRequest {
  const items = Array.from({ length: to - from + 1 }, (_, i) => `i${from + i}`);
  return { ...lines(...items), batch: { stream, from: mark(from), mark: mark(to) } };
}

async function start(world: IntakeWorld) {
  const { intake, disk, marks } = await world.startWithMarks();
  const once = new OnceSink(intake, marks, async () => ({ mark: '', after: [] }), world.clock);
  return { intake, disk, marks, once };
}

/** What an export came to; 'dead' when the crash keeps it from ever being answered. */
async function orDead<T>(world: IntakeWorld, answer: Promise<T>): Promise<T | 'dead'> {
  let settled: T | undefined;
  void answer.then((value) => {
    settled = value;
  });
  for (let i = 0; i < 5 && settled === undefined; i++) await world.pass(1);
  return settled ?? 'dead';
}

test('a batch that comes again is acknowledged and not stored again', async () => {
  const world = new IntakeWorld(1);
  const { once, intake, disk } = await start(world);
  expect((await once.export(batch(1, 2))).kind).toBe('success');
  expect((await once.export(batch(1, 2))).kind).toBe('success');
  expect((await once.export(batch(3, 3))).kind).toBe('success');
  expect(once.repeated).toBe(1);
  expect(once.sources()).toMatchObject([{ instance: STREAM.slice(0, 16), batches: 2 }]);
  await intake.close();
  await world.load(intake, disk);
  expect(world.storedIds()).toEqual(['i1', 'i2', 'i3']);
});

test('of a batch whose first part was taken before, the sender is told where to go on', async () => {
  const { once } = await start(new IntakeWorld(1));
  await once.export(batch(1, 2));
  expect(await once.export(batch(2, 4))).toMatchObject({ kind: 'overlap', mark: mark(2) });
  expect((await once.export(batch(3, 4))).kind).toBe('success');
});

test('after a crash the journal says what was taken, also when the segment was sealed, loaded and forgotten', async () => {
  for (const loaded of [false, true]) {
    const world = new IntakeWorld(2);
    const first = await start(world);
    await first.once.export(batch(1, 2));
    if (loaded) {
      const sealing = first.intake.seal();
      await world.pass(100);
      await sealing;
      await world.load(first.intake, first.disk);
    }
    world.lying.crash('power');
    const second = await start(world);
    await second.once.export(batch(1, 2));
    await second.once.export(batch(3, 3));
    expect(second.once.repeated).toBe(1);
    await second.intake.close();
    await world.load(second.intake, second.disk);
    expect(world.storedIds()).toEqual(['i1', 'i2', 'i3']);
  }
});

test('crashed at any step, every acknowledged batch is stored once, however often it is sent', async () => {
  for (let step = 5; step < 120; step++) {
    const world = new IntakeWorld(step);
    const first = await start(world);
    const base = world.lying.stepCount;
    world.lying.decide = ({ index }) => (index === base + step ? 'crash' : 'ok');
    const acknowledged: number[] = [];
    for (let n = 1; n <= 6; n++) {
      const outcome = await orDead(world, first.once.export(batch(n, n)));
      if (outcome === 'dead' || outcome.kind !== 'success') break;
      acknowledged.push(n);
      if (n % 2 === 0) await world.pass(1_100);
      await world.load(first.intake, first.disk).catch(() => {});
    }
    world.lying.decide = () => 'ok';
    world.lying.crash('power');
    const second = await start(world);
    for (let n = 1; n <= 6; n++) expect((await second.once.export(batch(n, n))).kind).toBe('success');
    await second.intake.close();
    await world.load(second.intake, second.disk);
    expect(world.storedIds(), `crash at step ${step}, acknowledged ${acknowledged}`).toEqual([
      'i1',
      'i2',
      'i3',
      'i4',
      'i5',
      'i6',
    ]);
  }
});

test('a batch whose write failed holds its stream until the journal is cut, and is then stored once', async () => {
  const world = new IntakeWorld(4);
  const { once, intake, disk } = await start(world);
  await once.export(batch(1, 1));
  let failures = 1;
  world.lying.decide = ({ operation, path }) =>
    operation === 'sync' && path.endsWith('.journal') && failures-- > 0 ? 'EIO' : 'ok';
  const failed = once.export(batch(2, 2));
  for (let i = 0; i < 40; i++) await world.pass(100);
  expect((await failed).kind).toBe('overloaded');
  expect((await once.export(batch(2, 2))).kind).toBe('success');
  await intake.close();
  await world.load(intake, disk);
  expect(world.storedIds()).toEqual(['i1', 'i2']);
});

test('two batches of a stream at once: the second is told to come again', async () => {
  const { once } = await start(new IntakeWorld(1));
  await once.export(batch(1, 1));
  const first = once.export(batch(2, 2));
  expect(await once.export(batch(2, 2))).toMatchObject({ kind: 'overloaded' });
  expect((await first).kind).toBe('success');
});

test('a stream that is asked back in the moment in which it is granted is not held', async () => {
  const world = new IntakeWorld(1);
  const { intake, marks } = await world.startWithMarks();
  const grants: ((grant: Grant) => void)[] = [];
  const claim = (): Promise<Grant> => new Promise((resolve) => grants.push(resolve));
  const once = new OnceSink(intake, marks, claim, world.clock);
  const answer = once.export(batch(6, 6));
  // Both messages of the supervisor are read in one go.
  grants[0]?.({ mark: mark(5), after: [] });
  expect(await once.surrender(STREAM)).toEqual({ stream: STREAM, mark: mark(5) });
  expect(await answer).toMatchObject({ kind: 'overloaded' });
  void once.export(batch(6, 6));
  expect(grants).toHaveLength(2);
});

test('a stream that is given up is asked for again before its next batch', async () => {
  const world = new IntakeWorld(1);
  const { intake, marks } = await world.startWithMarks();
  const asked: string[] = [];
  const once = new OnceSink(
    intake,
    marks,
    async (stream) => {
      asked.push(stream);
      return { mark: mark(5), after: [] };
    },
    world.clock,
  );
  await once.export(batch(6, 6));
  const at = { receiver: 0, position: expect.stringMatching(/^[0-9a-f]{16}00000000$/) };
  expect(await once.surrender(STREAM)).toEqual({ stream: STREAM, mark: mark(6), at });
  await once.export(batch(7, 7));
  expect(asked).toEqual([STREAM, STREAM]);
  expect(await once.surrender('never-seen')).toEqual({ stream: 'never-seen', mark: '' });
});

test('positions are kept over a restart, and a damaged file is reported', async () => {
  const lying = new LyingDisk(1);
  const disk = lying.boot();
  await disk.makeDirectory(DIRECTORY);
  const marks = new StreamMarks(disk, DIRECTORY, 0);
  marks.note('a', mark(3));
  marks.note('a', mark(2));
  marks.note('b', mark(1));
  marks.stands('a', mark(9));
  marks.stands('a', mark(8));
  await marks.save();
  const again = new StreamMarks(disk, DIRECTORY, 0);
  await again.load(() => expect.unreachable());
  expect(again.all()).toEqual([
    { stream: 'a', mark: mark(3), at: { receiver: 0, position: mark(9) } },
    { stream: 'b', mark: mark(1) },
  ]);
  const file = await disk.open(`${DIRECTORY}/marks`, 'append');
  await file.write([Buffer.from('x')]);
  await file.close();
  const reports: string[] = [];
  const damaged = new StreamMarks(disk, DIRECTORY, 0);
  await damaged.load((text) => reports.push(text));
  expect(reports.length).toBe(1);
  expect(damaged.size).toBe(0);
  await yieldToEvents();
});

test('the first record of a stream says what others took in before it, and every later one nothing', async () => {
  const world = new IntakeWorld(1);
  const { intake, disk, marks } = await world.startWithMarks();
  const after = [{ receiver: 3, position: mark(7) }];
  const once = new OnceSink(intake, marks, async () => ({ mark: mark(5), after }), world.clock);
  // What holds nothing valid leaves no record that could say it.
  await once.export({ ...lines('!i6'), batch: { stream: STREAM, from: mark(6), mark: mark(6) } });
  await once.export(batch(7, 7));
  await once.export(batch(8, 8));
  const [journal] = (await disk.list(DIRECTORY)).filter((name) => name.endsWith('.journal'));
  const identity = { instance: INSTANCE, receiver: 0, segment: String(journal).slice(0, 16) };
  const { records } = scanJournal(await readWhole(disk, `${DIRECTORY}/${journal}`), identity);
  expect(records.map(({ payload }) => decodeRecord(payload)?.token)).toEqual([
    { stream: STREAM, mark: mark(7), after },
    { stream: STREAM, mark: mark(8) },
  ]);
});

test('headers that are not those of a forwarding Clew name no batch', () => {
  expect(batchOf(STREAM, `${mark(1)}-${mark(2)}`)).toEqual({ stream: STREAM, from: mark(1), mark: mark(2) });
  for (const [stream, range] of [
    [undefined, `${mark(1)}-${mark(2)}`],
    ['A b', `${mark(1)}-${mark(2)}`],
    [STREAM, `${mark(2)}-${mark(1)}`],
    [STREAM, mark(1)],
    [STREAM, undefined],
  ]) {
    expect(batchOf(stream, range)).toBeUndefined();
  }
});
