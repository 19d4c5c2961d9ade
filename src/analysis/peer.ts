import { KIND } from './call-spans.ts';

/** Attributes that make a client span the call of a database. */
export const DATABASE_KEYS = ['db.namespace', 'db.name', 'db.system', 'db.system.name'] as const;

/** Where the name of the other side is looked for, by what the span is. The address of a peer is joined with its port. */
export const PEER_KEYS = {
  database: ['peer.service', 'server.address', 'network.peer.address', ...DATABASE_KEYS],
  client: ['peer.service', 'server.address', 'net.peer.name'],
  queue: ['peer.service', 'messaging.destination.name', 'messaging.destination', 'messaging.system'],
  server: ['peer.service'],
} as const;

export const PEER_ADDRESS = 'network.peer.address';
export const PEER_PORT = 'network.peer.port';

/** Who calls a server whose span has no parent and names nobody. */
export const USER = 'user';

/** What a span says of its other side, which stands in for it while no span of that side is there. `attribute` answers '' for an absent key. */
export function peerOf(
  kind: number,
  isRoot: boolean,
  attribute: (key: string) => string,
): { readonly peer: string; readonly isDatabase: boolean } {
  const isDatabase = kind === KIND.client && DATABASE_KEYS.some((key) => attribute(key) !== '');
  const keys = keysOf(kind, isRoot, isDatabase);
  const key = keys.find((candidate) => attribute(candidate) !== '');
  if (key === undefined) return { peer: kind === KIND.server && isRoot ? USER : '', isDatabase };
  const port = key === PEER_ADDRESS ? attribute(PEER_PORT) : '';
  return { peer: port === '' ? attribute(key) : `${attribute(key)}:${port}`, isDatabase };
}

function keysOf(kind: number, isRoot: boolean, isDatabase: boolean): readonly string[] {
  if (isDatabase) return PEER_KEYS.database;
  if (kind === KIND.client) return PEER_KEYS.client;
  if (kind === KIND.producer) return PEER_KEYS.queue;
  if (kind === KIND.consumer && isRoot) return PEER_KEYS.queue;
  return kind === KIND.server && isRoot ? PEER_KEYS.server : [];
}
