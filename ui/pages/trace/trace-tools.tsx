import { type KeyboardEvent, useRef } from 'react';
import { useKeys } from '../../frame/keys.ts';
import { useUrl } from '../../frame/url.ts';
import { formatCount, formatDurationNs } from '../../model/format.ts';
import { nextFound } from '../../model/trace-search.ts';
import controls from '../../parts/controls.module.css';
import { Button, Chip, IconButton } from '../../parts/controls.tsx';
import { Icon } from '../../parts/icon.tsx';
import styles from './trace.module.css';
import type { TraceView } from './use-trace-view.ts';

/** Search in the trace, and what narrows the view. */
export function TraceTools({ view }: { readonly view: TraceView }) {
  const { set } = useUrl();
  const input = useRef<HTMLInputElement>(null);
  const { found, table, time } = view;
  const step = (direction: 1 | -1) => {
    if (found === null) return;
    const next = nextFound(found, view.cursor < 0 ? -1 : view.rows.span[view.cursor], direction);
    if (next >= 0) view.selectSpan(next);
  };
  useKeys({
    '/': () => input.current?.focus(),
    n: () => step(1),
    N: () => step(-1),
    c: () => view.showPath(!view.isPathShown),
  });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') step(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape') {
      set({ q: null }, { replace: true });
      input.current?.blur();
    } else return;
    event.preventDefault();
  };
  const zoomed = time.fromNs > 0 || time.toNs < table.durationNs;
  return (
    <div className={styles.tools}>
      <label className={styles.find}>
        <Icon name="search" />
        <input
          ref={input}
          className={controls.field}
          aria-label="Search in this trace"
          placeholder="Find in this trace: name, attribute, key=value"
          spellCheck={false}
          value={view.text}
          onChange={(event) => set({ q: event.target.value }, { replace: true })}
          onKeyDown={onKeyDown}
        />
      </label>
      {found !== null && (
        <span className={styles.count} role="status">
          {found.length === 0 ? 'none found' : `${formatCount(found.length)} of ${formatCount(table.count)}`}
        </span>
      )}
      {found !== null && found.length > 0 && (
        <>
          <IconButton icon="left" label="Previous found (N)" onClick={() => step(-1)} />
          <IconButton icon="right" label="Next found (n)" onClick={() => step(1)} />
        </>
      )}
      {view.service !== null && <Chip name="service" value={view.service} onRemove={() => view.setService(null)} />}
      <Button
        pressed={view.isPathShown}
        onClick={() => view.showPath(!view.isPathShown)}
        title="What the request waited for: own work as a line, network and queue hatched (c)"
      >
        <Icon name="path" /> Critical path
      </Button>
      {zoomed && (
        <Button onClick={() => view.setTime(null)} title="Show the whole trace (z)">
          <Icon name="zoomOut" /> {formatDurationNs(time.fromNs)} – {formatDurationNs(time.toNs)}
        </Button>
      )}
    </div>
  );
}
