import type { DeadlockAnswer } from '../../../src/query/api-locks.ts';
import { formatDurationNs } from '../../model/format.ts';
import { nanosSince, nanosToMs } from '../../model/nanos.ts';
import { Moment } from '../../parts/controls.tsx';
import { Icon } from '../../parts/icon.tsx';
import styles from './locks.module.css';
import { OwnerName, shortOwner } from './owner-name.tsx';
import { WaitRing } from './wait-ring.tsx';

const KINDS: Readonly<Record<DeadlockAnswer['kind'], string>> = {
  cycle: 'each waits for what the next one holds',
  knot: 'each waits for any of several, and all of them are stuck',
  units: 'a pool is used up by those that wait for it',
  self: 'it waits for itself',
  queue: 'only the order of a queue is in the way',
};

/** A deadlock: drawn, with who is in it, since when, and what resolves it. */
export function DeadlockCard({ deadlock }: { readonly deadlock: DeadlockAnswer }) {
  const { members, cycle, victims, frees, bystanders, state, resolvedBy } = deadlock;
  const waitVerb = state === 'over' ? 'waited' : 'waits';
  return (
    <article className={`${styles.card} ${styles[state]}`}>
      <WaitRing cycle={cycle} victims={victims} services={new Map(members.map((one) => [one.owner, one.service]))} />
      <div className={styles.facts}>
        <h2>
          {state !== 'over' && <Icon name="error" label="Deadlock" />}
          Deadlock of {members.length} <span className={styles.badge}>{state}</span>
        </h2>
        <p>
          {KINDS[deadlock.kind]}, {state === 'over' ? 'began' : 'since'}{' '}
          <Moment ms={nanosToMs(deadlock.sinceUnixNano)} date />
          {resolvedBy === '' && (
            <>, noticed {formatDurationNs(nanosSince(deadlock.noticedUnixNano, deadlock.sinceUnixNano))} later</>
          )}
          {resolvedBy === '' && deadlock.overUnixNano !== null && (
            <>, over after {formatDurationNs(nanosSince(deadlock.overUnixNano, deadlock.sinceUnixNano))}</>
          )}
        </p>
        <ul className={styles.members}>
          {members.map((member) => (
            <li key={member.owner}>
              <OwnerName owner={member.owner} about={member} />{' '}
              {member.holds.length > 0 && <>holds {resources(member.holds)}, </>}
              {waitVerb} for <b>{resources(member.waits)}</b>
              {member.service !== '' && <> in {member.service}</>}
              {member.doing !== '' && <code className={styles.doing}>{member.doing}</code>}
            </li>
          ))}
        </ul>
        {victims.length > 0 && (
          <p className={styles.plan}>
            {resolvedBy === '' ? 'Aborting ' : `${resolvedBy} aborted `}
            <b>{victims.map(shortOwner).join(', ')}</b>
            {resolvedBy === '' ? ' resolves it' : ''}
            {frees.length > 0 && (
              <>
                {resolvedBy === '' ? ' and frees ' : ', which freed '}
                {frees.map(shortOwner).join(', ')}
              </>
            )}
            .
          </p>
        )}
        {deadlock.order.length > 0 && (
          <p className={styles.plan}>
            Nobody has to be aborted: serve {deadlock.order.map(shortOwner).join(', then ')}.
          </p>
        )}
        {bystanders.length > 0 && <p>Only waiting behind it: {bystanders.map(shortOwner).join(', ')}</p>}
      </div>
    </article>
  );
}

const resources = (claims: DeadlockAnswer['members'][number]['waits']): string =>
  [...new Set(claims.map(({ resource }) => resource))].join(', ');
