import { afterAll, describe, expect, test } from 'vitest';
import { errorCode } from '../host/disk.ts';
import type { Decide } from '../host/lying-disk.ts';
import { seededChance } from '../host/seeded-chance.ts';
import { listSealed } from '../journal/forget.ts';
import { journalFile } from '../journal/segment-files.ts';
import { DIRECTORY, IntakeWorld, JOURNAL, lines } from './intake-world.ts';

/*
 * Lives of a receiver and a store on a disk that lies, from a seed: requests, seals, loads, a fault or a crash at any step of any of them,
 * a restart, and so on; in the end everything is loaded. Then: what was acknowledged is in the store exactly once, nothing is there twice,
 * nothing is there that was not sent. CLEW_CAMPAIGN_RUNS sets the number of seeds of each kind (20 by default).
 */

const RUNS = Number(process.env['CLEW_CAMPAIGN_RUNS'] ?? 20);
const LIVES = 5;

interface Ledger {
  readonly sent: Set<string>;
  readonly acknowledged: Set<string>;
}

interface Life {
  readonly world: IntakeWorld;
  readonly chance: () => number;
  readonly ledger: Ledger;
}

function newLife(seed: number): Life {
  return {
    world: new IntakeWorld(seed),
    chance: seededChance(seed ^ 0x5eed),
    ledger: { sent: new Set(), acknowledged: new Set() },
  };
}

/** One life of the processes. It ends when `rounds` are over, or when the disk says that they are dead. */
async function live({ world, chance, ledger }: Life, rounds: number): Promise<void> {
  const started = await world.start({ segmentItemsMax: 8, segmentBytesMax: 4_000 }).catch((error: unknown) => {
    if (!['ECRASHED', 'EIO', 'ENOSPC'].includes(errorCode(error))) throw error;
  });
  if (started === undefined) return;
  const { intake, disk } = started;
  const request = async () => {
    const ids = Array.from({ length: 1 + Math.floor(chance() * 3) }, () => `id${ledger.sent.size + 1}`).map(
      (id, index) => (index === 0 ? id : `${id}.${index}`),
    );
    for (const id of ids) ledger.sent.add(id);
    const padded = ids.map((id) => `${id} ${'x'.repeat(Math.floor(chance() * 300))}`);
    const outcome = await intake.export(lines(...padded));
    if (outcome.kind === 'success') for (const id of ids) ledger.acknowledged.add(id);
  };
  for (let round = 0; round < rounds; round++) {
    const requests = Array.from({ length: Math.floor(chance() * 4) }, request);
    await Promise.all(requests);
    await world.pass(chance() < 0.3 ? 1_200 : 60);
    if (chance() < 0.3) {
      await world.load(intake, disk).catch((error: unknown) => {
        if (!['ECRASHED', 'EIO', 'ENOSPC'].includes(errorCode(error))) throw error;
      });
    }
  }
}

/** A healthy machine at last: recovers, seals and loads all there is. */
async function finish({ world }: Life): Promise<void> {
  world.lying.decide = () => 'ok';
  world.lying.capacityBytes = Number.POSITIVE_INFINITY;
  const { intake, disk } = await world.start();
  for (let round = 0; round < 4; round++) {
    await world.load(intake, disk);
    await world.pass(1_100);
  }
  await intake.close();
  await world.load(intake, disk);
  expect((await disk.list(DIRECTORY)).filter((name) => name !== 'boot')).toEqual([]);
}

let auditedItems = 0;

/** Over all seeds, for a single one may crash before its first answer: a campaign in which nothing is acknowledged proves nothing. */
afterAll(() => {
  expect(auditedItems).toBeGreaterThan(RUNS * 50);
});

/** Returns the acknowledged items that are missing. */
function audit({ world, ledger }: Life): string[] {
  auditedItems += ledger.acknowledged.size;
  const stored = world.storedIds();
  expect(new Set(stored).size, 'nothing is there twice').toBe(stored.length);
  for (const id of stored) expect(ledger.sent, 'nothing is there that was not sent').toContain(id);
  const present = new Set(stored);
  return [...ledger.acknowledged].filter((id) => !present.has(id));
}

/** Where a manifest stands, the journal that its files can be made from again is whole, right after the crash. */
async function expectJournalsWhole({ world }: Life): Promise<void> {
  const disk = world.lying.boot();
  const problems: string[] = [];
  for (const { segment, journalBytes } of await listSealed(disk, JOURNAL, (text) => problems.push(text))) {
    const bytes = (await disk.size(`${DIRECTORY}/${journalFile(segment)}`)) ?? 0;
    if (bytes < journalBytes) problems.push(`${segment} has ${bytes} bytes of journal instead of ${journalBytes}`);
  }
  expect(problems).toEqual([]);
}

/** Dies at one random step, some way into a life. */
function crashSomewhere({ world, chance }: Life): Decide {
  const crashAt = world.lying.stepCount + Math.floor(chance() * 120);
  return (step) => (step.index === crashAt ? 'crash' : 'ok');
}

const seeds = Array.from({ length: RUNS }, (_, index) => index + 1);

describe.each(seeds)('seed %i', (seed) => {
  test('a torn tail: power cuts at any step lose nothing acknowledged and double nothing', async () => {
    const life = newLife(seed);
    for (let boot = 0; boot < LIVES; boot++) {
      life.world.lying.decide = crashSomewhere(life);
      await live(life, 12);
      life.world.lying.crash(life.chance() < 0.8 ? 'power' : 'process');
      await expectJournalsWhole(life);
    }
    await finish(life);
    expect(audit(life)).toEqual([]);
    expect(life.world.revenants).toEqual([]);
  });

  test('a full disk, and errors of the disk, lose nothing acknowledged and double nothing', async () => {
    const life = newLife(seed + 1_000_000);
    const { lying } = life.world;
    for (let boot = 0; boot < LIVES; boot++) {
      const full = life.chance() < 0.5;
      lying.capacityBytes = full ? 2_000 + life.chance() * 6_000 : Number.POSITIVE_INFINITY;
      const faults = seededChance(seed * 31 + boot);
      lying.decide = () => (full || faults() > 0.03 ? 'ok' : faults() < 0.5 ? 'EIO' : 'ENOSPC');
      await live(life, 12);
      lying.crash(life.chance() < 0.5 ? 'power' : 'process');
    }
    await finish(life);
    expect(audit(life)).toEqual([]);
  });

  test('a flipped bit costs at most the record it is in, is reported with its place, and the rest is saved', async () => {
    const life = newLife(seed + 2_000_000);
    const { lying, reports } = life.world;
    for (let boot = 0; boot < LIVES; boot++) {
      await live(life, 6);
      lying.crash('process');
      const files = lying.paths().filter((path) => lying.content(path).length > 0);
      const path = files[Math.floor(life.chance() * files.length)];
      lying.flipBit(path, Math.floor(life.chance() * lying.content(path).length), Math.floor(life.chance() * 8));
    }
    await finish(life);
    // No write was cut short here, so every damaged place is a flipped bit.
    const places = reports.filter((text) => /\.journal: bytes \d+ to \d+: /.test(text));
    const lostRecords = new Set(audit(life).map((id) => id.split('.')[0]));
    expect(lostRecords.size).toBeLessThanOrEqual(places.length);
    expect(new Set(places).size).toBeLessThanOrEqual(LIVES);
  });

  test('a lost fsync can lose what it lied about and no more, and doubles nothing', async () => {
    const life = newLife(seed + 3_000_000);
    const { lying } = life.world;
    const endangered = new Set<string>();
    for (let boot = 0; boot < LIVES; boot++) {
      const before = new Set(life.ledger.acknowledged);
      let lied = 0;
      const lies = seededChance(seed * 17 + boot);
      const crashes = crashSomewhere(life);
      lying.decide = (step) => {
        const lost = (step.operation === 'sync' || step.operation === 'syncDirectory') && lies() < 0.1;
        if (lost) lied++;
        return lost ? 'lost' : crashes(step);
      };
      await live(life, 12);
      lying.crash('power');
      if (lied > 0) for (const id of life.ledger.acknowledged) if (!before.has(id)) endangered.add(id);
    }
    await finish(life);
    for (const id of audit(life)) expect(endangered).toContain(id);
  });

  test('a lost fsync loses nothing when only the process dies', async () => {
    const life = newLife(seed + 4_000_000);
    for (let boot = 0; boot < LIVES; boot++) {
      const crashes = crashSomewhere(life);
      life.world.lying.decide = (step) => (step.operation === 'sync' ? 'lost' : crashes(step));
      await live(life, 12);
      life.world.lying.crash('process');
    }
    await finish(life);
    expect(audit(life)).toEqual([]);
  });
});
