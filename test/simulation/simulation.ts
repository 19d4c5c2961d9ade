import { Fleet, type Outcome } from './fleet.ts';
import type { Schedule } from './schedule.ts';

/** Runs one schedule. `log` hears what happens, line by line. */
export function simulate(schedule: Schedule, log?: (line: string) => void): Promise<Outcome> {
  return new Fleet(schedule, log).run();
}
