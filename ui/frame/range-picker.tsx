import { type FormEvent, useEffect, useRef, useState } from 'react';
import {
  absoluteRange,
  localInputValue,
  QUICK_RANGES,
  rangeLabel,
  resolveTime,
  shiftRange,
  widenRange,
} from '../model/time-range.ts';
import controls from '../parts/controls.module.css';
import { IconButton } from '../parts/controls.tsx';
import { Icon } from '../parts/icon.tsx';
import styles from './frame.module.css';
import { useKeys } from './keys.ts';
import { useRange } from './range.tsx';

/** The time range: its name, arrows, a list of usual ranges, two fields for any other. */
export function RangePicker() {
  const state = useRange();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useKeys({ t: () => setOpen(!open), r: state.refresh, l: () => state.setLive(!state.live) });
  useKeys({ Escape: () => setOpen(false) }, open);
  useEffect(() => {
    if (!open) return;
    const outside = (event: MouseEvent) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('mousedown', outside);
    return () => document.removeEventListener('mousedown', outside);
  }, [open]);
  return (
    <div className={styles.range} ref={box}>
      <IconButton icon="left" label="Earlier" onClick={() => state.setRange(shiftRange(state.stretch, -1))} />
      <button
        type="button"
        className={`${controls.button} ${styles.rangeName}`}
        aria-expanded={open}
        aria-haspopup="dialog"
        title="Time range (t)"
        onClick={() => setOpen(!open)}
      >
        <Icon name="clock" />
        <span>{rangeLabel(state.range, state.nowMs)}</span>
        <Icon name="down" size={10} />
      </button>
      <IconButton icon="right" label="Later" onClick={() => state.setRange(shiftRange(state.stretch, 1))} />
      <IconButton icon="zoomOut" label="Twice the time" onClick={() => state.setRange(widenRange(state.stretch))} />
      <IconButton
        icon={state.live ? 'pause' : 'live'}
        label={state.live ? 'Live: stop (l)' : 'Live: follow (l)'}
        pressed={state.live}
        onClick={() => state.setLive(!state.live)}
      />
      <IconButton icon="refresh" label="Refresh (r)" onClick={state.refresh} />
      {open && <RangeForm onDone={() => setOpen(false)} />}
    </div>
  );
}

function RangeForm({ onDone }: { readonly onDone: () => void }) {
  const { range, stretch, setRange } = useRange();
  const [from, setFrom] = useState(() => localInputValue(stretch.fromMs));
  const [to, setTo] = useState(() => localInputValue(stretch.toMs));
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  const valid = resolveTime(from, 0) < resolveTime(to, 0);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!valid) return;
    setRange(absoluteRange(resolveTime(from, 0), resolveTime(to, 0)));
    onDone();
  };
  return (
    <div className={styles.rangeForm} role="dialog" aria-label="Time range">
      <div className={styles.quick}>
        {QUICK_RANGES.map((quick, index) => (
          <button
            key={quick}
            ref={index === 0 ? first : undefined}
            type="button"
            className={controls.button}
            aria-pressed={range.start === `now-${quick}` && range.end === 'now'}
            onClick={() => {
              setRange({ start: `now-${quick}`, end: 'now' });
              onDone();
            }}
          >
            {quick}
          </button>
        ))}
      </div>
      <form onSubmit={submit}>
        <label>
          From
          <input
            className={controls.field}
            type="datetime-local"
            step={1}
            value={from}
            onChange={(event) => setFrom(event.target.value)}
          />
        </label>
        <label>
          To
          <input
            className={controls.field}
            type="datetime-local"
            step={1}
            value={to}
            onChange={(event) => setTo(event.target.value)}
          />
        </label>
        <button type="submit" className={controls.button} disabled={!valid}>
          Apply
        </button>
      </form>
    </div>
  );
}
