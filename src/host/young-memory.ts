/**
 * Has the memory of dead buffers given back whenever they are `garbageBytesMax` together. The engine decides by the size of its objects when
 * to look for dead ones, and a buffer of 64 KiB is an object of a hundred bytes: what sockets read would pile up to a hundred megabytes,
 * within one turn of the event loop. Looking through the young objects takes less than a millisecond. Needs --expose-gc; without it nothing
 * happens.
 * @returns to be told of each buffer that will be dead soon, by its size
 */
export function youngSweeper(garbageBytesMax: number): (bytes: number) => void {
  const { gc } = globalThis;
  if (gc === undefined) return () => undefined;
  let garbageBytes = 0;
  return (bytes) => {
    garbageBytes += bytes;
    if (garbageBytes < garbageBytesMax) return;
    garbageBytes = 0;
    void gc({ type: 'minor', execution: 'sync' });
  };
}
