import { errorCode } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import type { ChannelMessage } from './channel.ts';
import { type ControlAnswer, listenForControl } from './control.ts';

/** Where `clew backup` asks the running supervisor: it passes the wish to the store process and the report back. */
export class BackupDesk {
  readonly #storeIsReady: () => boolean;
  readonly #send: (message: ChannelMessage) => void;
  readonly #waiting = new Map<number, (answer: ControlAnswer) => void>();
  #lastId = 0;

  constructor(storeIsReady: () => boolean, send: (message: ChannelMessage) => void) {
    this.#storeIsReady = storeIsReady;
    this.#send = send;
  }

  /** Listens on the control socket. Returns what closes it. */
  open(socketPath: string): Promise<() => Promise<void>> {
    return listenForControl(socketPath, removeIfThere, (request) => this.#ask(request.directory));
  }

  done(message: Extract<ChannelMessage, { type: 'backupDone' }>): void {
    this.#waiting.get(message.id)?.({ ok: message.ok, report: message.report });
    this.#waiting.delete(message.id);
  }

  /** Nobody will answer what is still waiting. */
  storeDown(): void {
    for (const answer of this.#waiting.values())
      answer({ ok: false, report: 'the store ended before the backup was done' });
    this.#waiting.clear();
  }

  #ask(directory: string): Promise<ControlAnswer> {
    if (!this.#storeIsReady()) return Promise.resolve({ ok: false, report: 'the store is not ready; try again' });
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send({ type: 'backup', id, directory });
    });
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await nodeDisk.remove(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
