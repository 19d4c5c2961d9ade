import { useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { useAlerts } from '../data/queries.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import styles from './frame.module.css';
import { placeAddress, useUrl } from './url.ts';

/** The places of the UI, with the key that goes there. `/metrics` is where Prometheus scrapes Clew itself, so metrics are drawn at `/charts`. */
export const PLACES: readonly {
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
  readonly key: string;
}[] = [
  { path: '/traces', name: 'Traces', icon: 'traces', key: '1' },
  { path: '/logs', name: 'Logs', icon: 'logs', key: '2' },
  { path: '/charts', name: 'Metrics', icon: 'metrics', key: '3' },
  { path: '/map', name: 'Map', icon: 'map', key: '5' },
  { path: '/cycles', name: 'Cycles', icon: 'cycle', key: '6' },
  { path: '/critical-path', name: 'Critical path', icon: 'path', key: '7' },
  { path: '/locks', name: 'Locks', icon: 'lock', key: '8' },
  { path: '/fleet', name: 'Fleet', icon: 'fleet', key: '9' },
  { path: '/status', name: 'Status', icon: 'status', key: '4' },
];

const KEY = 'clew.nav';

/** Alerts of the last hour about new cycles. */
function NewCycles() {
  const alerts = useAlerts().data?.alerts ?? [];
  const count = alerts.filter(({ kind, time }) => kind === 'cycle' && Date.now() - Date.parse(time) < 3_600_000).length;
  if (count === 0) return null;
  return (
    <b className={styles.badge} title="Calls that closed a cycle in the last hour">
      {count} new
    </b>
  );
}

export function Nav() {
  const { path, params } = useUrl();
  const [narrow, setNarrow] = useState(() => localStorage.getItem(KEY) === 'narrow');
  const current = useRef<HTMLLIElement>(null);
  // On a narrow screen the places scroll sideways.
  useEffect(() => {
    if (path !== '') current.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [path]);
  const toggle = () => {
    localStorage.setItem(KEY, narrow ? 'wide' : 'narrow');
    setNarrow(!narrow);
  };
  return (
    <nav className={`${styles.nav} ${narrow ? styles.narrow : ''}`} aria-label="Places">
      <div className={styles.brand}>
        <img src="/favicon.svg" width={20} height={20} alt="" />
        <span>Clew</span>
      </div>
      <ul>
        {PLACES.map((place) => {
          const here = path === place.path || path.startsWith(`${place.path}/`);
          return (
            <li key={place.path} ref={here ? current : undefined}>
              <Link
                href={placeAddress(place.path, params)}
                className={styles.place}
                aria-current={here ? 'page' : undefined}
                title={`${place.name} (${place.key})`}
              >
                <Icon name={place.icon} size={16} />
                <span>{place.name}</span>
                {place.path === '/cycles' && <NewCycles />}
              </Link>
            </li>
          );
        })}
      </ul>
      <button
        type="button"
        className={styles.collapse}
        aria-label={narrow ? 'Widen the navigation' : 'Narrow the navigation'}
        title={narrow ? 'Widen' : 'Narrow'}
        onClick={toggle}
      >
        <Icon name={narrow ? 'right' : 'left'} size={12} />
      </button>
    </nav>
  );
}
