import { Link } from 'wouter';
import type { GraphAnswer, GraphEdge } from '../../../src/query/api.ts';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { formatCount, formatDurationNs } from '../../model/format.ts';
import { Button, ErrorCount, IconButton, ServiceName } from '../../parts/controls.tsx';
import { Icon } from '../../parts/icon.tsx';
import styles from './map.module.css';

/** What is known of the service that is picked: who calls it, whom it calls, how long that takes, and the traces. */
export function MapDetails(props: {
  readonly graph: GraphAnswer;
  readonly picked: string;
  readonly onClose: () => void;
}) {
  const { graph, picked, onClose } = props;
  const { params, set } = useUrl();
  const node = graph.nodes.find(({ service }) => service === picked);
  if (node === undefined) return null;
  const callers = graph.edges.filter(({ server }) => server === picked);
  const callees = graph.edges.filter(({ client }) => client === picked);
  const members = node.component === null ? [] : graph.nodes.filter(({ component }) => component === node.component);
  return (
    <div className={styles.details}>
      <header>
        <h2>{picked}</h2>
        <IconButton icon="close" label="Close the details" onClick={onClose} />
      </header>
      <p>
        {node.kind}, level {node.level}; {formatCount(node.calls)} calls arrive
        {node.failed > 0 && (
          <>
            {' '}
            <ErrorCount count={node.failed} />
          </>
        )}
      </p>
      <div className={styles.actions}>
        <Button onClick={() => set({ focus: picked })}>Focus on it</Button>
        {node.kind === 'service' && (
          <Link className={styles.open} href={placeAddress('/traces', params, { service: picked })}>
            Traces
          </Link>
        )}
      </div>
      {members.length > 1 && (
        <p className={styles.warn}>
          <Icon name="cycle" /> In a circle of calls with {members.length - 1} other{members.length > 2 ? 's' : ''}:{' '}
          <Link href={placeAddress('/cycles', params)}>see the cycles</Link>
        </p>
      )}
      <Calls title="Called by" edges={callers} of={({ client }) => client} />
      <Calls title="Calls" edges={callees} of={({ server }) => server} />
    </div>
  );
}

function Calls(props: {
  readonly title: string;
  readonly edges: readonly GraphEdge[];
  readonly of: (edge: GraphEdge) => string;
}) {
  const { params, set } = useUrl();
  if (props.edges.length === 0) return null;
  const ranked = [...props.edges].sort((a, b) => b.calls - a.calls);
  return (
    <section>
      <h3>{props.title}</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">Calls</th>
            <th scope="col">Failed</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
            <th scope="col">Slowest</th>
          </tr>
        </thead>
        <tbody>
          {ranked.map((edge) => (
            <tr key={`${props.of(edge)} ${edge.connection}`}>
              <td>
                <button
                  type="button"
                  className={styles.name}
                  onClick={() => set({ picked: props.of(edge) }, { replace: true })}
                >
                  <ServiceName service={props.of(edge)} />
                </button>
              </td>
              <td>{formatCount(edge.calls)}</td>
              <td>
                <ErrorCount count={edge.failed} />
              </td>
              <td>{formatDurationNs(Number(edge.p50Nano))}</td>
              <td>{formatDurationNs(Number(edge.p95Nano))}</td>
              <td>
                <Link href={placeAddress(`/traces/${edge.slowestTraceId}`, params)}>trace</Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
