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
  const { members, cycle, victims, frees, bystanders, state } = deadlock;
  const about = new Map(members.map((member) => [member.owner, member]));
  return (
    <article className={`${styles.card} ${styles[state]}`}>
      <WaitRing cycle={cycle} victims={victims} services={new Map(members.map((one) => [one.owner, one.service]))} />
      <div className={styles.facts}>
        <h2>
          {state !== 'over' && <Icon name="error" label="Deadlock" />}
          Deadlock of {members.length} <span className={styles.badge}>{state}</span>
        </h2>
        <p>
          {KINDS[deadlock.kind]}, since <Moment ms={nanosToMs(deadlock.sinceUnixNano)} date />, noticed{' '}
          {formatDurationNs(nanosSince(deadlock.noticedUnixNano, deadlock.sinceUnixNano))} later
          {deadlock.overUnixNano !== null && (
            <>, over after {formatDurationNs(nanosSince(deadlock.overUnixNano, deadlock.sinceUnixNano))}</>
          )}
        </p>
        <ul>
          {members.map((member) => (
            <li key={member.owner}>
              <OwnerName owner={member.owner} about={about.get(member.owner)} /> holds{' '}
              {member.holds.map(({ resource }) => resource).join(', ') || 'nothing'}, waits for{' '}
              <b>{member.waits.map(({ resource }) => resource).join(', ')}</b> in {member.service || 'no known service'}
            </li>
          ))}
        </ul>
        {victims.length > 0 && (
          <p className={styles.plan}>
            Aborting <b>{victims.map(shortOwner).join(', ')}</b> resolves it
            {frees.length > 0 && <> and frees {frees.map(shortOwner).join(', ')}</>}.
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
