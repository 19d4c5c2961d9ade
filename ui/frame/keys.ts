import { useEffect, useRef } from 'react';

/** Keys of a page by name, as KeyboardEvent.key gives them; `mod+k` with Ctrl or Cmd. */
export type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** Listens while mounted. Keys typed into a field stay there, except Escape and those with Ctrl or Cmd. */
export function useKeys(keys: Keys, enabled = true): void {
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    if (!enabled) return;
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey) return;
      const mod = event.ctrlKey || event.metaKey;
      if (isField(event.target) && !mod && event.key !== 'Escape') return;
      // A focused button or link keeps its own Enter and Space.
      if ((event.key === 'Enter' || event.key === ' ') && isControl(event.target)) return;
      const action = current.current[mod ? `mod+${event.key.toLowerCase()}` : event.key];
      if (action === undefined) return;
      event.preventDefault();
      action(event);
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [enabled]);
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches('input, select, textarea') || target.isContentEditable);
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('button, a, summary');
}
