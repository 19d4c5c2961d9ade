import { Fleet, type Outcome } from './fleet.ts';
import type { Schedule } from './schedule.ts';
import type { HearInsert } from './store-twin.ts';

/** Runs one schedule. `log` hears what happens, line by line; `hear` what the store does. */
export function simulate(schedule: Schedule, log?: (line: string) => void, hear?: HearInsert): Promise<Outcome> {
  return new Fleet(schedule, log, hear).run();
}
