import os from 'node:os';
import type { Settings } from './settings.ts';

/** What a running Clew is for. `central` is `all` under the name that it has in a fleet. */
export type Role = 'all' | 'edge' | 'regional' | 'central';

/** Edge and regional keep nothing but what is still to be forwarded: their receivers check requests, a sender takes the store's place. */
export const forwards = (role: Role): boolean => role === 'edge' || role === 'regional';

/** What a Clew is called in a fleet. */
export const nameOf = ({ settings }: { readonly settings: Pick<Settings, 'name'> }): string =>
  settings.name ?? os.hostname();
