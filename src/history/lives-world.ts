import fs from 'node:fs';
import { createRequire } from 'node:module';
import * as tla from 'tla-checker';
import { historyLine, keepHistory } from '../base/history.ts';
import { yieldToEvents } from '../host/clock.ts';
import { errorCode } from '../host/disk.ts';
import { seededChance } from '../host/seeded-chance.ts';
import { IntakeWorld, lines } from '../receive/intake-world.ts';
import type { TlaChecker } from './checker.ts';

/*
 * Histories for tests: lives of the simulated receiver and store on the lying disk, from a seed, recorded as the real ones are.
 */

const wasm = createRequire(import.meta.url).resolve('tla-checker/tla_checker_bg.wasm');
tla.initSync({ module: fs.readFileSync(wasm) });

export const checker: TlaChecker = tla;
export const INTAKE = fs.readFileSync('spec/Intake.tla', 'utf8');

const FAULTS = ['ECRASHED', 'EIO', 'ENOSPC'];

/** What the disk does wrong in a life: it dies at a step, fails now and then before, or answers an fsync that it has not done. */
export type Trouble = 'crash' | 'errors' | 'lies';

/** The history of one receiver and store over `boots` lives, a fault somewhere in each, and the recovery in the end. */
export async function simulatedHistory(seed: number, trouble: Trouble, boots = 2): Promise<string> {
  const text: string[] = [];
  keepHistory((...step) => text.push(historyLine(...step)));
  try {
    const world = new IntakeWorld(seed);
    const chance = seededChance(seed ^ 0x1157);
    for (let boot = 0; boot < boots; boot++) {
      const crashAt = world.lying.stepCount + 8 + Math.floor(chance() * 80);
      world.lying.decide = (step) => {
        if (step.index >= crashAt) return 'crash';
        if (trouble === 'lies' && step.operation === 'sync' && step.path.endsWith('.journal')) return 'lost';
        return trouble === 'errors' && chance() < 0.02 ? 'EIO' : 'ok';
      };
      await live(world, chance, 6);
      world.lying.crash(chance() < 0.6 ? 'power' : 'process');
      // What the dead process had under way ends in the errors of its disk, before another one starts.
      for (let turn = 0; turn < 20; turn++) await yieldToEvents();
    }
    world.lying.decide = () => 'ok';
    await recover(world);
  } finally {
    keepHistory(undefined);
  }
  return text.join('');
}

async function live(world: IntakeWorld, chance: () => number, rounds: number): Promise<void> {
  const started = await unlessFault(world.start({ segmentItemsMax: 6, segmentBytesMax: 4_000 }));
  if (started === undefined) return;
  const { intake, disk } = started;
  for (let round = 0; round < rounds; round++) {
    const requests = Array.from({ length: Math.floor(chance() * 4) }, (_, index) =>
      intake.export(lines(`id${round}.${index}`)),
    );
    await Promise.all(requests);
    await world.pass(chance() < 0.3 ? 1_200 : 60);
    if (chance() < 0.5) await unlessFault(world.load(intake, disk));
  }
}

/** A healthy machine: seals and loads all there is. */
async function recover(world: IntakeWorld): Promise<void> {
  const { intake, disk } = await world.start();
  for (let round = 0; round < 2; round++) {
    await world.load(intake, disk);
    await world.pass(1_100);
  }
  await intake.close();
  await world.load(intake, disk);
}

async function unlessFault<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!FAULTS.includes(errorCode(error))) throw error;
    return undefined;
  }
}
