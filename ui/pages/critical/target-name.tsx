import type { PathTarget } from '../../../src/query/api-paths.ts';
import { serviceColour } from '../../frame/service-colour.ts';
import { useUrl } from '../../frame/url.ts';
import controls from '../../parts/controls.module.css';
import styles from './critical.module.css';

export const targetKey = ({ kind, service, operation, toService, toOperation }: PathTarget): string =>
  [kind, service, operation, toService, toOperation].join('\0');

const KINDS = { operation: 'own work', edge: 'network + queue', unobserved: 'unobserved', service: 'service' } as const;

/** What time went to: an operation, the way between two services, or a span that did not arrive. */
export function TargetName({ target }: { readonly target: PathTarget }) {
  const { set } = useUrl();
  return (
    <span className={styles.target}>
      <i className={controls.swatch} style={{ background: serviceColour(target.service) }} />
      <button
        type="button"
        className={styles.service}
        title={`Only requests through ${target.service}`}
        onClick={() => set({ service: target.service })}
      >
        {target.service}
      </button>
      {target.kind === 'edge' ? (
        <>
          <b>→</b>
          <i className={controls.swatch} style={{ background: serviceColour(target.toService) }} />
          <span className={styles.service}>{target.toService}</span>
          <span className={styles.operation}>{target.toOperation}</span>
        </>
      ) : (
        <span className={styles.operation}>{target.operation}</span>
      )}
      <small className={`${styles.kind} ${target.kind === 'edge' ? styles.edge : ''}`}>{KINDS[target.kind]}</small>
    </span>
  );
}
