import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel says of processes, from /proc: Linux only. */
export interface ProcessUsage {
  readonly pid: number;
  readonly command: string;
  /** User and system time since its start. */
  readonly cpuMs: number;
  readonly rssBytes: number;
  /** Highest RSS since its start. */
  readonly rssPeakBytes: number;
}

/** Linux counts CPU time in hundredths of a second for every program (USER_HZ). */
const tickMs = 10;

function readUsage(pid: number): ProcessUsage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    // The command is in parentheses and may hold spaces; utime and stime are fields 14 and 15 of the line.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      pid,
      command: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
      cpuMs: (Number(fields[11]) + Number(fields[12])) * tickMs,
      rssBytes: kilobytes(status, 'VmRSS') * 1_024,
      rssPeakBytes: kilobytes(status, 'VmHWM') * 1_024,
    };
  } catch {
    return null;
  }
}

/** A process and all that it started, itself first. */
export function readTree(pid: number): ProcessUsage[] {
  const parents = readParents();
  const pids = [pid];
  for (const parent of pids) {
    for (const [child, itsParent] of parents) if (itsParent === parent) pids.push(child);
  }
  return pids.flatMap((member) => readUsage(member) ?? []);
}

export function treeCpuMs(pid: number): number {
  return readTree(pid).reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

/** Parent of every process, from all of /proc: not every kernel lists a task's children. */
function readParents(): Map<number, number> {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended since the directory was read.
    }
  }
  return parents;
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}
