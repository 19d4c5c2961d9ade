import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { KIND } from './format.ts';
import { createJournal } from './journal.ts';
import { segmentId } from './segment-files.ts';

export interface JournalBenchOptions {
  /** Below it a directory is made and removed again; its file system is what is measured. */
  readonly directory: string;
  readonly recordBytes: number;
  /** Appends that wait at the same time: clients. */
  readonly clients: number;
  readonly durationMs: number;
}

export interface JournalBenchResult {
  readonly records: number;
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly recordsPerFsync: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  /** CPU time of this process, user and system, for one record. */
  readonly cpuMicrosPerRecord: number;
}

const SEGMENT_BYTES = 32 * 1024 * 1024;

/** Appends records of one size from many clients, each of which waits for its acknowledgement, into segments of 32 MiB. */
export async function benchJournal(options: JournalBenchOptions): Promise<JournalBenchResult> {
  const directory = await mkdtemp(path.join(options.directory, 'journal-bench-'));
  let fsyncs = 0;
  const disk = {
    ...nodeDisk,
    async open(...[file, mode]: Parameters<typeof nodeDisk.open>) {
      const opened = await nodeDisk.open(file, mode);
      const { sync } = opened;
      opened.sync = () => {
        fsyncs++;
        return sync();
      };
      return opened;
    },
  };
  const body = Buffer.alloc(options.recordBytes, 7);
  const latencies: number[] = [];
  let sequence = 0;
  const identity = () => ({ instance: '00000000000000ff', receiver: 0, segment: segmentId(1, ++sequence) });
  let journal = await createJournal(disk, directory, identity());
  let next: Promise<void> | undefined;
  const rotate = async () => {
    const full = journal;
    journal = await createJournal(disk, directory, identity());
    next = undefined;
    await full.close();
    await nodeDisk.remove(`${directory}/${full.identity.segment}.journal`);
  };
  const startedMs = systemClock.monotonicMs();
  const cpu = process.cpuUsage();
  const untilMs = startedMs + options.durationMs;
  const client = async () => {
    for (let now = systemClock.monotonicMs(); now < untilMs; ) {
      if (journal.sizeBytes >= SEGMENT_BYTES) next ??= rotate();
      if (next !== undefined && journal.sizeBytes >= SEGMENT_BYTES) await next;
      const result = await journal.append(KIND.request, [body]);
      if (result.kind === 'failed') throw new Error(result.message);
      const after = systemClock.monotonicMs();
      latencies.push(after - now);
      now = after;
    }
  };
  try {
    await Promise.all(Array.from({ length: options.clients }, client));
    await next;
  } finally {
    await journal.close();
    await rm(directory, { recursive: true });
  }
  const seconds = (systemClock.monotonicMs() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const records = latencies.length;
  return {
    records,
    recordsPerSecond: records / seconds,
    megabytesPerSecond: (records * options.recordBytes) / seconds / 1e6,
    recordsPerFsync: records / fsyncs,
    ackP50Ms: latencies[Math.floor(records * 0.5)],
    ackP99Ms: latencies[Math.floor(records * 0.99)],
    cpuMicrosPerRecord: (user + system) / records,
  };
}
