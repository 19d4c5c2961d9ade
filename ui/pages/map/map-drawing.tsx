import { type KeyboardEvent, useState } from 'react';
import { serviceColour } from '../../frame/service-colour.ts';
import { formatCount, formatShort } from '../../model/format.ts';
import {
  BOX,
  linkPath,
  type MapGraph,
  type MapLayout,
  type MapLink,
  type PlacedBox,
} from '../../model/graph-layout.ts';
import styles from './map.module.css';

/** The picture: boxes in columns by level, frames around what is in a circle, links as wide as they are used. */
export function MapDrawing(props: {
  readonly map: MapGraph;
  readonly layout: MapLayout;
  readonly picked: string | null;
  readonly onPick: (id: string | null) => void;
}) {
  const { map, layout, picked, onPick } = props;
  const [hovered, setHovered] = useState<string | null>(null);
  const now = new Map(map.boxes.map((box) => [box.id, box]));
  const placed = layout.boxes.map((box) => ({ ...box, ...now.get(box.id) }));
  const at = new Map(placed.map((box) => [box.id, box]));
  const used = new Set(map.links.flatMap(({ from, to }) => [from, to]));
  const most = Math.max(1, ...map.links.map(({ calls }) => calls));
  const lit = hovered ?? (picked !== null && at.has(picked) ? picked : null);
  const isLit = (link: MapLink): boolean => lit === null || link.from === lit || link.to === lit;
  const isNear = (box: PlacedBox): boolean =>
    (lit === null && (box.calls > 0 || used.has(box.id))) ||
    box.id === lit ||
    map.links.some((link) => isLit(link) && (link.from === box.id || link.to === box.id));
  const isCrowded = map.boxes.length > CROWDED;
  const ordered = [...map.links].sort((a, b) => Number(isLit(a)) - Number(isLit(b)));
  return (
    <div className={styles.canvas} tabIndex={0} role="group" aria-label="Map of services">
      <svg data-map="" width={layout.width} height={layout.height} aria-label="Services and their calls" role="group">
        <Arrows />
        {layout.frames.map((frame) => (
          <g key={frame.component}>
            <rect className={styles.frame} x={frame.x} y={frame.y} width={frame.width} height={frame.height} rx={8} />
            <text className={styles.frameTitle} x={frame.x + 8} y={frame.y + 14}>
              ↻ calls in a circle
            </text>
          </g>
        ))}
        {ordered.map((link) => {
          const from = at.get(link.from);
          const to = at.get(link.to);
          if (from === undefined || to === undefined) return null;
          return (
            <Link
              key={`${link.from}\0${link.to}`}
              link={link}
              path={linkPath(from, to)}
              width={1 + (map.links.length > MANY_LINKS ? 2 : 6) * Math.sqrt(link.calls / most)}
              isFaded={!isLit(link)}
              isQuiet={isCrowded && lit === null}
              isShown={lit !== null && isLit(link)}
              from={from}
              to={to}
            />
          );
        })}
        {placed.map((box) => (
          <Box
            key={box.id}
            box={box}
            isPicked={box.id === picked}
            isFaded={!isNear(box)}
            onHover={setHovered}
            onPick={() => onPick(box.id === picked ? null : box.id)}
          />
        ))}
      </svg>
    </div>
  );
}

/** With more boxes links are drawn faintly until a box is pointed at. */
const CROWDED = 60;

/** So many wide links would cover one another. */
const MANY_LINKS = 40;

/** Above this share of failed calls a link is as red as it gets. */
const RED_SHARE = 0.05;

const toneOf = ({ calls, failed, inCycle }: MapLink): string => {
  if (failed / calls >= RED_SHARE) return 'failing';
  if (failed > 0) return 'troubled';
  return inCycle ? 'cyclic' : 'plain';
};

const TONES = ['plain', 'cyclic', 'troubled', 'failing'] as const;

function Arrows() {
  return (
    <defs>
      {TONES.map((tone) => (
        <marker
          key={tone}
          id={`arrow-${tone}`}
          viewBox="0 0 8 8"
          refX={5}
          refY={4}
          markerUnits="userSpaceOnUse"
          markerWidth={9}
          markerHeight={9}
          orient="auto"
        >
          <path className={`${styles.arrow} ${styles[tone]}`} d="M0 0.500L8 4L0 7.500z" />
        </marker>
      ))}
    </defs>
  );
}

function Link(props: {
  readonly link: MapLink;
  readonly path: string;
  readonly width: number;
  readonly isFaded: boolean;
  readonly isQuiet: boolean;
  readonly isShown: boolean;
  readonly from: PlacedBox;
  readonly to: PlacedBox;
}) {
  const { link, path, width, isFaded, isQuiet, isShown, from, to } = props;
  const tone = toneOf(link);
  const classes = [
    styles.link,
    styles[tone],
    link.isCut ? styles.cut : '',
    isFaded ? styles.faded : isQuiet ? styles.quiet : '',
  ];
  const failed = link.failed > 0 ? `, ${formatCount(link.failed)} failed` : '';
  const x = (from.x + (to.x > from.x ? BOX.width + to.x : 2 * BOX.width + to.x)) / 2;
  return (
    <g>
      <path className={classes.join(' ')} d={path} strokeWidth={width} markerEnd={`url(#arrow-${tone})`}>
        <title>
          {`${from.label} → ${to.label}: ${formatCount(link.calls)} calls${failed}${link.isCut ? '; cutting it breaks a circle' : ''}`}
        </title>
      </path>
      {isShown && (
        <text className={styles.count} x={x} y={(from.y + to.y + BOX.height) / 2 - 4}>
          {formatShort(link.calls)}
        </text>
      )}
    </g>
  );
}

const SIGNS: Readonly<Record<PlacedBox['kind'], string>> = {
  service: '',
  database: '⛁',
  queue: '≡',
  user: '☺',
  external: '↗',
  more: '…',
  tangle: '↻',
};

/** Letters of a name that fit into a box. */
const LABEL_LETTERS = 19;

function Box(props: {
  readonly box: PlacedBox;
  readonly isPicked: boolean;
  readonly isFaded: boolean;
  readonly onHover: (id: string | null) => void;
  readonly onPick: () => void;
}) {
  const { box, isPicked, isFaded, onHover, onPick } = props;
  const label = box.label.length > LABEL_LETTERS ? `${box.label.slice(0, LABEL_LETTERS - 1)}…` : box.label;
  const failed = box.failed > 0 ? `, ${formatCount(box.failed)} failed` : '';
  const isMany = box.kind === 'more' || box.kind === 'tangle';
  const name = isMany
    ? `Open ${box.label}`
    : `${box.kind} ${box.label}: ${formatCount(box.calls)} calls arrive${failed}`;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    onPick();
  };
  const classes = [styles.box, styles[box.kind], isPicked ? styles.picked : '', isFaded ? styles.faded : ''];
  return (
    <g
      className={classes.join(' ')}
      transform={`translate(${box.x} ${box.y})`}
      role="button"
      tabIndex={0}
      aria-label={name}
      aria-pressed={isMany ? undefined : isPicked}
      onClick={onPick}
      onKeyDown={onKeyDown}
      onPointerEnter={() => onHover(box.id)}
      onPointerLeave={() => onHover(null)}
    >
      <title>{box.label}</title>
      <rect width={BOX.width} height={BOX.height} rx={box.kind === 'database' ? 10 : 4} />
      {box.kind === 'service' && (
        <rect className={styles.stripe} width={4} height={BOX.height} rx={2} fill={serviceColour(box.label)} />
      )}
      <text x={12} y={19}>
        {SIGNS[box.kind]} {label}
      </text>
      {box.failed > 0 && <circle className={styles.fault} cx={BOX.width - 10} cy={10} r={4} />}
    </g>
  );
}
