import { useEffect } from 'react';
import type { LocksAnswer } from '../../../src/query/api-locks.ts';
import { useLocks } from '../../data/queries.ts';
import { counted } from '../../model/format.ts';
import { CodeBlock, EmptyPanel, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { DeadlockCard } from './deadlock-card.tsx';
import styles from './locks.module.css';
import { PoolTable } from './pool-table.tsx';
import { WaitTable } from './wait-table.tsx';

/** Who waits for whom, who will for ever, and how is it resolved? */
export default function LocksPage() {
  const locks = useLocks();
  useEffect(() => {
    document.title = 'Locks · Clew';
  }, []);
  if (locks.isPending) return <Skeleton lines={12} />;
  if (locks.data === undefined) {
    return <ErrorPanel what="The locks could not be read" error={locks.error} onRetry={() => locks.refetch()} alone />;
  }
  const { deadlocks, owners } = locks.data;
  const isEmpty = deadlocks.length === 0 && owners.length === 0;
  return (
    <div className={styles.page}>
      {isEmpty ? <None /> : <Now answer={locks.data} />}
      <PoolTable />
      <Past deadlocks={deadlocks.filter(({ state }) => state === 'over')} />
    </div>
  );
}

const EXAMPLE = `logger.emit({
  eventName: 'lock.wait',   // then lock.acquired, lock.released; lock.abandoned when the wait is given up
  attributes: { 'lock.resource': 'stock:4711' },
});`;

function None() {
  return (
    <EmptyPanel title="No lock is held or waited for">
      <p>
        Clew follows log records that tell of locks as it happens (a span that waits for ever is never exported). With
        the SDK for JavaScript, within a span:
      </p>
      <CodeBlock text={EXAMPLE} />
      <p>
        A running PostgreSQL, its log, and threads of Java can be told as well: see <code>docs/lock-sources.md</code>.
        Anything else with <code>POST /api/v1/locks</code>.
      </p>
    </EmptyPanel>
  );
}

function Now({ answer }: { readonly answer: LocksAnswer }) {
  const now = answer.deadlocks.filter(({ state }) => state !== 'over');
  const past = answer.deadlocks.length - now.length;
  const waiting = answer.owners.filter(({ waits }) => waits.length > 0).length;
  return (
    <>
      <header>
        <h1>Locks</h1>
        <p className={styles.quiet}>
          {counted(answer.owners.length, 'owner')}, {waiting} waiting; {counted(now.length, 'deadlock')} now, {past} in
          the past
        </p>
      </header>
      {now.map((deadlock) => (
        <DeadlockCard key={deadlock.id} deadlock={deadlock} />
      ))}
      {now.length === 0 && <p className={styles.calm}>Nobody waits for ever now.</p>}
      <WaitTable answer={answer} />
    </>
  );
}

function Past({ deadlocks }: { readonly deadlocks: LocksAnswer['deadlocks'] }) {
  if (deadlocks.length === 0) return null;
  return (
    <>
      <h2>Past</h2>
      {deadlocks.map((deadlock) => (
        <DeadlockCard key={`${deadlock.id} ${deadlock.overUnixNano}`} deadlock={deadlock} />
      ))}
    </>
  );
}
