import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import type { LogRecord } from '../../../src/query/api.ts';
import { useKeys } from '../../frame/keys.ts';
import { useCursorParam, useUrl } from '../../frame/url.ts';
import { clamp } from '../../parts/measure.ts';
import { LogRow } from './log-row.tsx';
import styles from './logs.module.css';

const ROW_PX = 24;
const OVERSCAN = 20;
const END_ROWS = 40;

/**
 * Log records, newest first. A record that is opened grows to its fields, so the rows are measured. A record has no id: its time and
 * its place among those of the same time stand for it in the URL.
 */
export function LogList({ records, onEnd }: { readonly records: readonly LogRecord[]; readonly onEnd: () => void }) {
  const { params, set } = useUrl();
  const scroller = useRef<HTMLDivElement>(null);
  const keys = recordKeys(records);
  const columns = params.getAll('column');
  const open = params.get('open');
  const [selected, select] = useCursorParam('sel');
  const at = selected === null ? -1 : keys.indexOf(selected);
  const virtual = useVirtualizer({
    count: records.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => keys[index],
    overscan: OVERSCAN,
  });
  const move = (to: number) => {
    const row = clamp(to, 0, records.length - 1);
    select(keys[row]);
    virtual.scrollToIndex(row, { align: 'auto' });
  };
  const toggle = (key: string) => set({ open: open === key ? null : key, sel: key }, { replace: true });
  useKeys({
    j: () => move(at + 1),
    ArrowDown: () => move(at + 1),
    k: () => move(at < 0 ? 0 : at - 1),
    ArrowUp: () => move(at < 0 ? 0 : at - 1),
    g: () => move(0),
    G: () => move(records.length - 1),
    Enter: () => {
      if (at >= 0) toggle(keys[at]);
    },
    Escape: () => set({ open: null }, { replace: true }),
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= records.length - END_ROWS) onEnd();
  });
  return (
    // A scrolling area must be reachable by keyboard
    <div className={styles.scroller} ref={scroller} tabIndex={0} role="region" aria-label="Log records">
      <ol style={{ height: virtual.getTotalSize() }} className={styles.list}>
        {items.map(({ index, start, key }) => (
          <li key={key} data-index={index} ref={virtual.measureElement} style={{ transform: `translateY(${start}px)` }}>
            <LogRow
              record={records[index]}
              columns={columns}
              open={open === keys[index]}
              selected={index === at}
              onToggle={() => toggle(keys[index])}
            />
          </li>
        ))}
      </ol>
    </div>
  );
}

function recordKeys(records: readonly LogRecord[]): readonly string[] {
  const seen = new Map<string, number>();
  return records.map(({ timeUnixNano }) => {
    const count = seen.get(timeUnixNano) ?? 0;
    seen.set(timeUnixNano, count + 1);
    return count === 0 ? timeUnixNano : `${timeUnixNano}.${count}`;
  });
}
