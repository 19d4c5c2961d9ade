import { expect, test } from 'vitest';
import type { Disk } from '../host/disk.ts';
import { errorCode } from '../host/disk.ts';
import { seededChance } from '../host/seeded-chance.ts';
import type { Intake } from './intake.ts';
import { IntakeWorld, lines } from './intake-world.ts';

/* A crash at every single step between the acknowledgement and the forgotten segment, and then one more during the recovery. */

async function sealAndLoad(world: IntakeWorld, intake: Intake, disk: Disk): Promise<void> {
  void intake.seal();
  await world.pass(60);
  await world.load(intake, disk).catch((error: unknown) => {
    if (errorCode(error) !== 'ECRASHED') throw error;
  });
}

/** Returns whether the crash at step `crashAt` after the acknowledgement still fell into sealing, loading or forgetting. */
async function crashOnce(seed: number, crashAt: number, power: 'power' | 'process'): Promise<boolean> {
  const world = new IntakeWorld(seed);
  const { lying } = world;
  const first = await world.start();
  await Promise.all([first.intake.export(lines('a', 'b')), first.intake.export(lines('c'))]);
  await world.pass(0);
  const from = lying.stepCount;
  lying.decide = (step) => (step.index === from + crashAt ? 'crash' : 'ok');
  await sealAndLoad(world, first.intake, first.disk);
  const reached = lying.stepCount > from + crashAt;
  lying.crash(power);

  const again = lying.stepCount + Math.floor(seededChance(seed * 1000 + crashAt)() * 40);
  lying.decide = (step) => (step.index === again ? 'crash' : 'ok');
  const second = await world.start().catch(() => undefined);
  if (second !== undefined) await sealAndLoad(world, second.intake, second.disk);
  lying.crash(power);

  const last = await world.start();
  await sealAndLoad(world, last.intake, last.disk);
  expect(world.storedIds()).toEqual(['a', 'b', 'c']);
  expect(world.revenants).toEqual([]);
  expect(lying.paths()).toEqual(lying.paths().filter((path) => /boot$|\.journal$/.test(path)));
  await last.intake.close();
  return reached;
}

test.each(['power', 'process'] as const)(
  'a crash (%s) at any step of seal, load and forget, and another in the recovery, loses and doubles nothing',
  async (kind) => {
    for (let seed = 1; seed <= 10; seed++) {
      let crashAt = 0;
      while (await crashOnce(seed, crashAt, kind)) crashAt++;
      // Natives, manifest, next journal, mark, three removals, the directory each time: fewer steps would mean that the crash missed.
      expect(crashAt).toBeGreaterThan(20);
    }
  },
);
