import { Link } from 'wouter';
import type { PoolsAnswer } from '../../../src/query/api-locks.ts';
import { usePools } from '../../data/queries.ts';
import { useRange } from '../../frame/range.tsx';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { counted } from '../../model/format.ts';
import { Icon } from '../../parts/icon.tsx';
import styles from './locks.module.css';

type Risk = PoolsAnswer['risks'][number];

/** Pools that requests come back into, in the traces of the time above: what can become a deadlock before it is one. */
export function PoolTable() {
  const { query } = useRange();
  const pools = usePools(query);
  if (pools.data === undefined || pools.data.traces === 0) return null;
  const { risks, traces, truncated } = pools.data;
  return (
    <section aria-labelledby="pools">
      <h2 id="pools">Pools that requests come back into</h2>
      <p className={styles.quiet}>
        {risks.length === 0
          ? 'No request held a worker, connection or permit while it asked for another of the same pool'
          : 'A request that holds a unit of a pool and asks for another: enough of them at once wait for one another for ever'}
        , in {truncated ? 'the newest ' : ''}
        {counted(traces, 'trace')} of the time above.
      </p>
      {risks.length > 0 && (
        <div className={styles.scroll}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th>Pool</th>
                <th>What requests hold and ask for</th>
                <th>At once</th>
                <th>Deadlocks at</th>
                <th>Which means</th>
                <th>Examples</th>
              </tr>
            </thead>
            <tbody>
              {risks.map((risk) => (
                <PoolRow key={risk.pools.map(({ pool }) => pool).join(' ')} risk={risk} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function PoolRow({ risk }: { readonly risk: Risk }) {
  const { params } = useUrl();
  const isDanger = risk.verdict === 'certain' || risk.verdict === 'possible';
  return (
    <tr>
      <td>
        {risk.pools.map(({ pool, capacity }) => (
          <div key={pool}>
            <b>{pool}</b> {capacity === null ? '' : `of ${capacity}`}
          </div>
        ))}
      </td>
      <td>{risk.chain.join(' → ')}</td>
      <td>{counted(risk.peakRequests, 'request')}</td>
      <td>{risk.requestsToDeadlock === null ? '–' : counted(risk.requestsToDeadlock, 'request')}</td>
      <td>
        {isDanger && <Icon name="error" label="Danger" size={12} />} {meaningOf(risk)}
      </td>
      <td className={styles.links}>
        {risk.traceIds.map((traceId, i) => (
          <Link key={traceId} href={placeAddress(`/traces/${traceId}`, params)}>
            trace {i + 1}
          </Link>
        ))}
      </td>
    </tr>
  );
}

function meaningOf({ verdict, safeCapacity, pools }: Risk): string {
  const enough = safeCapacity === null ? '' : `; ${safeCapacity} units are enough for so many`;
  switch (verdict) {
    case 'certain':
      return `one request alone waits for itself${enough}`;
    case 'possible':
      return `can deadlock at the load that was there${enough}`;
    case 'spare':
      return 'cannot deadlock at the load that was there';
    case 'never':
      return 'cannot deadlock: what is entered before lets in too few';
    default:
      return pools.some(({ capacity }) => capacity === null)
        ? `its capacity is not told (lock.capacity)${enough}`
        : 'too many cases to say';
  }
}
