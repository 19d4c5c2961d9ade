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

test('what is read back after an fsync that failed and a crash stays, though the next fsync of that file does nothing', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new IntakeWorld(seed);
    const first = await world.start();
    const kept = first.intake.export(lines('kept'));
    await world.pass(0);
    expect(await kept).toMatchObject({ kind: 'success' });
    let hasFailed = false;
    world.lying.decide = ({ operation, path }) => {
      if (hasFailed) return 'crash';
      hasFailed = operation === 'sync' && path.endsWith('.journal');
      return hasFailed ? 'EIO' : 'ok';
    };
    void first.intake.export(lines('doubted'));
    await world.pass(0);
    world.lying.crash('process');
    world.lying.decide = () => 'ok';
    // From here on a sender that repeats it would be told that it is held.
    await world.start();
    world.lying.crash('power');
    const { intake, disk } = await world.start();
    for (let turn = 0; turn < 3; turn++) await world.pass(1_200);
    await world.load(intake, disk);
    expect(world.storedIds(), `seed ${seed}`).toEqual(['doubted', 'kept']);
    await intake.close();
  }
});
