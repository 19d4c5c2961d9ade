import { useSyncExternalStore } from 'react';

/** `system` follows the machine. public/theme.js applies a kept choice before the first paint. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'clew.theme';
const listeners = new Set<() => void>();
const darkSystem = window.matchMedia('(prefers-color-scheme: dark)');
darkSystem.addEventListener('change', notify);

function readTheme(): Theme {
  const kept = document.documentElement.dataset['theme'];
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export function setTheme(theme: Theme): void {
  if (theme === 'system') {
    delete document.documentElement.dataset['theme'];
    localStorage.removeItem(KEY);
  } else {
    document.documentElement.dataset['theme'] = theme;
    localStorage.setItem(KEY, theme);
  }
  colours.clear();
  notify();
}

function notify(): void {
  colours.clear();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The choice and what it comes to now; a canvas redraws when it changes. */
export function useTheme(): { readonly theme: Theme; readonly dark: boolean } {
  const key = useSyncExternalStore(subscribe, () => `${readTheme()} ${darkSystem.matches}`);
  const theme = key.split(' ')[0] as Theme;
  return { theme, dark: theme === 'dark' || (theme === 'system' && darkSystem.matches) };
}

const colours = new Map<string, string>();

/** The colour that a CSS expression such as `var(--s3)` has in the present theme, for canvases. */
export function resolveColour(expression: string): string {
  let colour = colours.get(expression);
  if (colour === undefined) {
    const probe = document.createElement('span');
    probe.style.color = expression;
    document.body.append(probe);
    colour = getComputedStyle(probe).color;
    probe.remove();
    colours.set(expression, colour);
  }
  return colour;
}
