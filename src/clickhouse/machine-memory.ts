import { totalmem } from 'node:os';
import { type ControlGroup, controlGroups } from '../core/control-groups.js';

/**
 * Bytes that this process and those beside it may take: the memory of the machine, or less where a control group gives
 * less (`docker run --memory`, a memory limit of Kubernetes, `MemoryMax` and `MemoryHigh` of systemd, also of a slice
 * above, which Node does not look at). `root` is where /proc and /sys are.
 */
export function machineMemoryBytes(root = '/', present = totalmem()): number {
  const limits = controlGroups('memory', root).flatMap(limitsOf);
  return Math.min(present, ...limits.filter((bytes) => bytes > 0));
}

/** NaN: no limit, which is said as `max`; version 1 says it as a number beyond every machine's. */
function limitsOf({ version, read }: ControlGroup): number[] {
  const files = version === 1 ? ['memory.limit_in_bytes'] : ['memory.max', 'memory.high'];
  return files.map((file) => Number.parseInt(read(file), 10));
}
