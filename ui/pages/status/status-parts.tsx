import { formatBytes } from '../../../src/base/units.ts';
import type { Status } from '../../../src/query/api.ts';
import { digits3, formatCount } from '../../model/format.ts';
import { Moment } from '../../parts/controls.tsx';
import { Icon } from '../../parts/icon.tsx';
import styles from './status.module.css';

interface Part {
  readonly status: Status;
}

/** Troubles that are named; the others are counted. */
const TROUBLES_MAX = 8;

/** The one line that says that all is well, or what is not. */
export function Verdict({ troubles, well }: { readonly troubles: readonly string[]; readonly well: string }) {
  if (troubles.length === 0) {
    return (
      <p className={styles.verdict} role="status">
        <i /> {well}
      </p>
    );
  }
  return (
    <div className={`${styles.verdict} ${styles.trouble}`} role="status">
      <ul>
        {troubles.slice(0, TROUBLES_MAX).map((trouble) => (
          <li key={trouble}>
            <i /> {trouble}
          </li>
        ))}
        {troubles.length > TROUBLES_MAX && <li>and {troubles.length - TROUBLES_MAX} more</li>}
      </ul>
    </div>
  );
}

export function Receivers({ status }: Part) {
  return (
    <Scroll label="Receivers">
      <table className={styles.table}>
        <thead>
          <tr>
            <th>Receiver</th>
            <th>Spans</th>
            <th>Data points</th>
            <th>Log records</th>
            <th>Rejected</th>
            <th>Requests</th>
            <th>Connections</th>
            <th title="Time from the request to the durable acknowledgement">Answer p50</th>
            <th>p99</th>
            <th>Memory</th>
            <th>Restarts</th>
          </tr>
        </thead>
        <tbody>
          {status.receivers.map((receiver) => (
            <tr key={receiver.receiver}>
              <td>
                {receiver.up ? <i className={styles.up} /> : <Icon name="error" label="down" size={12} />} r
                {receiver.receiver}
                <small> pid {receiver.pid}</small>
              </td>
              <td>{formatCount(receiver.accepted.traces)}</td>
              <td>{formatCount(receiver.accepted.metrics)}</td>
              <td>{formatCount(receiver.accepted.logs)}</td>
              <td>{formatCount(receiver.rejected.traces + receiver.rejected.metrics + receiver.rejected.logs)}</td>
              <td>{formatCount(receiver.requests)}</td>
              <td>{formatCount(receiver.connections)}</td>
              <td>{digits3(receiver.ackP50Ms)} ms</td>
              <td>{digits3(receiver.ackP99Ms)} ms</td>
              <td>{formatBytes(receiver.memoryBytes)}</td>
              <td>{receiver.restarts}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** A table that may be wider than the page scrolls by itself. */
export function Scroll({ label, children }: { readonly label: string; readonly children: React.ReactNode }) {
  return (
    // A scrolling area must be reachable by keyboard
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={`${label} table`}>
      {children}
    </div>
  );
}

export function Refused({ status }: Part) {
  const reasons = new Map<string, number>();
  for (const { refused } of status.receivers) {
    for (const [reason, count] of Object.entries(refused)) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }
  return <Reasons counts={Object.fromEntries(reasons)} />;
}

/** Refused requests by reason, the most frequent first. */
export function Reasons({ counts }: { readonly counts: Readonly<Record<string, number>> }) {
  const ranked = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort((a, b) => b[1] - a[1]);
  if (ranked.length === 0) return <p className={styles.quiet}>No request was refused since the start.</p>;
  return (
    <dl className={styles.pairs}>
      {ranked.map(([reason, count]) => (
        <div key={reason}>
          <dt>{reason}</dt>
          <dd>{formatCount(count)}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Journal({ status }: Part) {
  const { journal, store } = status;
  return (
    <>
      <Meter label="Journal in use" used={journal.bytes} total={journal.quotaBytes} />
      <dl className={styles.pairs}>
        <div>
          <dt>Segments waiting for the store</dt>
          <dd>{formatCount(journal.sealedSegments)}</dd>
        </div>
        <div>
          <dt>Segments loaded</dt>
          <dd>{formatCount(store.loadedSegments)}</dd>
        </div>
        <div>
          <dt>Failed loads</dt>
          <dd>{formatCount(store.loadFailures)}</dd>
        </div>
        <div>
          <dt>Behind by</dt>
          <dd>{formatCount(store.lagMs)} ms</dd>
        </div>
      </dl>
      {journal.damaged.map((place) => (
        <p key={place} className={styles.damaged}>
          <Icon name="error" size={12} /> {place}
        </p>
      ))}
    </>
  );
}

export function Disk({ status }: Part) {
  const { disk, store } = status;
  return (
    <>
      <Meter label="Disk in use" used={disk.totalBytes - disk.freeBytes} total={disk.totalBytes} />
      <dl className={styles.pairs}>
        <div>
          <dt>Data of this Clew</dt>
          <dd>{formatBytes(disk.dataBytes)}</dd>
        </div>
        <div>
          <dt>Free</dt>
          <dd>{formatBytes(disk.freeBytes)}</dd>
        </div>
        <div>
          <dt>Memory of the store</dt>
          <dd>{formatBytes(store.memoryBytes)}</dd>
        </div>
      </dl>
    </>
  );
}

/** How much of something is in use. */
export function Meter({
  label,
  used,
  total,
}: {
  readonly label: string;
  readonly used: number;
  readonly total: number;
}) {
  const share = total > 0 ? used / total : 0;
  return (
    <div className={styles.meter}>
      <span>
        {formatBytes(used)} of {formatBytes(total)} <small>{(share * 100).toFixed(share < 0.1 ? 1 : 0)} %</small>
      </span>
      <meter
        aria-label={label}
        min={0}
        max={Math.max(1, total)}
        low={total * 0.6}
        high={total * 0.8}
        optimum={0}
        value={used}
      />
    </div>
  );
}

export function Tables({ status }: Part) {
  const tables = [...status.store.tables].sort((a, b) => b.bytes - a.bytes);
  return (
    <Scroll label="Store">
      <table className={styles.table}>
        <thead>
          <tr>
            <th>Table</th>
            <th>Rows</th>
            <th>On disk</th>
            <th>Bytes a row</th>
            <th>Parts</th>
            <th>Oldest</th>
            <th>Newest</th>
          </tr>
        </thead>
        <tbody>
          {tables.map((table) => (
            <tr key={table.table}>
              <td>
                <code>{table.table}</code>
              </td>
              <td>{formatCount(table.rows)}</td>
              <td>{formatBytes(table.bytes)}</td>
              <td>{table.rows === 0 ? '–' : digits3(table.bytes / table.rows)}</td>
              <td>{formatCount(table.parts)}</td>
              <td>
                <When text={table.oldest} />
              </td>
              <td>
                <When text={table.newest} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** A time that the store tells: local, with UTC on hover. */
function When({ text }: { readonly text: string | null }) {
  const ms = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? (text ?? '–') : <Moment ms={ms} date />;
}

export function Configuration({ status }: Part) {
  return (
    <Scroll label="Configuration">
      <table className={`${styles.table} ${styles.left}`}>
        <thead>
          <tr>
            <th>Key</th>
            <th>Value</th>
            <th>From</th>
          </tr>
        </thead>
        <tbody>
          {status.configuration.map(({ key, value, source }) => (
            <tr key={key} className={source === 'default' ? styles.default : undefined}>
              <td>
                <code>{key}</code>
              </td>
              <td>
                <code>{value}</code>
              </td>
              <td>{source}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
