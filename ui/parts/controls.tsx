import { type ReactNode, useState } from 'react';
import { serviceColour } from '../frame/service-colour.ts';
import { formatClock, formatCount, formatDateTime, formatUtc } from '../model/format.ts';
import styles from './controls.module.css';
import { Icon, type IconName } from './icon.tsx';

/** Small things that every page uses. */

export function IconButton(props: {
  readonly icon: IconName;
  readonly label: string;
  readonly onClick: () => void;
  readonly pressed?: boolean;
  readonly small?: boolean;
  readonly disabled?: boolean;
}) {
  return (
    <button
      type="button"
      className={`${styles.icon} ${props.small ? styles.small : ''}`}
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.pressed}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <Icon name={props.icon} size={props.small ? 12 : 14} />
    </button>
  );
}

export function Button(props: {
  readonly children: ReactNode;
  readonly onClick: () => void;
  readonly pressed?: boolean;
  readonly title?: string;
  readonly disabled?: boolean;
}) {
  return (
    <button
      type="button"
      className={styles.button}
      aria-pressed={props.pressed}
      title={props.title}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}

const COPIED_MS = 1_200;

/** Text that is copied whole when clicked; an id is shown by its first digits. */
export function Copy({
  text,
  shown,
  label,
}: {
  readonly text: string;
  readonly shown?: string;
  readonly label: string;
}) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <button
      type="button"
      className={styles.copy}
      title={`${text} (click to copy)`}
      aria-label={`Copy ${label} ${shown ?? text}`}
      onClick={copy}
    >
      <span>{shown ?? text}</span>
      <Icon name={copied ? 'check' : 'copy'} size={11} />
    </button>
  );
}

/** An active filter with a button that takes it away. */
export function Chip({
  name,
  value,
  onRemove,
}: {
  readonly name: string;
  readonly value: string;
  readonly onRemove: () => void;
}) {
  return (
    <span className={styles.chip}>
      <span title={`${name} ${value}`}>
        <b>{name}</b> {value}
      </span>
      <IconButton icon="close" label={`Remove filter ${name} ${value}`} onClick={onRemove} small />
    </span>
  );
}

export function ServiceName({ service }: { readonly service: string }) {
  return (
    <span className={styles.service} title={service}>
      <i className={styles.swatch} style={{ background: serviceColour(service) }} />
      <span>{service}</span>
    </span>
  );
}

/** A count of errors: red with a sign, or a quiet dash. */
export function ErrorCount({ count }: { readonly count: number }) {
  if (count === 0) return <span className={styles.none}>–</span>;
  return (
    <span className={styles.errors}>
      <Icon name="error" size={12} />
      {formatCount(count)}
    </span>
  );
}

/** A moment in the local zone, with UTC on hover. */
export function Moment({ ms, date = false }: { readonly ms: number; readonly date?: boolean }) {
  return (
    <time dateTime={formatUtc(ms)} title={formatUtc(ms)}>
      {date ? formatDateTime(ms) : formatClock(ms)}
    </time>
  );
}
