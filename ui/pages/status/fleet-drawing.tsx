import type { CSSProperties } from 'react';
import { LIMITS } from '../../../src/base/limits.ts';
import type { FleetBox, FleetLine, FleetPicture } from '../../model/fleet.ts';
import { formatAge, formatShort } from '../../model/format.ts';
import { Icon } from '../../parts/icon.tsx';
import styles from './fleet.module.css';

const BOX = { width: 230, height: 64 };
const STEP = { x: 400, y: 78 };
/** Boxes of a column that are drawn: those with troubles come first, and every one is in the tables. */
const ROWS_MAX = 20;

interface Props {
  readonly picture: FleetPicture;
  readonly picked: string | undefined;
  readonly onPick: (instance: string) => void;
}

/** The fleet as boxes and lines; on a narrow screen as a list of boxes, each with where it forwards to. */
export function FleetDrawing({ picture, picked, onPick }: Props) {
  const drawn = picture.boxes.filter(({ row }) => row < ROWS_MAX).sort((a, b) => a.column - b.column || a.row - b.row);
  const at = new Map(drawn.map((box) => [box.id, box]));
  const width = (picture.columns - 1) * STEP.x + BOX.width;
  const height = (Math.min(picture.rows, ROWS_MAX) - 1) * STEP.y + BOX.height;
  return (
    // A scrolling area must be reachable by keyboard
    <div className={styles.scroll} tabIndex={0} role="region" aria-label="Picture of the fleet">
      <div className={styles.picture} style={{ width, height }}>
        <svg width={width} height={height} aria-hidden="true">
          {picture.lines.map((line) => (
            <Line key={`${line.from} ${line.hop.name} ${line.to}`} line={line} at={at} picked={picked} />
          ))}
        </svg>
        {drawn.map((box) => (
          <Box
            key={box.id}
            box={box}
            lines={picture.lines.filter(({ from }) => from === box.id)}
            names={at}
            isPicked={box.id === picked}
            onPick={onPick}
          />
        ))}
      </div>
      {drawn.length < picture.boxes.length && (
        <p className={styles.more}>and {picture.boxes.length - drawn.length} more, which the tables below have</p>
      )}
    </div>
  );
}

const leftOf = ({ column }: FleetBox): number => column * STEP.x;
const middleOf = ({ row }: FleetBox): number => row * STEP.y + BOX.height / 2;

function Line(props: {
  readonly line: FleetLine;
  readonly at: ReadonlyMap<string, FleetBox>;
  readonly picked: string | undefined;
}) {
  const { line, at, picked } = props;
  const [from, to] = [at.get(line.from), at.get(line.to)];
  if (from === undefined || to === undefined) return null;
  const [x1, y1, x2, y2] = [leftOf(from) + BOX.width, middleOf(from), leftOf(to), middleOf(to)];
  const bend = (x2 - x1) / 2;
  const faded = picked !== undefined && picked !== line.from && picked !== line.to;
  const state = line.isDown ? styles.down : isBehind(line) ? styles.behind : '';
  return (
    <g className={`${styles.line} ${state} ${faded ? styles.faded : ''}`}>
      <path d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 7} ${y2}`} />
      <path className={styles.head} d={`M${x2} ${y2}l-8 -4v8z`} />
      <text x={x1 + 10} y={y1 - 6}>
        {waiting(line)}
      </text>
    </g>
  );
}

const LAG_SHOWN_MS = 2_000;
const isBehind = ({ hop }: FleetLine): boolean => hop.lagMs > LAG_SHOWN_MS || hop.failures > 0;

/** What waits on a line, in words. */
function waiting({ hop, isDown }: FleetLine): string {
  const queued = hop.accounts.reduce((sum, account) => sum + account.queued, 0);
  const behind = hop.lagMs > LAG_SHOWN_MS ? `, ${formatAge(hop.lagMs)} behind` : '';
  return `${isDown ? 'no answer, ' : ''}${queued === 0 ? 'nothing waits' : `${formatShort(queued)} wait${behind}`}`;
}

function Box(props: {
  readonly box: FleetBox;
  readonly lines: readonly FleetLine[];
  readonly names: ReadonlyMap<string, FleetBox>;
  readonly isPicked: boolean;
  readonly onPick: (instance: string) => void;
}) {
  const { box, lines, names, isPicked, onPick } = props;
  const { node, troubles } = box;
  const place = { '--x': `${leftOf(box)}px`, '--y': `${box.row * STEP.y}px` } as CSSProperties;
  if (node === undefined) {
    return (
      <div className={`${styles.box} ${styles.other}`} style={place}>
        <b>{box.name}</b>
        <span>another OTLP receiver</span>
      </div>
    );
  }
  const perSecond = node.perSecond.traces + node.perSecond.metrics + node.perSecond.logs;
  const isSilent = node.silentMs > LIMITS.peerSilentMs;
  return (
    <button
      type="button"
      className={`${styles.box} ${troubles.length > 0 ? styles.troubled : ''} ${isSilent ? styles.silent : ''}`}
      style={place}
      aria-pressed={isPicked}
      onClick={() => onPick(node.instance)}
    >
      <span className={styles.name}>
        {troubles.length > 0 ? <Icon name="error" label="trouble" size={12} /> : <i />}
        <b>{box.name}</b> <small>{node.role}</small>
      </span>
      <span>{isSilent ? `silent for ${formatAge(node.silentMs)}` : `${formatShort(perSecond)} items a second`}</span>
      <span className={styles.word}>
        {troubles.find((trouble) => trouble !== 'is silent') ?? `version ${node.version}`}
      </span>
      {lines.map((line) => (
        <span key={`${line.hop.name} ${line.to}`} className={styles.leads}>
          → {names.get(line.to)?.name ?? line.to}: {waiting(line)}
        </span>
      ))}
    </button>
  );
}
