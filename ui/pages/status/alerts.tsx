import { Link } from 'wouter';
import type { Alert, AlertReceiver, CycleAlert } from '../../../src/query/api-alerts.ts';
import { useAlerts } from '../../data/queries.ts';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { counted } from '../../model/format.ts';
import { Moment } from '../../parts/controls.tsx';
import { Icon } from '../../parts/icon.tsx';
import styles from './status.module.css';

const SHOWN_MAX = 10;

/** What people were told of since this Clew was started, and whether it reached them. */
export function Alerts() {
  const { data } = useAlerts();
  if (data === undefined || (data.alerts.length === 0 && data.receivers.length === 0)) return null;
  return (
    <section className={styles.wide} aria-labelledby="alerts">
      <h2 id="alerts">Alerts</h2>
      {data.alerts.length === 0 && <p>None since this Clew was started.</p>}
      <ul className={styles.alerts}>
        {data.alerts.slice(0, SHOWN_MAX).map((alert) => (
          <AlertLine key={`${alert.time} ${alert.text}`} alert={alert} />
        ))}
      </ul>
      {data.receivers.map((receiver) => (
        <Delivery key={receiver.name} receiver={receiver} />
      ))}
    </section>
  );
}

function AlertLine({ alert }: { readonly alert: Alert }) {
  const { params } = useUrl();
  const cycle = alert.kind === 'cycle' ? (alert.details as CycleAlert) : null;
  return (
    <li>
      <Moment ms={Date.parse(alert.time)} date /> {alert.text}
      {cycle !== null && (
        <>
          {' '}
          <Link href={placeAddress('/cycles', params)}>cycles</Link>{' '}
          <Link href={placeAddress(`/traces/${cycle.traceId}`, params)}>trace</Link>
        </>
      )}
      {alert.kind === 'deadlock' && (
        <>
          {' '}
          <Link href={placeAddress('/locks', params)}>locks</Link>
        </>
      )}
    </li>
  );
}

function Delivery({ receiver }: { readonly receiver: AlertReceiver }) {
  const { name, delivered, failed, dropped, waiting, problem } = receiver;
  return (
    <p>
      {problem !== null && <Icon name="error" label="failing" size={12} />} {!name.startsWith('command ') && 'Webhook '}
      <code>{name}</code>: {counted(delivered, 'alert')} delivered
      {waiting > 0 && `, ${waiting} waiting`}
      {failed + dropped > 0 && `, ${failed + dropped} given up`}
      {problem !== null && `; last try: ${problem}`}
    </p>
  );
}
