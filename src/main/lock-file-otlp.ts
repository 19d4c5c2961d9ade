import type { LockEvent } from '../analysis/lock-book.ts';
import { LOCK_EVENTS, LOCK_KEYS } from '../base/names.ts';
import type { OtlpKeyValue } from '../query/api.ts';

interface FileLogs {
  readonly resourceLogs: readonly {
    readonly resource?: { readonly attributes?: readonly OtlpKeyValue[] };
    readonly scopeLogs?: readonly {
      readonly logRecords?: readonly {
        readonly timeUnixNano?: string;
        readonly eventName?: string;
        readonly traceId?: string;
        readonly attributes?: readonly OtlpKeyValue[];
      }[];
    }[];
  }[];
}

const KINDS = new Map(Object.entries(LOCK_EVENTS).map(([kind, name]) => [name as string, kind as LockEvent['kind']]));

/** The lock events in the logs of an OTLP/JSON document. */
export function lockEventsOf(document: object): LockEvent[] {
  return (document as FileLogs).resourceLogs.flatMap(({ resource, scopeLogs }) => {
    const service = attributesOf(resource?.attributes).get('service.name') ?? '';
    const records = (scopeLogs ?? []).flatMap(({ logRecords }) => logRecords ?? []);
    return records.flatMap(({ timeUnixNano, eventName, traceId = '', attributes }) => {
      const kind = KINDS.get(eventName ?? '');
      if (kind === undefined) return [];
      const values = attributesOf(attributes);
      const capacity = Number(values.get(LOCK_KEYS.capacity) ?? 1);
      return {
        kind,
        timeNs: BigInt(timeUnixNano ?? 0),
        owner: values.get(LOCK_KEYS.owner) ?? traceId,
        resource: values.get(LOCK_KEYS.resource) ?? '',
        claim: values.get(LOCK_KEYS.claim) ?? '',
        mode: values.get(LOCK_KEYS.mode) ?? (capacity > 1 ? 'unit' : 'exclusive'),
        amount: Number(values.get(LOCK_KEYS.amount) ?? 1),
        capacity,
        priority: Number(values.get(LOCK_KEYS.priority) ?? 0),
        service,
        traceId,
      };
    });
  });
}

const attributesOf = (list: readonly OtlpKeyValue[] | undefined): Map<string, string> =>
  new Map((list ?? []).map(({ key, value }) => [key, String(Object.values(value ?? {})[0] ?? '')]));
