import { Link } from 'wouter';
import type { CallCycle, GraphVertex } from '../../../src/query/api.ts';
import { serviceColour } from '../../frame/service-colour.ts';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { counted } from '../../model/format.ts';
import { nanosToMs } from '../../model/nanos.ts';
import { Moment } from '../../parts/controls.tsx';
import styles from './cycles.module.css';

export const vertexText = ({ service, operation }: GraphVertex): string =>
  operation === '' ? service : `${service}: ${operation}`;

const MEANING: Readonly<Record<CallCycle['kind'], Readonly<Record<CallCycle['severity'], string>>>> = {
  service: {
    high: 'A request came back to a service that was waiting for it: a thread pool can run dry.',
    medium: 'A request came back through a queue.',
    low: 'Over different requests: no single request came back in this time.',
  },
  operation: {
    high: 'A request came back to a service that was waiting for it: a thread pool can run dry.',
    medium: 'Operations call one another in a circle.',
    low: 'Operations call one another in a circle.',
  },
  're-entrant': {
    high: 'One request came back while it was still served, each service waiting for the next.',
    medium: 'One request came back through a queue.',
    low: 'One request came back.',
  },
};

/** One cycle: drawn as a ring, with what it means and where to look. */
export function CycleCard({ cycle }: { readonly cycle: CallCycle }) {
  const { params } = useUrl();
  const first = cycle.firstSeenUnixNano;
  return (
    <article className={`${styles.card} ${styles[cycle.severity]}`}>
      <Ring cycle={cycle} />
      <div className={styles.facts}>
        <p>
          <span className={styles.badge}>{cycle.severity}</span>{' '}
          {cycle.kind === 're-entrant' ? 're-entrant request' : `${cycle.kind} cycle`}
          {cycle.noticedUnixNano !== null && (
            <>
              {' · '}
              <b className={styles.new}>new</b>, noticed <Moment ms={nanosToMs(cycle.noticedUnixNano)} date />
            </>
          )}
        </p>
        <h3>{[...cycle.vertices, cycle.vertices[0]].map(vertexText).join(' → ')}</h3>
        <p>{MEANING[cycle.kind][cycle.severity]}</p>
        <p className={styles.quiet}>
          {cycle.kind === 're-entrant'
            ? counted(cycle.calls, 'time')
            : `${counted(cycle.calls, 'call')} on its quietest edge`}
          {first !== null && (
            <>
              {', first seen '}
              <Moment ms={nanosToMs(first)} date />
            </>
          )}
        </p>
        <p className={styles.links}>
          {cycle.traceIds.map((traceId, i) => (
            <Link key={traceId} href={placeAddress(`/traces/${traceId}`, params)}>
              example trace {cycle.traceIds.length > 1 ? i + 1 : ''}
            </Link>
          ))}
          <Link
            href={placeAddress('/map', params, { focus: cycle.vertices[0].service, picked: cycle.vertices[0].service })}
          >
            on the map
          </Link>
        </p>
      </div>
    </article>
  );
}

const SIZE = { width: 340, height: 160, rx: 66, ry: 50 } as const;
/** Letters of a name beside its place on the ring. */
const LETTERS = 16;
/** More services are drawn as places without names. */
const NAMED_MAX = 10;

/** The services on a ring, calls clockwise, the proposed cut dotted. */
function Ring({ cycle }: { readonly cycle: CallCycle }) {
  const count = cycle.vertices.length;
  const places = cycle.vertices.map((_, i) => placeOf(i, count));
  const label = `Cycle of ${[...cycle.vertices, cycle.vertices[0]].map(vertexText).join(', ')}`;
  return (
    <svg className={styles.ring} viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} role="img" aria-label={label}>
      <defs>
        <marker
          id="ring-arrow"
          viewBox="0 0 8 8"
          refX={6}
          refY={4}
          markerWidth={7}
          markerHeight={7}
          orient="auto"
          markerUnits="userSpaceOnUse"
        >
          <path className={styles.tip} d="M0 0.500L8 4L0 7.500z" />
        </marker>
      </defs>
      {cycle.vertices.map((vertex, i) => (
        <path
          key={vertexText(vertex)}
          className={`${styles.arc} ${cycle.cutAt === i ? styles.cutArc : ''}`}
          d={arcOf(i, count)}
          markerEnd="url(#ring-arrow)"
        />
      ))}
      {cycle.vertices.map((vertex, i) => (
        <g key={vertexText(vertex)}>
          <circle cx={places[i].x} cy={places[i].y} r={6} fill={serviceColour(vertex.service)} />
          {count <= NAMED_MAX && <text {...labelPlace(places[i])}>{shortened(vertexText(vertex))}</text>}
        </g>
      ))}
    </svg>
  );
}

/** Outside the ring, away from the calls. */
function labelPlace({ x, y }: { readonly x: number; readonly y: number }) {
  const side = (x - SIZE.width / 2) / SIZE.rx;
  if (Math.abs(side) < 0.3) return { x, y: y < SIZE.height / 2 ? y - 12 : y + 20, textAnchor: 'middle' } as const;
  return side > 0
    ? ({ x: x + 12, y: y + 4, textAnchor: 'start' } as const)
    : ({ x: x - 12, y: y + 4, textAnchor: 'end' } as const);
}

const shortened = (text: string): string => (text.length > LETTERS ? `${text.slice(0, LETTERS - 1)}…` : text);

function placeOf(index: number, count: number): { readonly x: number; readonly y: number } {
  const angle = (index / count) * 2 * Math.PI - Math.PI / 2;
  return { x: SIZE.width / 2 + SIZE.rx * Math.cos(angle), y: SIZE.height / 2 + SIZE.ry * Math.sin(angle) };
}

/** From one place to just before the next; a call of itself is a loop. */
function arcOf(index: number, count: number): string {
  const gap = 0.13;
  const at = (turn: number): string => {
    const angle = turn * 2 * Math.PI - Math.PI / 2;
    const x = SIZE.width / 2 + SIZE.rx * Math.cos(angle);
    const y = SIZE.height / 2 + SIZE.ry * Math.sin(angle);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  const room = Math.min(gap / 2, 0.25 / count);
  const from = index / count + room / 2;
  const to = (index + 1) / count - room;
  const isLong = to - from > 0.5 ? 1 : 0;
  return `M${at(from)}A${SIZE.rx} ${SIZE.ry} 0 ${isLong} 1 ${at(to)}`;
}
