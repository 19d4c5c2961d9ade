import { useEffect, useRef } from 'react';
import { IconButton } from '../parts/controls.tsx';
import styles from './frame.module.css';
import { useKeys } from './keys.ts';

const KEYS: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    'Everywhere',
    [
      ['Ctrl K', 'Search services, operations, pages; open a trace id'],
      ['1 2 3 4', 'Traces, Logs, Metrics, Status'],
      ['t', 'Time range'],
      ['r', 'Refresh'],
      ['l', 'Live: follow new data'],
      ['/', 'Filter'],
      ['?', 'These keys'],
    ],
  ],
  [
    'Lists',
    [
      ['j k', 'Next, previous row'],
      ['Enter', 'Open the row'],
      ['Esc', 'Close what is open'],
      ['g G', 'First, last row'],
    ],
  ],
  [
    'A trace',
    [
      ['← →', 'Close, open what is below the span'],
      ['n N', 'Next, previous span found'],
      ['e', 'Next error'],
      ['z', 'Zoom to the span; again: the whole trace'],
    ],
  ],
];

/** The keys of the UI. */
export function Help({ onClose }: { readonly onClose: () => void }) {
  const panel = useRef<HTMLDivElement>(null);
  useKeys({ Escape: onClose });
  useEffect(() => {
    const before = document.activeElement;
    panel.current?.focus();
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, []);
  return (
    <div ref={panel} className={styles.help} role="dialog" aria-label="Keys" tabIndex={-1}>
      <div className={styles.helpHead}>
        <h2>Keys</h2>
        <IconButton icon="close" label="Close" onClick={onClose} />
      </div>
      {KEYS.map(([title, keys]) => (
        <section key={title}>
          <h3>{title}</h3>
          <dl>
            {keys.map(([key, what]) => (
              <div key={key}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}
