import type { WaitEdgeAnswer } from '../../../src/query/api-locks.ts';
import { serviceColour } from '../../frame/service-colour.ts';
import styles from './locks.module.css';
import { shortOwner } from './owner-name.tsx';

const SIZE = { width: 540, height: 220, rx: 110, ry: 62 } as const;
/** Larger circles are drawn without names. */
const NAMED_MAX = 8;
const LETTERS = 20;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The circle of waits: who waits points at who holds, the resource at the arrow, the proposed victim ringed. */
export function WaitRing(props: {
  readonly cycle: readonly WaitEdgeAnswer[];
  readonly victims: readonly string[];
  readonly services: ReadonlyMap<string, string>;
}) {
  const { cycle, victims, services } = props;
  const count = cycle.length;
  const names = count <= NAMED_MAX;
  const label = cycle
    .map(({ waiter, blocker, resource }) => `${waiter} waits for ${resource} of ${blocker}`)
    .join('; ');
  return (
    <svg className={styles.ring} viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} role="img" aria-label={label}>
      <defs>
        <marker id="wait-tip" viewBox="0 0 8 8" refX={7} refY={4} markerWidth={8} markerHeight={8} orient="auto">
          <path className={styles.tip} d="M0 0.500L8 4L0 7.500z" />
        </marker>
      </defs>
      {cycle.map(({ waiter, resource }, i) => {
        const middle = at((i + 0.5) / count, 1.15);
        return (
          <g key={waiter}>
            <path className={styles.arc} d={arc(i, count)} markerEnd="url(#wait-tip)" />
            {names && (
              <text className={styles.resource} x={middle.x} y={middle.y} textAnchor={anchor(middle)}>
                {shortened(resource)}
              </text>
            )}
          </g>
        );
      })}
      {cycle.map(({ waiter }, i) => {
        const place = at(i / count, 1);
        const outside = at(i / count, 1.36);
        return (
          <g key={waiter}>
            {victims.includes(waiter) && <circle className={styles.victim} cx={place.x} cy={place.y} r={12} />}
            <circle cx={place.x} cy={place.y} r={7} fill={serviceColour(services.get(waiter) ?? '')} />
            {names && (
              <text x={outside.x} y={outside.y + 4} textAnchor={anchor(outside)}>
                {shortened(shortOwner(waiter))}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** A place on the ring, from the top clockwise; `out` times as far from the middle. */
function at(turn: number, out: number): Point {
  const angle = turn * 2 * Math.PI - Math.PI / 2;
  return {
    x: SIZE.width / 2 + SIZE.rx * out * Math.cos(angle),
    y: SIZE.height / 2 + SIZE.ry * out * Math.sin(angle),
  };
}

function arc(index: number, count: number): string {
  const room = Math.min(0.05, 0.25 / count);
  const from = at(index / count + room, 1);
  const to = at((index + 1) / count - room, 1);
  const isLong = 1 / count - 2 * room > 0.5 ? 1 : 0;
  return `M${point(from)}A${SIZE.rx} ${SIZE.ry} 0 ${isLong} 1 ${point(to)}`;
}

const point = ({ x, y }: Point): string => `${x.toFixed(1)} ${y.toFixed(1)}`;

function anchor({ x }: Point): 'start' | 'middle' | 'end' {
  const side = (x - SIZE.width / 2) / SIZE.rx;
  if (Math.abs(side) < 0.2) return 'middle';
  return side > 0 ? 'start' : 'end';
}

const shortened = (text: string): string => (text.length > LETTERS ? `${text.slice(0, LETTERS - 1)}…` : text);
