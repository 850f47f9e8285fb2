import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A control group of Linux that limits this process: its own, or one above, whose limits hold for all below. */
export interface ControlGroup {
  /** Of the kernel's interface: the files differ. */
  readonly version: 1 | 2;
  /** First line of a file of the group; empty without one. */
  readonly read: (file: string) => string;
}

/**
 * The groups, from its own upwards, that may limit this process as a container, a pod or a slice of systemd does; none
 * where there are no control groups. `root` is where /proc and /sys are.
 */
export function controlGroups(controller: 'cpu' | 'memory', root = '/'): ControlGroup[] {
  return mounts(controller, root).flatMap(({ version, mount, path }) =>
    [...withParents(path)].map((group) => ({
      version,
      read: (file: string) => firstLine(join(root, 'sys/fs/cgroup', mount, group, file)),
    })),
  );
}

interface Mount {
  readonly version: 1 | 2;
  readonly mount: string;
  readonly path: string;
}

/** Lines of /proc/self/cgroup: `0::/path` of version 2, `4:cpu,cpuacct:/path` of version 1. */
function mounts(controller: string, root: string): Mount[] {
  const lines = readText(join(root, 'proc/self/cgroup')).split('\n');
  return lines.flatMap((line): Mount[] => {
    const [id, controllers = '', ...rest] = line.split(':');
    const path = rest.join(':');
    if (id === '0' && controllers === '') return [{ version: 2, mount: '', path }];
    if (!controllers.split(',').includes(controller)) return [];
    return [...new Set([controllers, controller])].map((mount) => ({ version: 1, mount, path }));
  });
}

/** A container may see its own group as the root, under a path of its host: those that are not there say nothing. */
function* withParents(path: string): Generator<string> {
  for (let group = join('/', path); ; group = dirname(group)) {
    yield group;
    if (group === '/') return;
  }
}

function firstLine(path: string): string {
  return readText(path).split('\n', 1)[0] ?? '';
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
