import { type EmbeddedOptions, openEmbedded } from './embedded.ts';
import type { Engine } from './engine.ts';
import { openServer, type ServerOptions } from './server.ts';

/** A ClickHouse server when `url` is set, else the embedded engine at `path`. Rejects with the reason when it cannot be opened. */
export type EngineOptions = ({ readonly url?: undefined } & EmbeddedOptions) | ServerOptions;

export function openEngine(options: EngineOptions): Promise<Engine> {
  return options.url === undefined ? openEmbedded(options) : openServer(options);
}
