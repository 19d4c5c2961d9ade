import { Link } from 'wouter';
import type { LogRecord } from '../../../src/query/api.ts';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { formatUtc } from '../../model/format.ts';
import { nanosToMs } from '../../model/nanos.ts';
import { SEVERITY_COLOUR, severityOf } from '../../model/severity.ts';
import { Copy, IconButton, Moment, ServiceName } from '../../parts/controls.tsx';
import { Icon } from '../../parts/icon.tsx';
import styles from './logs.module.css';

const DAY_MS = 20 * 3600e3;

/** A record in one line; opened, with all its fields. */
export function LogRow(props: {
  readonly record: LogRecord;
  readonly columns: readonly string[];
  readonly open: boolean;
  readonly selected: boolean;
  readonly onToggle: () => void;
}) {
  const { record, open } = props;
  const severity = severityOf(record.severityNumber);
  const ms = nanosToMs(record.timeUnixNano);
  return (
    <div className={`${styles.record} ${props.selected ? styles.selected : ''} ${styles[severity] ?? ''}`}>
      <div className={styles.line}>
        <button type="button" className={styles.opener} aria-expanded={open} onClick={props.onToggle}>
          <i className={styles.stripe} style={{ background: SEVERITY_COLOUR[severity] }} />
          <Moment ms={ms} date={Date.now() - ms > DAY_MS} />
          <span className={styles.severity}>{record.severityText || severity}</span>
          <ServiceName service={record.service} />
          {props.columns.map((column) => (
            <span key={column} className={styles.column} title={column}>
              {record.attributes[column] ?? record.resourceAttributes[column] ?? ''}
            </span>
          ))}
          <span className={styles.body}>{record.body || record.eventName}</span>
        </button>
        {record.traceId !== '' && <TraceLink record={record} />}
      </div>
      {open && <Fields record={record} columns={props.columns} />}
    </div>
  );
}

function TraceLink({ record }: { readonly record: LogRecord }) {
  const { params } = useUrl();
  const address = placeAddress(`/traces/${record.traceId}`, params, { span: record.spanId || null });
  return (
    <Link
      className={styles.trace}
      href={address}
      title={`Open the trace ${record.traceId}`}
      aria-label={`Open the trace ${record.traceId.slice(0, 8)}`}
    >
      <Icon name="traces" size={12} />
      <span>{record.traceId.slice(0, 8)}</span>
    </Link>
  );
}

function Fields({ record, columns }: { readonly record: LogRecord; readonly columns: readonly string[] }) {
  return (
    <div className={styles.fields}>
      <pre className={styles.whole}>{record.body}</pre>
      <dl>
        <Plain name="time" value={formatUtc(nanosToMs(record.timeUnixNano))} />
        <Plain name="severity" value={`${record.severityText} (${record.severityNumber})`} />
        {record.eventName !== '' && <Plain name="event" value={record.eventName} />}
        {record.scopeName !== '' && <Plain name="scope" value={record.scopeName} />}
        {record.traceId !== '' && (
          <div>
            <dt>trace</dt>
            <dd>
              <Copy text={record.traceId} label="trace id" />
            </dd>
          </div>
        )}
        {Object.entries(record.attributes).map(([key, value]) => (
          <Field key={key} name={key} value={value} columns={columns} />
        ))}
      </dl>
      <details>
        <summary>Resource</summary>
        <dl>
          {Object.entries(record.resourceAttributes).map(([key, value]) => (
            <Field key={key} name={key} value={value} columns={columns} />
          ))}
        </dl>
      </details>
    </div>
  );
}

function Plain({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** An attribute: a filter or a column of the list at one click. */
function Field({
  name,
  value,
  columns,
}: {
  readonly name: string;
  readonly value: string;
  readonly columns: readonly string[];
}) {
  const { params, set } = useUrl();
  const shown = columns.includes(name);
  const pair = `${name}=${value}`;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span>{value || '""'}</span>
        <span className={styles.acts}>
          <IconButton
            icon="filter"
            label={`Only records with ${pair}`}
            small
            onClick={() => set({ attribute: [...new Set([...params.getAll('attribute'), pair])] })}
          />
          <IconButton
            icon="without"
            label={`Without records with ${pair}`}
            small
            onClick={() => set({ attribute: [...new Set([...params.getAll('attribute'), `${name}!=${value}`])] })}
          />
          <IconButton
            icon="column"
            label={shown ? `Hide the column ${name}` : `Show ${name} as a column`}
            pressed={shown}
            small
            onClick={() =>
              set({ column: shown ? columns.filter((one) => one !== name) : [...columns, name] }, { replace: true })
            }
          />
        </span>
      </dd>
    </div>
  );
}
