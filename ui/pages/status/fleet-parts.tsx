import type { FleetHop, FleetSeen, HopAccount } from '../../../src/base/fleet.ts';
import { formatBytes } from '../../../src/base/units.ts';
import { isClosed } from '../../model/fleet.ts';
import { digits3, formatAge, formatCount, formatShort } from '../../model/format.ts';
import { Icon } from '../../parts/icon.tsx';
import styles from './fleet.module.css';
import shared from './status.module.css';
import { Meter, Reasons, Scroll } from './status-parts.tsx';

/** Rows of a table that are drawn; picking a Clew in the picture shows all of its own. */
const ROWS_MAX = 200;

const SIGNAL_NAMES = { traces: 'spans', metrics: 'data points', logs: 'log records' } as const;

interface AccountRow {
  readonly node: FleetSeen;
  readonly hop: FleetHop;
  readonly account: HopAccount;
}

/** For each hop and signal what became of every item: the columns behind the first add up to it. */
export function Accounts({ nodes, all }: { readonly nodes: readonly FleetSeen[]; readonly all: readonly FleetSeen[] }) {
  const rows: AccountRow[] = nodes.flatMap((node) =>
    node.hops.flatMap((hop) =>
      hop.accounts.filter(({ received }) => received > 0).map((account) => ({ node, hop, account })),
    ),
  );
  if (rows.length === 0) return <p className={shared.quiet}>Nothing was received for forwarding yet.</p>;
  const nameOf = new Map(all.map(({ instance, name }) => [instance, name]));
  return (
    <Scroll label="Accounts">
      <table className={`${shared.table} ${styles.named}`}>
        <thead>
          <tr>
            <th>From</th>
            <th>To</th>
            <th>What</th>
            <th>Received</th>
            <th>Forwarded</th>
            <th>Queued</th>
            <th>Dead</th>
            <th title="Left out by sampling, or dropped by a person">Dropped</th>
            <th title="Routes lead them to other destinations">Elsewhere</th>
            <th title="In records that the disk damaged">Lost</th>
            <th>Adds up</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS_MAX).map(({ node, hop, account }) => (
            <tr key={`${node.instance} ${hop.name} ${account.signal}`}>
              <td>{node.name}</td>
              <td>{targetNames(hop, nameOf)}</td>
              <td>{SIGNAL_NAMES[account.signal]}</td>
              <td>{formatCount(account.received)}</td>
              <td>{formatCount(account.forwarded)}</td>
              <td>{formatCount(account.queued)}</td>
              <td>{formatCount(account.dead)}</td>
              <td>{formatCount(account.dropped)}</td>
              <td>{formatCount(account.elsewhere)}</td>
              <td>{formatCount(account.lost)}</td>
              <td>
                {isClosed({ accounts: [account] }) ? (
                  <span className={styles.closed}>yes</span>
                ) : (
                  <span className={styles.open}>
                    <Icon name="error" size={12} /> no
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS_MAX && <p className={shared.quiet}>and {rows.length - ROWS_MAX} more rows</p>}
    </Scroll>
  );
}

const targetNames = ({ targets }: FleetHop, nameOf: ReadonlyMap<string, string>): string =>
  targets.map(({ instance, url }) => nameOf.get(instance) ?? url).join(', ');

export function Clews({ nodes }: { readonly nodes: readonly FleetSeen[] }) {
  return (
    <Scroll label="Clews">
      <table className={`${shared.table} ${styles.named}`}>
        <thead>
          <tr>
            <th>Name</th>
            <th>Role</th>
            <th>Version</th>
            <th>Last word</th>
            <th>Up for</th>
            <th>Receivers</th>
            <th>Spans /s</th>
            <th>Points /s</th>
            <th>Logs /s</th>
            <th>Refused requests</th>
            <th>Journal</th>
            <th>Disk free</th>
            <th title="Of its receivers">Memory</th>
          </tr>
        </thead>
        <tbody>
          {nodes.slice(0, ROWS_MAX).map((node) => (
            <tr key={node.instance}>
              <td title={node.instance}>{node.name}</td>
              <td>{node.role}</td>
              <td>{node.version}</td>
              <td>{node.silentMs === 0 ? 'this one' : `${formatAge(node.silentMs)} ago`}</td>
              <td>{formatAge(node.upMs)}</td>
              <td>
                {node.receiversUp} of {node.receivers}
              </td>
              <td>{formatShort(node.perSecond.traces)}</td>
              <td>{formatShort(node.perSecond.metrics)}</td>
              <td>{formatShort(node.perSecond.logs)}</td>
              <td>{formatCount(Object.values(node.refused).reduce((sum, count) => sum + count, 0))}</td>
              <td>{formatBytes(node.journalBytes)}</td>
              <td>{formatBytes(node.diskFreeBytes)}</td>
              <td>{formatBytes(node.memoryBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {nodes.length > ROWS_MAX && <p className={shared.quiet}>and {nodes.length - ROWS_MAX} more</p>}
    </Scroll>
  );
}

/** One Clew: what it holds, what it refused, and how each of its targets is. */
export function Details({ node, onClose }: { readonly node: FleetSeen; readonly onClose: () => void }) {
  const targets = node.hops.flatMap((hop) => hop.targets.map((target) => ({ hop, target })));
  return (
    <section className={styles.details} aria-label={node.name}>
      <h2>
        {node.name}
        <button type="button" aria-label="Close" title="Show all Clews" onClick={onClose}>
          <Icon name="close" size={12} />
        </button>
      </h2>
      <div>
        <p className={shared.quiet}>Journal</p>
        <Meter label="Journal in use" used={node.journalBytes} total={node.journalQuotaBytes} />
        <p className={shared.quiet}>Disk</p>
        <Meter label="Disk in use" used={node.diskTotalBytes - node.diskFreeBytes} total={node.diskTotalBytes} />
      </div>
      <div>
        <p className={shared.quiet}>Refused requests</p>
        <Reasons counts={node.refused} />
      </div>
      {targets.length > 0 && (
        <Scroll label="Targets">
          <table className={`${shared.table} ${shared.left}`}>
            <thead>
              <tr>
                <th>Target</th>
                <th>Condition</th>
                <th>Share of the load</th>
                <th>Answers in</th>
                <th>Why it is left out, or what failed last</th>
              </tr>
            </thead>
            <tbody>
              {targets.map(({ hop, target }) => (
                <tr key={`${hop.name} ${target.url}`}>
                  <td>
                    <code>{target.url}</code>
                  </td>
                  <td>{target.condition}</td>
                  <td>{digits3(target.share * 100)} %</td>
                  <td>{digits3(target.responseMs)} ms</td>
                  <td>{target.reason || hop.lastFailure || '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}
