import { useEffect, useMemo } from 'react';
import type { FleetSeen } from '../../../src/base/fleet.ts';
import { useFleet } from '../../data/queries.ts';
import { useUrl } from '../../frame/url.ts';
import { fleetPicture, troublesOf } from '../../model/fleet.ts';
import { counted } from '../../model/format.ts';
import { CodeBlock, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { FleetDrawing } from './fleet-drawing.tsx';
import { Accounts, Clews, Details } from './fleet-parts.tsx';
import styles from './status.module.css';
import { Verdict } from './status-parts.tsx';

/** Does everything that is sent reach the centre? */
export default function FleetPage() {
  const fleet = useFleet();
  useEffect(() => {
    document.title = 'Fleet · Clew';
  }, []);
  if (fleet.isPending) return <Skeleton lines={12} />;
  if (fleet.data === undefined) {
    return <ErrorPanel what="The fleet could not be read" error={fleet.error} onRetry={() => fleet.refetch()} alone />;
  }
  return <Fleet nodes={fleet.data.nodes} />;
}

function Fleet({ nodes }: { readonly nodes: readonly FleetSeen[] }) {
  const { params, set } = useUrl();
  const picture = useMemo(() => fleetPicture(nodes), [nodes]);
  const picked = nodes.find(({ instance }) => instance === params.get('node'));
  const shown = picked === undefined ? nodes : [picked];
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1>Fleet</h1>
        <p>Does everything that is sent reach the centre? {counted(nodes.length, 'Clew')}, as each tells of itself.</p>
      </header>
      <Verdict
        troubles={nodes.flatMap((node) => troublesOf(node).map((trouble) => `${node.name}: ${trouble}`))}
        well="All is well: every Clew was heard of lately, and every item is accounted for."
      />
      <section className={styles.wide} aria-labelledby="picture">
        <h2 id="picture">From edge to centre</h2>
        <FleetDrawing
          picture={picture}
          picked={picked?.instance}
          onPick={(instance) => set({ node: instance === picked?.instance ? null : instance })}
        />
        {nodes.length === 1 && <Alone />}
      </section>
      {picked !== undefined && <Details node={picked} onClose={() => set({ node: null })} />}
      <section className={styles.wide} aria-labelledby="accounts">
        <h2 id="accounts">What became of everything</h2>
        <Accounts nodes={shown} all={nodes} />
      </section>
      <section className={styles.wide} aria-labelledby="clews">
        <h2 id="clews">Clews</h2>
        <Clews nodes={shown} />
      </section>
    </div>
  );
}

function Alone() {
  return (
    <>
      <p className={styles.quiet}>
        No other Clew tells this one of itself yet. One beside your services keeps what they send while this one is
        away:
      </p>
      <CodeBlock text={`clew edge --forward ${window.location.protocol}//${window.location.hostname}:4318`} />
    </>
  );
}
