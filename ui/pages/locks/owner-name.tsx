import { Link } from 'wouter';
import type { LockOwnerAnswer } from '../../../src/query/api-locks.ts';
import { serviceColour } from '../../frame/service-colour.ts';
import { placeAddress, useUrl } from '../../frame/url.ts';
import controls from '../../parts/controls.module.css';
import styles from './locks.module.css';

/** Letters of an id that are shown. */
const LETTERS = 8;

export const shortOwner = (owner: string): string =>
  /^[0-9a-f]{32}$/.test(owner) ? `request ${owner.slice(0, LETTERS)}` : owner;

/** An owner; one that is a trace leads to its logs, because its spans arrive only when it has ended. */
export function OwnerName({ owner, about }: { readonly owner: string; readonly about: LockOwnerAnswer | undefined }) {
  const { params } = useUrl();
  const service = about?.service ?? '';
  const traceId = about?.traceId ?? '';
  return (
    <span className={styles.owner} title={owner}>
      {service !== '' && <i className={controls.swatch} style={{ background: serviceColour(service) }} />}
      <b>{shortOwner(owner)}</b>
      {traceId !== '' && (
        <>
          <Link href={placeAddress('/logs', params, { traceId })}>logs</Link>
          <Link href={placeAddress(`/traces/${traceId}`, params)}>trace</Link>
        </>
      )}
    </span>
  );
}
