import { totalmem } from 'node:os';

/** Of the machine, or of the container where that was given less. */
export function machineMemoryBytes(): number {
  const given = process.constrainedMemory();
  return given > 0 ? Math.min(given, totalmem()) : totalmem();
}
