import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { useServices, useTraceFacets } from '../data/queries.ts';
import { readTraceId } from '../model/filters.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import styles from './frame.module.css';
import { PLACES } from './nav.tsx';
import { useRange } from './range.tsx';
import { setTheme, type Theme } from './theme.ts';
import { placeAddress, useUrl } from './url.ts';

interface Entry {
  readonly kind: string;
  readonly name: string;
  readonly icon: IconName;
  readonly run: () => void;
}

const SHOWN_MAX = 60;

/** Ctrl-K: services, operations, pages and settings by a part of their name; a pasted trace id is opened. */
export function Palette({ onClose }: { readonly onClose: () => void }) {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const listId = useId();
  const input = useRef<HTMLInputElement>(null);
  const entries = useEntries(text);
  const at = Math.min(chosen, entries.length - 1);
  useEffect(() => {
    const before = document.activeElement;
    input.current?.focus();
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, []);
  const run = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => setChosen(Math.min(at + 1, entries.length - 1)),
      ArrowUp: () => setChosen(Math.max(at - 1, 0)),
      Enter: () => run(entries[at]),
      Escape: onClose,
      // Focus stays in the field: the list is walked with the arrows.
      Tab: () => undefined,
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
  };
  return (
    <div
      className={styles.veil}
      onMouseDown={(event) => event.target === event.currentTarget && onClose()}
      role="presentation"
    >
      <div className={styles.palette} role="dialog" aria-modal="true" aria-label="Search">
        <label className={styles.paletteField}>
          <Icon name="search" />
          <input
            ref={input}
            role="combobox"
            aria-label="Search services, operations, pages; or paste a trace id"
            aria-expanded="true"
            aria-controls={listId}
            aria-activedescendant={at >= 0 ? `${listId}-${at}` : undefined}
            placeholder="Service, operation, page, or a trace id"
            spellCheck={false}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setChosen(0);
            }}
            onKeyDown={onKeyDown}
          />
        </label>
        <Found entries={entries} at={at} listId={listId} onMove={setChosen} onRun={run} />
        {entries.length === 0 && <p className={styles.paletteNone}>Nothing has “{text}” in its name.</p>}
      </div>
    </div>
  );
}

/** What was found, the chosen one in view. Its keys are those of the field above, which keeps the focus. */
function Found(props: {
  readonly entries: readonly Entry[];
  readonly at: number;
  readonly listId: string;
  readonly onMove: (index: number) => void;
  readonly onRun: (entry: Entry) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  });
  return (
    <div className={styles.paletteList} role="listbox" id={props.listId} aria-label="Found" ref={list} tabIndex={-1}>
      {props.entries.map((entry, index) => (
        <div
          key={`${entry.kind} ${entry.name}`}
          id={`${props.listId}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === props.at}
          className={styles.entry}
          onMouseMove={() => props.onMove(index)}
          onClick={() => props.onRun(entry)}
        >
          <Icon name={entry.icon} />
          <span>{entry.name}</span>
          <small>{entry.kind}</small>
        </div>
      ))}
    </div>
  );
}

function useEntries(text: string): readonly Entry[] {
  const { params, go } = useUrl();
  const { query, tick } = useRange();
  const services = useServices(query, tick).data?.items ?? [];
  const facets = useTraceFacets(query, tick).data?.items ?? [];
  const operations = facets.find(({ field, attribute }) => field === 'operation' && !attribute)?.values ?? [];
  const traceId = readTraceId(text);
  if (traceId !== null) {
    return [
      { kind: 'trace', name: traceId, icon: 'traces', run: () => go(placeAddress(`/traces/${traceId}`, params)) },
    ];
  }
  const theme = (name: string, value: Theme, icon: IconName): Entry => ({
    kind: 'setting',
    name,
    icon,
    run: () => setTheme(value),
  });
  const all: Entry[] = [
    ...PLACES.map(({ path, name, icon }) => ({ kind: 'page', name, icon, run: () => go(placeAddress(path, params)) })),
    ...services.flatMap(({ service }) => [
      {
        kind: 'service',
        name: service,
        icon: 'traces' as const,
        run: () => go(placeAddress('/traces', params, { service })),
      },
      {
        kind: 'logs',
        name: service,
        icon: 'logs' as const,
        run: () => go(placeAddress('/logs', params, { service })),
      },
    ]),
    ...operations.map(({ value }) => ({
      kind: 'operation',
      name: value,
      icon: 'traces' as const,
      run: () => go(placeAddress('/traces', params, { operation: value })),
    })),
    theme('Theme of the system', 'system', 'auto'),
    theme('Light theme', 'light', 'sun'),
    theme('Dark theme', 'dark', 'moon'),
  ];
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return all
    .filter(({ kind, name }) => words.every((word) => `${kind} ${name}`.toLowerCase().includes(word)))
    .slice(0, SHOWN_MAX);
}
