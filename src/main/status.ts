import type { Status } from '../query/api.ts';
import type { VitalsReport } from '../vitals/vitals.ts';

/** What the Status page shows beside the vitals. */
export interface StatusFacts {
  readonly startedAtMs: number;
  readonly dataDirectory: string;
  readonly endpoints: Status['endpoints'];
  readonly configuration: Status['configuration'];
}

/** The answer of GET /api/v1/status. */
export function statusOf(report: VitalsReport, facts: StatusFacts): Status {
  return {
    version: report.version,
    startedAt: new Date(facts.startedAtMs).toISOString(),
    dataDirectory: facts.dataDirectory,
    endpoints: facts.endpoints,
    receivers: report.receivers,
    journal: report.journal,
    store: report.store,
    disk: report.disk,
    history: report.history,
    configuration: facts.configuration,
  };
}
