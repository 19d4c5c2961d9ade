import { useEffect, useMemo } from 'react';
import type { OtlpTrace } from '../../../src/query/api.ts';
import { RequestError } from '../../data/client.ts';
import { useTrace } from '../../data/queries.ts';
import { buildSpanTable, type SpanTable } from '../../model/span-table.ts';
import { EmptyPanel, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { Minimap } from './minimap.tsx';
import { SpanDock } from './span-dock.tsx';
import styles from './trace.module.css';
import { TraceHeader } from './trace-header.tsx';
import { TraceTools } from './trace-tools.tsx';
import { useTraceView } from './use-trace-view.ts';
import { Waterfall } from './waterfall.tsx';

/** Where did the time of this request go, and what failed? */
export default function TracePage({ traceId }: { readonly traceId: string }) {
  const answer = useTrace(traceId);
  if (answer.isPending) return <Skeleton lines={12} />;
  if (answer.isError) {
    const absent = answer.error instanceof RequestError && answer.error.problem.status === 404;
    const what = absent ? 'There is no trace with this id' : 'The trace could not be read';
    return <ErrorPanel what={what} error={answer.error} onRetry={() => answer.refetch()} alone />;
  }
  return <BuiltTrace trace={answer.data.trace} traceId={traceId} truncated={answer.data.truncated} />;
}

function BuiltTrace(props: { readonly trace: OtlpTrace; readonly traceId: string; readonly truncated: boolean }) {
  const table = useMemo(() => buildSpanTable(props.trace), [props.trace]);
  if (table === null) {
    return (
      <EmptyPanel title="This trace has no spans" alone>
        <p>The answer for its id was empty.</p>
      </EmptyPanel>
    );
  }
  return <TraceBody table={table} traceId={props.traceId} truncated={props.truncated} />;
}

function TraceBody(props: { readonly table: SpanTable; readonly traceId: string; readonly truncated: boolean }) {
  const view = useTraceView(props.table, props.traceId);
  const title = props.table.spans[0].name || '(no name)';
  useEffect(() => {
    document.title = `${title} · Clew`;
  }, [title]);
  return (
    <div className={styles.page}>
      <TraceHeader view={view} traceId={props.traceId} title={title} truncated={props.truncated} />
      <div className={styles.body}>
        <div className={styles.left}>
          <TraceTools view={view} />
          <Minimap table={view.table} time={view.time} onTime={view.setTime} />
          <Waterfall view={view} />
        </div>
        {view.cursor >= 0 && <SpanDock view={view} traceId={props.traceId} />}
      </div>
    </div>
  );
}
