import { Link } from 'wouter';
import type { PathSums } from '../../../src/query/api-paths.ts';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { digits3, formatCount, formatDurationNs } from '../../model/format.ts';
import { Button } from '../../parts/controls.tsx';
import styles from './critical.module.css';
import { TargetName, targetKey } from './target-name.tsx';

const ROWS_MAX = 200;

/** "What to fix first": operations and edges by their share of all waiting, or services. */
export function ShareTable({ sums }: { readonly sums: PathSums }) {
  const { params, set } = useUrl();
  const byService = params.get('by') === 'service';
  const rows = sums.shares.filter(({ kind }) => (kind === 'service') === byService).slice(0, ROWS_MAX);
  const most = rows[0]?.share ?? 1;
  return (
    <>
      <div className={styles.views}>
        <Button pressed={!byService} onClick={() => set({ by: null })}>
          Operations and edges
        </Button>
        <Button pressed={byService} onClick={() => set({ by: 'service' })}>
          Services
        </Button>
      </div>
      <div className={styles.scroll}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th>Waited for</th>
              <th>Share of waiting</th>
              <th>Requests</th>
              <th>p50</th>
              <th>p95</th>
              <th title="How much shorter those requests get at most, on average, when it takes no time">Can save</th>
              <th>Example</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={targetKey(row)}>
                <td>
                  <TargetName target={row} />
                </td>
                <td className={styles.shareCell}>
                  <i className={styles.shareBar} style={{ width: `${(row.share / most) * 60}%` }} />
                  {digits3(row.share * 100)} %
                </td>
                <td>{formatCount(row.traces)}</td>
                <td>{formatDurationNs(row.p50Nano)}</td>
                <td>{formatDurationNs(row.p95Nano)}</td>
                <td>{formatDurationNs(row.savableNano)}</td>
                <td>
                  <Link href={placeAddress(`/traces/${row.slowestTraceId}`, params, { path: '1' })}>slowest</Link>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
