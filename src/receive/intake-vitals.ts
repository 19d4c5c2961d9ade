import type { ReceiverVitals } from '../base/messages.ts';

/** The vitals that the intake knows; doors and process add theirs. */
export type IntakeVitals = Pick<
  ReceiverVitals,
  | 'accepted'
  | 'rejected'
  | 'inflightBytes'
  | 'ackP50Ms'
  | 'ackP99Ms'
  | 'journalBytes'
  | 'journalQuotaBytes'
  | 'sealedSegments'
  | 'damaged'
>;
