import { Link } from 'wouter';
import type { PathComparison } from '../../../src/query/api-paths.ts';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { formatDurationNs } from '../../model/format.ts';
import styles from './critical.module.css';
import { TargetName, targetKey } from './target-name.tsx';

const ROWS_MAX = 200;

/** What got slower, and what faster, from one window to the other. */
export function ChangeTable({ changes }: Pick<PathComparison, 'changes'>) {
  const { params } = useUrl();
  const rows = changes.filter(({ kind }) => kind !== 'service').slice(0, ROWS_MAX);
  const most = Math.max(1, ...rows.map(({ changeNano }) => Math.abs(changeNano)));
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>Waited for</th>
            <th>Change per request</th>
            <th>Before</th>
            <th>Now</th>
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
                <i
                  className={`${styles.shareBar} ${row.changeNano > 0 ? styles.slower : styles.faster}`}
                  style={{ width: `${(Math.abs(row.changeNano) / most) * 60}%` }}
                />
                {row.changeNano > 0 && '+'}
                {formatDurationNs(row.changeNano)}
              </td>
              <td>{formatDurationNs(row.beforeNano)}</td>
              <td>{formatDurationNs(row.afterNano)}</td>
              <td>
                <Link href={placeAddress(`/traces/${row.slowestTraceId}`, params, { path: '1' })}>slowest</Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
