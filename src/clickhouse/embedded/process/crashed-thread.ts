import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';

/**
 * The thread of the engine's process in which ClickHouse handles a crash; null where there is none, and where the
 * system does not tell. Its handler waits for minutes until somebody has written down what happened, which nobody does
 * in chDB 3.4.0, and prints nothing meanwhile; the other threads go on, or wait for that one.
 *
 * For as long as a handler runs the signals of crashes are blocked in its thread, and one that ends a process is not
 * (`SigBlk` of `/proc`). Threads of Node and those that are just being started block that one too, or none of these.
 */
export function crashedThread(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  const threads = `/proc/${pid}/task`;
  return threadsIn(threads).find((thread) => isInHandler(`${threads}/${thread}/status`)) ?? null;
}

function threadsIn(directory: string): number[] {
  try {
    return readdirSync(directory).map(Number);
  } catch {
    // The process has ended.
    return [];
  }
}

function isInHandler(statusPath: string): boolean {
  try {
    // 64 bits, of which the last are the signals that have names.
    const low = /^SigBlk:\s*[\da-f]{8}([\da-f]{8})$/m.exec(readFileSync(statusPath, 'utf8'))?.[1];
    if (low === undefined) return false;
    const blocked = Number.parseInt(low, 16);
    const isBlocked = (signal: number) => (blocked & (1 << (signal - 1))) !== 0;
    return crashSignals.every(isBlocked) && !isBlocked(constants.signals.SIGTERM);
  } catch {
    // The thread has ended.
    return false;
  }
}

const { SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV } = constants.signals;
const crashSignals = [SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV];
