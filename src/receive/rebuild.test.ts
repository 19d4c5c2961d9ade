import { expect, test } from 'vitest';
import { IntakeWorld, lines } from './intake-world.ts';

test('a segment whose seal failed at the last fsync, and that the store has loaded meanwhile, is not taken for damaged', async () => {
  const world = new IntakeWorld(1);
  const { intake, disk } = await world.start();
  let named = false;
  let refused = 0;
  world.lying.decide = (step) => {
    if (step.operation === 'rename' && step.path.endsWith('.sealed.tmp')) named = true;
    if (!named || refused > 0 || step.operation !== 'syncDirectory') return 'ok';
    refused++;
    return 'EIO';
  };
  const answered = intake.export(lines('a', 'b'));
  await world.pass(0);
  expect(await answered).toMatchObject({ kind: 'success' });
  await world.pass(1_200);
  expect(refused).toBe(1);
  expect(world.reports.join('\n')).toContain('cannot be sealed yet');
  await world.load(intake, disk);
  for (let turn = 0; turn < 3; turn++) await world.pass(1_200);
  expect(world.storedIds()).toEqual(['a', 'b']);
  expect(intake.vitals()).toMatchObject({ damaged: [], sealedSegments: 0 });
  await intake.close();
});

test('and one that the store has not seen yet is announced once its name is durable', async () => {
  const world = new IntakeWorld(2);
  const { intake, disk } = await world.start();
  let refused = 0;
  world.lying.decide = (step) => {
    if (
      refused > 0 ||
      step.operation !== 'syncDirectory' ||
      !world.lying.paths().some((path) => path.endsWith('.sealed'))
    )
      return 'ok';
    refused++;
    return 'EIO';
  };
  void intake.export(lines('a'));
  await world.pass(1_200);
  await world.pass(1_200);
  expect(refused).toBe(1);
  for (let turn = 0; turn < 3; turn++) await world.pass(1_200);
  expect(world.announced).toHaveLength(1);
  await world.load(intake, disk);
  expect(world.storedIds()).toEqual(['a']);
  await intake.close();
});
