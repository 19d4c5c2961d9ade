import type { Message } from '../base/messages.ts';
import type { StreamMark } from '../receive/marks.ts';
import type { Grant } from '../receive/once.ts';
import type { Role } from './role.ts';
import type { Settings } from './settings.ts';

/** What the supervisor tells a child before all else: everything it needs to work. */
export interface Start {
  readonly type: 'start';
  readonly role: Role;
  readonly settings: Settings;
  /** With the tokens of auth.tokensFile. */
  readonly tokens: readonly string[];
  readonly storePassword: string | null;
  /** Index of a receiver; 0 for the store. */
  readonly index: number;
  /** Identity of the data directory. */
  readonly instance: string;
  readonly version: string;
  readonly startedAtMs: number;
  readonly logFormat: 'json' | 'pretty';
  /** For the Status page. */
  readonly configuration: readonly { readonly key: string; readonly value: string; readonly source: string }[];
}

/** What the supervisor knows of all processes, for the Status page and /readyz. */
export interface Fleet {
  readonly type: 'fleet';
  /** Every receiver has been ready, and at least one is. */
  readonly ready: boolean;
  readonly endpoints: { readonly grpc: string; readonly http: string; readonly api: string };
  readonly receivers: readonly FleetMember[];
}

export interface FleetMember {
  readonly receiver: number;
  readonly pid: number;
  readonly up: boolean;
  readonly restarts: number;
}

/** What `clew backup` asks of a running Clew: receivers seal what is open, then the store copies; each answers with the same id. */
export type BackupMessage =
  | { readonly type: 'seal'; readonly id: number }
  | { readonly type: 'sealDone'; readonly id: number; readonly receiver: number }
  | { readonly type: 'backup'; readonly id: number; readonly directory: string }
  | { readonly type: 'backupDone'; readonly id: number; readonly report: string; readonly ok: boolean };

/**
 * Who takes the batches of a stream of another Clew. One receiver holds a stream at a time; the supervisor keeps the list
 * (stream-desk.ts). Each receiver says at its start how far it had come with every stream it knows.
 */
export type StreamMessage =
  | { readonly type: 'marks'; readonly receiver: number; readonly marks: readonly StreamMark[] }
  | { readonly type: 'claim'; readonly receiver: number; readonly stream: string }
  | ({ readonly type: 'granted'; readonly stream: string } & Grant)
  | { readonly type: 'surrender'; readonly stream: string }
  | ({ readonly type: 'surrendered'; readonly receiver: number } & StreamMark);

/** A child that listens. What is sent to it before is lost: in a cluster worker nobody keeps it. */
export interface Hello {
  readonly type: 'hello';
}

export type ChannelMessage = Message | Hello | Start | Fleet | BackupMessage | StreamMessage;

/** The supervisor's end of a child's channel, or the child's end of its own. Messages to a process that is gone are dropped: its successor asks the disk. */
export interface Channel {
  send(message: ChannelMessage): void;
}

/**
 * The child's side. Interrupts meant for the whole process group (Ctrl-C, a service manager) are left to the supervisor, which then asks
 * for a shutdown. When the supervisor is gone there is nobody to hand over to: the process ends at once, as a crash would end it, which
 * is always safe; a successor may be waiting for its files and ports already.
 */
export function openChannel(onMessage: (message: ChannelMessage) => void): Channel {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.on('message', (message) => onMessage(message as ChannelMessage));
  if (!process.connected) process.kill(process.pid, 'SIGKILL');
  const channel: Channel = {
    send(message) {
      if (process.connected) process.send?.(message, undefined, undefined, () => {});
    },
  };
  channel.send({ type: 'hello' });
  return channel;
}
