import type { LocksAnswer } from '../../../src/query/api-locks.ts';
import { formatDurationNs } from '../../model/format.ts';
import { nanosSince } from '../../model/nanos.ts';
import styles from './locks.module.css';
import { OwnerName } from './owner-name.tsx';

const ROWS_MAX = 300;

/** All that is waited for now, deadlock or not. */
export function WaitTable({ answer }: { readonly answer: LocksAnswer }) {
  const about = new Map(answer.owners.map((owner) => [owner.owner, owner]));
  if (answer.edges.length === 0) return null;
  return (
    <section>
      <h2>Waiting now</h2>
      <div className={styles.scroll}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th>Who waits</th>
              <th>For</th>
              <th>Of</th>
              <th>Since</th>
            </tr>
          </thead>
          <tbody>
            {answer.edges.slice(0, ROWS_MAX).map(({ waiter, blocker, resource, isSoft }) => {
              const wait = about.get(waiter)?.waits.find((claim) => claim.resource === resource);
              return (
                <tr key={`${waiter} ${blocker} ${resource} ${isSoft}`}>
                  <td>
                    <OwnerName owner={waiter} about={about.get(waiter)} />
                  </td>
                  <td>{resource}</td>
                  <td>
                    <OwnerName owner={blocker} about={about.get(blocker)} />
                    {isSoft && <small className={styles.quiet}> ahead in the queue</small>}
                  </td>
                  <td>
                    {wait !== undefined &&
                      formatDurationNs(Math.max(0, nanosSince(answer.timeUnixNano, wait.sinceUnixNano)))}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
