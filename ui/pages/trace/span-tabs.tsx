import { useMemo } from 'react';
import { Link } from 'wouter';
import type { OtlpKeyValue, OtlpSpan } from '../../../src/query/api.ts';
import { useSpanLogs } from '../../data/queries.ts';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { typedText } from '../../model/attributes.ts';
import { formatDurationNs } from '../../model/format.ts';
import { nanosSince, nanosToMs } from '../../model/nanos.ts';
import { SEVERITY_COLOUR, severityOf } from '../../model/severity.ts';
import type { SpanContext } from '../../model/span-table.ts';
import { Copy, Moment } from '../../parts/controls.tsx';
import { Icon } from '../../parts/icon.tsx';
import { CodeBlock, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import styles from './trace.module.css';

export function AttributesTab({ span }: { readonly span: OtlpSpan }) {
  return (
    <>
      <AttributeTable attributes={span.attributes} filter dropped={span.droppedAttributesCount} />
      {span.traceState && <p className={styles.extra}>trace state: {span.traceState}</p>}
    </>
  );
}

/** Keys and values with their OTLP types. With `filter` a click looks for other traces that have the same. */
function AttributeTable(props: {
  readonly attributes: readonly OtlpKeyValue[] | undefined;
  readonly filter?: boolean;
  readonly dropped?: number | undefined;
}) {
  const { params } = useUrl();
  const sorted = useMemo(
    () => [...(props.attributes ?? [])].sort((a, b) => (a.key < b.key ? -1 : 1)),
    [props.attributes],
  );
  if (sorted.length === 0) return <p className={styles.nothing}>None.</p>;
  return (
    <>
      <dl className={styles.attributes}>
        {sorted.map(({ key, value }, at) => {
          const { type, text } = typedText(value);
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: OTLP allows a key twice, and the order never changes
            <div key={`${key} ${at}`}>
              <dt title={key}>{key}</dt>
              <dd>
                {props.filter && type !== 'array' && type !== 'kvlist' ? (
                  <Link
                    href={placeAddress('/traces', params, { attribute: [`${key}=${text}`] })}
                    title="Traces that have the same"
                  >
                    {text || '""'}
                  </Link>
                ) : (
                  <span>{text || '""'}</span>
                )}
                {type !== 'string' && <small>{type}</small>}
                {props.filter && type !== 'array' && type !== 'kvlist' && (
                  <Link
                    className={styles.without}
                    href={placeAddress('/traces', params, { attribute: [`${key}!=${text}`] })}
                    title="Traces with spans that have something else"
                  >
                    <Icon name="without" label={`without ${key}=${text}`} size={12} />
                  </Link>
                )}
              </dd>
            </div>
          );
        })}
      </dl>
      {props.dropped !== undefined && props.dropped > 0 && (
        <p className={styles.extra}>{props.dropped} more were dropped by the SDK.</p>
      )}
    </>
  );
}

export function EventsTab({ span, originNano }: { readonly span: OtlpSpan; readonly originNano: string }) {
  if ((span.events?.length ?? 0) === 0) return <p className={styles.nothing}>This span has no events.</p>;
  return span.events?.map((event, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: events have no id, and their order never changes
    <section key={at} className={styles.item}>
      <h3>
        <span className={event.name === 'exception' ? styles.exceptionName : undefined}>
          {event.name || '(no name)'}
        </span>
        <small>{formatDurationNs(nanosSince(event.timeUnixNano ?? originNano, originNano))}</small>
      </h3>
      <AttributeTable attributes={event.attributes} dropped={event.droppedAttributesCount} />
    </section>
  ));
}

export function LinksTab({ span }: { readonly span: OtlpSpan }) {
  const { params } = useUrl();
  if ((span.links?.length ?? 0) === 0) return <p className={styles.nothing}>This span has no links to other spans.</p>;
  return span.links?.map((link, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a link may be there twice, and the order never changes
    <section key={at} className={styles.item}>
      <h3>
        <Link
          className={styles.link}
          href={placeAddress(`/traces/${link.traceId}`, params, { span: link.spanId ?? null })}
        >
          <Icon name="out" size={12} /> Open the linked span
        </Link>
        <Copy text={link.traceId ?? ''} shown={link.traceId?.slice(0, 8)} label="trace id" />
      </h3>
      <AttributeTable attributes={link.attributes} dropped={link.droppedAttributesCount} />
    </section>
  ));
}

export function LogsTab({ span, traceId }: { readonly span: OtlpSpan; readonly traceId: string }) {
  const { params } = useUrl();
  const logs = useSpanLogs(traceId, span.spanId, nanosToMs(span.startTimeUnixNano ?? '0'), true);
  if (logs.isPending) return <Skeleton lines={4} />;
  if (logs.isError)
    return <ErrorPanel what="The logs could not be read" error={logs.error} onRetry={() => logs.refetch()} />;
  return (
    <>
      {logs.data.items.length === 0 && <p className={styles.nothing}>No log record carries this span’s id.</p>}
      {[...logs.data.items].reverse().map((record, at) => {
        const severity = severityOf(record.severityNumber);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: log records have no id
          <div key={at} className={styles.log}>
            <i style={{ background: SEVERITY_COLOUR[severity] }} />
            <Moment ms={nanosToMs(record.timeUnixNano)} />
            <small>{record.severityText || severity}</small>
            <p>{record.body}</p>
          </div>
        );
      })}
      <p className={styles.extra}>
        <Link className={styles.link} href={placeAddress('/logs', params, { traceId })}>
          <Icon name="out" size={12} /> All logs of this trace
        </Link>
      </p>
    </>
  );
}

export function ResourceTab({ context, span }: { readonly context: SpanContext; readonly span: OtlpSpan }) {
  return (
    <>
      <AttributeTable
        attributes={context.resource.attributes}
        filter
        dropped={context.resource.droppedAttributesCount}
      />
      <section className={styles.item}>
        <h3>
          Scope {context.scope.name ?? ''} {context.scope.version ?? ''}
        </h3>
        <AttributeTable attributes={context.scope.attributes} />
      </section>
      {span.flags !== undefined && <p className={styles.extra}>flags: 0x{span.flags.toString(16)}</p>}
    </>
  );
}

/** The span as OTLP/JSON, in its resource and scope: what another tool takes. */
export function RawTab({ context, span }: { readonly context: SpanContext; readonly span: OtlpSpan }) {
  const text = useMemo(() => {
    const scopeSpans = [{ scope: context.scope, spans: [span] }];
    return JSON.stringify({ resourceSpans: [{ resource: context.resource, scopeSpans }] }, null, 2);
  }, [context, span]);
  return <CodeBlock text={text} />;
}
