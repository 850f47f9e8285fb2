import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Processors this process may keep busy: those it may run on, or fewer where a control group, as of a container, gives
 * less time than that (`docker run --cpus`, a CPU limit of Kubernetes, `CPUQuota` of systemd); a part counts as one.
 * Node 20 knows the first alone, newer ones part of the second. `root` is where /proc and /sys are.
 */
export function grantedCpus(root = '/', runnable = availableParallelism()): number {
  const limits = controlGroups(root).flatMap(({ mount, path, read }) =>
    [...withParents(path)].map((group) => read(join(root, mount, group))),
  );
  return Math.max(1, Math.min(runnable, ...limits.map((cpus) => (cpus > 0 ? Math.ceil(cpus) : runnable))));
}

interface ControlGroup {
  readonly mount: string;
  readonly path: string;
  /** Processors that a group is given, NaN: no limit. */
  readonly read: (directory: string) => number;
}

/** Lines of /proc/self/cgroup: `0::/path` of version 2, `4:cpu,cpuacct:/path` of version 1. */
function controlGroups(root: string): ControlGroup[] {
  const lines = readText(join(root, 'proc/self/cgroup')).split('\n');
  return lines.flatMap((line) => {
    const [id, controllers = '', ...rest] = line.split(':');
    const path = rest.join(':');
    if (id === '0' && controllers === '') return [{ mount: 'sys/fs/cgroup', path, read: quotaOfVersion2 }];
    if (!controllers.split(',').includes('cpu')) return [];
    return [...new Set([controllers, 'cpu'])].map((name) => ({
      ...{ mount: join('sys/fs/cgroup', name), path, read: quotaOfVersion1 },
    }));
  });
}

/** A limit holds for all below; and a container may see its own group as the root, under a path of its host. */
function* withParents(path: string): Generator<string> {
  for (let group = join('/', path); ; group = dirname(group)) {
    yield group;
    if (group === '/') return;
  }
}

function quotaOfVersion2(directory: string): number {
  const [quota, period] = readText(join(directory, 'cpu.max')).split(/\s/).map(Number);
  return (quota ?? Number.NaN) / (period ?? Number.NaN);
}

function quotaOfVersion1(directory: string): number {
  const of = (name: string) => Number.parseInt(readText(join(directory, name)), 10);
  return of('cpu.cfs_quota_us') / of('cpu.cfs_period_us');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
