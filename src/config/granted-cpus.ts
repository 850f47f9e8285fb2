import { availableParallelism } from 'node:os';
import { type ControlGroup, controlGroups } from '../core/control-groups.js';

/**
 * Processors this process may keep busy: those it may run on, or fewer where a control group, as of a container, gives
 * less time than that (`docker run --cpus`, a CPU limit of Kubernetes, `CPUQuota` of systemd); a part counts as one.
 * Node 20 knows the first alone, newer ones part of the second. `root` is where /proc and /sys are.
 */
export function grantedCpus(root = '/', runnable = availableParallelism()): number {
  const limits = controlGroups('cpu', root).map(quotaOf);
  return Math.max(1, Math.min(runnable, ...limits.map((cpus) => (cpus > 0 ? Math.ceil(cpus) : runnable))));
}

/** Processors that a group is given, NaN or less than zero: no limit. */
function quotaOf({ version, read }: ControlGroup): number {
  const of = (text: string | undefined) => Number.parseInt(text ?? '', 10);
  if (version === 1) return of(read('cpu.cfs_quota_us')) / of(read('cpu.cfs_period_us'));
  const [quota, period] = read('cpu.max').split(' ');
  return of(quota) / of(period);
}
