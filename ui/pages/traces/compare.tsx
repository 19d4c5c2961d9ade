import type { ComparedField, TraceComparison } from '../../../src/query/api-compare.ts';
import { useTraceComparison } from '../../data/queries.ts';
import { useRange } from '../../frame/range.tsx';
import { useUrl } from '../../frame/url.ts';
import { durationParameter, valueFilter } from '../../model/filters.ts';
import { counted, formatCount } from '../../model/format.ts';
import { absoluteRange } from '../../model/time-range.ts';
import { type Selection, selectionQuery } from '../../model/trace-selection.ts';
import { Button, IconButton } from '../../parts/controls.tsx';
import { ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { toggleFilter } from './trace-filters.ts';
import styles from './traces.module.css';

type TracesQuery = Readonly<Record<string, string | readonly string[] | null>>;

/** What do the selected traces have that the others have not? */
export function Compare(props: {
  readonly query: TracesQuery;
  readonly selection: Selection;
  /** Traces that are drawn: as many are compared. */
  readonly drawn: number;
}) {
  const { selection, query, drawn } = props;
  const url = useUrl();
  const { tick } = useRange();
  const compared = useTraceComparison({ ...query, ...selectionQuery(selection), limit: String(drawn) }, tick);
  const zoom = () => {
    const { start, end } = absoluteRange(selection.fromMs, selection.toMs);
    const [minDuration, maxDuration] = [durationParameter(selection.minNs), durationParameter(selection.maxNs)];
    url.set({ start, end, live: null, minDuration, maxDuration, box: null });
  };
  return (
    <div className={styles.compare}>
      <header>
        <h2>Selected traces</h2>
        <Button onClick={zoom}>Zoom in</Button>
        <IconButton icon="close" label="Drop the selection" onClick={() => url.set({ box: null })} />
      </header>
      {compared.isError && (
        <ErrorPanel what="The traces could not be compared" error={compared.error} onRetry={() => compared.refetch()} />
      )}
      {compared.isPending && <Skeleton lines={8} />}
      {compared.data !== undefined && <Differences answer={compared.data} />}
    </div>
  );
}

function Differences({ answer }: { readonly answer: TraceComparison }) {
  const { selected, rest, items } = answer;
  return (
    <>
      <p>
        <b className={styles.chosen}>{counted(selected, 'trace')}</b> selected, {counted(rest, 'other')}.{' '}
        {items.length === 0
          ? 'There is nothing in which they differ.'
          : 'In what they differ, the greatest difference first:'}
      </p>
      {items.map((item) => (
        <Field key={`${item.attribute} ${item.field}`} item={item} answer={answer} />
      ))}
    </>
  );
}

function Field({ item, answer }: { readonly item: ComparedField; readonly answer: TraceComparison }) {
  const url = useUrl();
  return (
    <section className={styles.compared}>
      <h3 title={item.field}>
        {item.field} <small>{percent(item.difference)} apart</small>
      </h3>
      <ul>
        {item.values.map(({ value, selected, rest }) => {
          const [mine, others] = [selected / answer.selected, rest / answer.rest];
          const told = `${percent(mine)} of the selected, ${percent(others)} of the others`;
          const filter = (isOut: boolean) => toggleFilter(url, valueFilter(item, value, isOut));
          return (
            <li key={value}>
              <button
                type="button"
                title={`Only traces with ${item.field}=${value}: ${told}`}
                onClick={() => filter(false)}
              >
                <span>{value === '' ? '(empty)' : value}</span>
                <small>
                  {percent(mine)} <i>{percent(others)}</i>
                </small>
                <Share share={mine} className={styles.mine} />
                <Share share={others} className={styles.others} />
              </button>
              <IconButton
                icon="without"
                label={`Without ${item.field}=${value} (${formatCount(selected + rest)} traces)`}
                onClick={() => filter(true)}
                small
              />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Share({ share, className }: { readonly share: number; readonly className: string }) {
  return <i className={className} style={{ width: `${share * 100}%` }} />;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
