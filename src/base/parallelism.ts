import { LIMITS } from './limits.ts';

/** What the store does side by side. */
export interface StoreParallelism {
  /** Sealed segments loaded at the same time: one thread of ClickHouse each. */
  readonly loads: number;
  /** Background threads of the embedded engine. */
  readonly merges: number;
  /** UV_THREADPOOL_SIZE of its process: each running statement holds a thread, and the file system needs some. */
  readonly threads: number;
}

/**
 * By the cores of the machine. A span costs a receiver 3 µs, its insert 3 and its merges 1.5 (docs/performance.md, “On larger machines”): in these
 * shares receivers, loads and merges keep up with one another. Never less than on two cores.
 */
export function storeParallelism(cores: number): StoreParallelism {
  const loads = between(LIMITS.loadsInParallel, Math.round(cores * 0.35), LIMITS.loadsInParallelMax);
  const merges = between(LIMITS.storeMergesInParallel, Math.round(cores * 0.2), LIMITS.storeMergesInParallelMax);
  return { loads, merges, threads: LIMITS.queriesInParallel + loads + LIMITS.storeFileThreads };
}

/** Receiver processes of a machine with so many cores. One that only forwards leaves a core to the sender. */
export function receiversFor(cores: number, stores: boolean): number {
  return Math.max(1, stores ? Math.ceil(cores * 0.4) : cores - 1);
}

const between = (least: number, value: number, most: number): number => Math.min(most, Math.max(least, value));
