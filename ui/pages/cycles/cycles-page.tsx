import { useEffect } from 'react';
import { Link } from 'wouter';
import type { CyclesAnswer } from '../../../src/query/api.ts';
import { useCycles } from '../../data/queries.ts';
import { useRange } from '../../frame/range.tsx';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { counted, formatCount } from '../../model/format.ts';
import { Button } from '../../parts/controls.tsx';
import { Icon } from '../../parts/icon.tsx';
import { EmptyPanel, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { CycleCard, vertexText } from './cycle-card.tsx';
import styles from './cycles.module.css';

const SHOWN_MAX = 100;

/** Where do calls go round in a circle, how bad is it, and which call breaks it? */
export default function CyclesPage() {
  const { query, tick } = useRange();
  const { params, set } = useUrl();
  const level = params.get('level') === 'operation' ? 'operation' : 'service';
  const cycles = useCycles({ ...query, level }, tick);
  useEffect(() => {
    document.title = 'Cycles · Clew';
  }, []);
  if (cycles.isPending) return <Skeleton lines={12} />;
  if (cycles.data === undefined) {
    return (
      <ErrorPanel what="The cycles could not be read" error={cycles.error} onRetry={() => cycles.refetch()} alone />
    );
  }
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1>Cycles</h1>
        <div className={styles.levels}>
          <Button pressed={level === 'service'} onClick={() => set({ level: null })}>
            Services
          </Button>
          <Button pressed={level === 'operation'} onClick={() => set({ level: 'operation' })}>
            Operations
          </Button>
        </div>
      </header>
      {cycles.data.cycles.length === 0 ? <None level={level} /> : <Found answer={cycles.data} />}
    </div>
  );
}

function None({ level }: { readonly level: string }) {
  return (
    <EmptyPanel title={`No ${level} calls itself in a circle`}>
      <p>
        In the time above no chain of calls comes back to where it began.{' '}
        <code>clew cycles --fail-on new --baseline FILE</code> keeps it so in continuous integration, and{' '}
        <code>clew/guard</code> while services run.
      </p>
    </EmptyPanel>
  );
}

function Found({ answer }: { readonly answer: CyclesAnswer }) {
  const { summary, cycles, truncated, cut } = answer;
  const shown = cycles.slice(0, SHOWN_MAX);
  return (
    <>
      <ul className={styles.figures}>
        <Figure
          value={`${formatCount(summary.count)}${truncated ? ' +' : ''}`}
          name={summary.count === 1 ? 'cycle' : 'cycles'}
        />
        <Figure value={formatCount(summary.longest)} name="in the longest" />
        <Figure value={summary.meanLength.toFixed(1)} name="in one, on average" />
        <Figure value={formatCount(summary.services)} name="services involved" />
      </ul>
      {truncated && (
        <p className={styles.note}>
          There are more cycles than can be listed. Those through the busiest calls come first; the cut below breaks all
          of them.
        </p>
      )}
      <Cut cut={cut} />
      <ol className={styles.cards}>
        {shown.map((cycle) => (
          <li key={`${cycle.kind} ${cycle.severity} ${cycle.vertices.map(vertexText).join(' ')}`}>
            <CycleCard cycle={cycle} />
          </li>
        ))}
      </ol>
      {cycles.length > SHOWN_MAX && (
        <p className={styles.note}>{formatCount(cycles.length - SHOWN_MAX)} more are in the answer of the API.</p>
      )}
    </>
  );
}

function Figure({ value, name }: { readonly value: string; readonly name: string }) {
  return (
    <li>
      <b>{value}</b> {name}
    </li>
  );
}

const CUT_SHOWN = 8;

/** The calls without which there is no cycle. */
function Cut({ cut }: { readonly cut: CyclesAnswer['cut'] }) {
  const { params } = useUrl();
  return (
    <section className={styles.cut} aria-labelledby="cut">
      <h2 id="cut">
        <Icon name="cut" /> Break{' '}
        {cut.edges.length === 1 ? 'this call' : `these ${formatCount(cut.edges.length)} calls`} and no cycle is left
      </h2>
      <ul>
        {cut.edges.slice(0, CUT_SHOWN).map((edge) => {
          const from = vertexText({ service: edge.client, operation: edge.clientOperation });
          const to = vertexText({ service: edge.server, operation: edge.serverOperation });
          return (
            <li key={`${from} ${to}`}>
              <Link href={placeAddress('/map', params, { focus: edge.client, picked: edge.client })}>
                {from} → {to}
              </Link>{' '}
              <span>{counted(edge.calls, 'call')}</span>
            </li>
          );
        })}
        {cut.edges.length > CUT_SHOWN && <li>and {formatCount(cut.edges.length - CUT_SHOWN)} more</li>}
      </ul>
    </section>
  );
}
