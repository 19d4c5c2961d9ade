import { errorCode } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import type { ChannelMessage } from './channel.ts';
import { type ControlAnswer, listenForControl } from './control.ts';
import type { Processes } from './fleet.ts';

/** One backup under way. */
interface Job {
  readonly directory: string;
  /** Receivers that have not sealed yet; the store is asked when none is left. */
  readonly sealing: Set<number>;
  isCopying: boolean;
  readonly settle: (answer: ControlAnswer) => void;
}

/**
 * Where `clew backup` asks the running supervisor. Receivers seal what they have acknowledged, then the store copies what is stored and
 * what is sealed. A receiver that dies meanwhile is not waited for: what it left is in the next backup.
 */
export class BackupDesk {
  readonly #processes: () => Pick<Processes, 'storeIsReady' | 'readyReceivers' | 'sendToStore' | 'sendToReceivers'>;
  readonly #jobs = new Map<number, Job>();
  #lastId = 0;

  constructor(processes: () => Processes) {
    this.#processes = processes;
  }

  /** Listens on the control socket. Returns what closes it. */
  open(socketPath: string): Promise<() => Promise<void>> {
    return listenForControl(socketPath, removeIfThere, (request) => this.#begin(request.directory));
  }

  /** A receiver has sealed, or the store is done. */
  take(message: Extract<ChannelMessage, { type: 'backupDone' | 'sealDone' }>): void {
    const job = this.#jobs.get(message.id);
    if (job === undefined) return;
    if (message.type === 'backupDone') {
      this.#jobs.delete(message.id);
      job.settle({ ok: message.ok, report: message.report });
    } else {
      job.sealing.delete(message.receiver);
      this.#advance(message.id, job);
    }
  }

  /** Processes came or went. */
  look(): void {
    const { storeIsReady, readyReceivers } = this.#processes();
    for (const [id, job] of this.#jobs) {
      if (!storeIsReady) {
        this.#jobs.delete(id);
        job.settle({ ok: false, report: 'the store ended before the backup was done; try again' });
        continue;
      }
      for (const index of job.sealing) if (!readyReceivers.includes(index)) job.sealing.delete(index);
      this.#advance(id, job);
    }
  }

  #begin(directory: string): Promise<ControlAnswer> {
    const processes = this.#processes();
    if (!processes.storeIsReady) return Promise.resolve({ ok: false, report: 'the store is not ready; try again' });
    const id = ++this.#lastId;
    return new Promise((settle) => {
      const job = { directory, sealing: new Set(processes.readyReceivers), isCopying: false, settle };
      this.#jobs.set(id, job);
      processes.sendToReceivers({ type: 'seal', id });
      this.#advance(id, job);
    });
  }

  #advance(id: number, job: Job): void {
    if (job.isCopying || job.sealing.size > 0) return;
    job.isCopying = true;
    this.#processes().sendToStore({ type: 'backup', id, directory: job.directory });
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await nodeDisk.remove(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
