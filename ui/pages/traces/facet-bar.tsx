import type { Facet } from '../../../src/query/api.ts';
import { serviceColour } from '../../frame/service-colour.ts';
import { useUrl } from '../../frame/url.ts';
import { type FilterChange, valueFilter } from '../../model/filters.ts';
import { formatShort } from '../../model/format.ts';
import controls from '../../parts/controls.module.css';
import { IconButton } from '../../parts/controls.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Skeleton } from '../../parts/states.tsx';
import { toggleFilter } from './trace-filters.ts';
import styles from './traces.module.css';

const TITLES: Readonly<Record<string, string>> = {
  service: 'Service',
  operation: 'Operation',
  status: 'Status',
  kind: 'Kind',
};
const OPEN_FIRST = 7;

/** What the found spans have in common: values with their counts; a click filters. */
export function FacetBar({ facets, loading }: { readonly facets: readonly Facet[]; readonly loading: boolean }) {
  if (loading) {
    return (
      <div className={styles.facets}>
        <Skeleton />
      </div>
    );
  }
  return (
    <section className={styles.facets} aria-label="Facets">
      {facets.map((facet, index) => (
        <FacetGroup key={`${facet.attribute} ${facet.field}`} facet={facet} open={index < OPEN_FIRST} />
      ))}
    </section>
  );
}

function FacetGroup({ facet, open }: { readonly facet: Facet; readonly open: boolean }) {
  const most = facet.values.reduce((max, { count }) => Math.max(max, count), 1);
  return (
    <details open={open} className={styles.facet}>
      <summary>
        <Icon name="right" size={9} />
        <span title={facet.field}>{facet.attribute ? facet.field : (TITLES[facet.field] ?? facet.field)}</span>
      </summary>
      <ul>
        {facet.values.map(({ value: stored, count }) => {
          // The store writes `Error`, `Server`; filters are read in any case and shown as OTLP names them.
          const value =
            facet.attribute || facet.field === 'service' || facet.field === 'operation' ? stored : stored.toLowerCase();
          return (
            <li key={value}>
              <FacetValue facet={facet} value={value} count={count} share={count / most} />
            </li>
          );
        })}
      </ul>
    </details>
  );
}

function FacetValue(props: {
  readonly facet: Facet;
  readonly value: string;
  readonly count: number;
  readonly share: number;
}) {
  const url = useUrl();
  const { facet, value } = props;
  const change = valueFilter(facet, value, false);
  const without = valueFilter(facet, value, true);
  const isOn = ({ parameter, value: filter }: FilterChange): boolean => url.params.getAll(parameter).includes(filter);
  const active = isOn(change);
  return (
    <>
      <button
        type="button"
        className={styles.value}
        aria-pressed={active}
        title={`${facet.field}=${value}: ${props.count}`}
        onClick={() => toggleFilter(url, change)}
      >
        <i className={styles.share} style={{ width: `${Math.max(1, props.share * 100)}%` }} />
        {facet.field === 'service' && !facet.attribute && (
          <i className={controls.swatch} style={{ background: serviceColour(value) }} />
        )}
        <span>{value === '' ? '(empty)' : value}</span>
        <small>{formatShort(props.count)}</small>
      </button>
      <IconButton
        icon="without"
        label={`Without ${facet.field}=${value}`}
        pressed={isOn(without)}
        onClick={() => toggleFilter(url, without)}
        small
      />
    </>
  );
}
