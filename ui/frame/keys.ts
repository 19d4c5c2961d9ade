import { useEffect, useRef } from 'react';

/** Keys of a page by name, as KeyboardEvent.key gives them; `mod+k` with Ctrl or Cmd. */
export type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

type Layer = { readonly current: Keys };

/** Those who listen, the last to come on top: what was opened last takes Escape first. */
const layers: Layer[] = [];

/** Listens while mounted and enabled. Keys typed into a field stay there, except Escape and those with Ctrl or Cmd. */
export function useKeys(keys: Keys, enabled = true): void {
  const layer = useRef(keys);
  layer.current = keys;
  useEffect(() => {
    if (!enabled) return;
    layers.push(layer);
    if (layers.length === 1) window.addEventListener('keydown', listen);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
      if (layers.length === 0) window.removeEventListener('keydown', listen);
    };
  }, [enabled]);
}

function listen(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) return;
  const mod = event.ctrlKey || event.metaKey;
  if (isField(event.target) && !mod && event.key !== 'Escape') return;
  // A focused button or link keeps its own Enter and Space.
  if ((event.key === 'Enter' || event.key === ' ') && isControl(event.target)) return;
  const name = mod ? `mod+${event.key.toLowerCase()}` : event.key;
  const action = layers.findLast(({ current }) => current[name] !== undefined)?.current[name];
  if (action === undefined) return;
  event.preventDefault();
  action(event);
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches('input, select, textarea') || target.isContentEditable);
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('button, a, summary');
}
