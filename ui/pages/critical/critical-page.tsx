import { useEffect } from 'react';
import type { PathComparison, PathSums } from '../../../src/query/api-paths.ts';
import { usePathComparison, usePathSums } from '../../data/queries.ts';
import { useRange } from '../../frame/range.tsx';
import { useUrl } from '../../frame/url.ts';
import { counted, formatDurationNs } from '../../model/format.ts';
import { Button, Chip } from '../../parts/controls.tsx';
import { EmptyPanel, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { ChangeTable } from './change-table.tsx';
import styles from './critical.module.css';
import { Flame } from './flame.tsx';
import { ShareTable } from './share-table.tsx';

type View = 'shares' | 'flame' | 'compare';
const VIEWS: readonly (readonly [View, string])[] = [
  ['shares', 'What to fix first'],
  ['flame', 'Flame graph'],
  ['compare', 'Before and after'],
];

/** What do requests wait for, and what got slower? */
export default function CriticalPage() {
  const { query, tick } = useRange();
  const { params, set } = useUrl();
  const view = VIEWS.find(([name]) => name === params.get('show'))?.[0] ?? 'shares';
  const filters = { service: params.get('service'), operation: params.get('operation') };
  const mode = params.get('mode') === 'strict' ? 'strict' : 'crisp';
  const asked = { ...query, ...withoutNull(filters), mode };
  const sums = usePathSums(asked, tick, view !== 'compare');
  const comparison = usePathComparison(asked, tick, view === 'compare');
  useEffect(() => {
    document.title = 'Critical path · Clew';
  }, []);
  const answer = view === 'compare' ? comparison : sums;
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1>Critical path</h1>
        <div className={styles.views}>
          {VIEWS.map(([name, text]) => (
            <Button key={name} pressed={view === name} onClick={() => set({ show: name === 'shares' ? null : name })}>
              {text}
            </Button>
          ))}
        </div>
        <Button
          pressed={mode === 'strict'}
          onClick={() => set({ mode: mode === 'strict' ? null : 'strict' })}
          title="Do not forgive that a call ends a moment after the next one began (less than 1 % of the caller)"
        >
          Strict order
        </Button>
        {Object.entries(filters).map(
          ([name, value]) =>
            value !== null && <Chip key={name} name={name} value={value} onRemove={() => set({ [name]: null })} />,
        )}
      </header>
      {answer.isPending && <Skeleton lines={12} />}
      {answer.isError && (
        <ErrorPanel what="The critical paths could not be read" error={answer.error} onRetry={() => answer.refetch()} />
      )}
      {view !== 'compare' && sums.data !== undefined && <Sums sums={sums.data} view={view} />}
      {view === 'compare' && comparison.data !== undefined && <Compared comparison={comparison.data} />}
    </div>
  );
}

const withoutNull = (filters: Readonly<Record<string, string | null>>): Record<string, string> =>
  Object.fromEntries(Object.entries(filters).flatMap(([key, value]) => (value === null ? [] : [[key, value]])));

function Sums({ sums, view }: { readonly sums: PathSums; readonly view: View }) {
  if (sums.traces === 0) {
    return (
      <EmptyPanel title="No traces in this time">
        <p>Choose a longer time range above, or remove a filter.</p>
      </EmptyPanel>
    );
  }
  return (
    <>
      <p className={styles.intro}>
        What {sums.truncated ? 'the newest ' : ''}
        {counted(sums.traces, 'request')} waited for, {formatDurationNs(sums.totalNano)} in all
        {sums.truncated && ' (there are more in this time)'}. Every nanosecond from the start of a request to its end
        belongs to exactly one row.
      </p>
      {view === 'flame' ? <Flame sums={sums} /> : <ShareTable sums={sums} />}
    </>
  );
}

function Compared({ comparison }: { readonly comparison: PathComparison }) {
  const { before, after, changes } = comparison;
  if (changes.length === 0) {
    return (
      <EmptyPanel title="One of the two times has no traces">
        <p>The time above is compared with as long a time right before it. Choose a shorter range, as 15 minutes.</p>
      </EmptyPanel>
    );
  }
  return (
    <>
      <p className={styles.intro}>
        Per request on average: {formatDurationNs(before.meanNano)} before ({counted(before.traces, 'request')}, as long
        a time right before the range above), {formatDurationNs(after.meanNano)} now ({counted(after.traces, 'request')}
        ). What got slower comes first.
      </p>
      <ChangeTable changes={changes} />
    </>
  );
}
