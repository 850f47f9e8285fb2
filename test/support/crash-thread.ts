import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { loadNativeCalls } from '../../src/clickhouse/embedded/sandbox/native-calls.js';

/**
 * Sends a signal that ends other programs to one thread of an engine, which is what a crash of that thread is: it stops
 * there, the rest answer that the server shuts down, and go on. Answers false when the engine has no thread of that
 * name yet, or would end. Linux, with the package that calls the C library.
 */
export function crashThread(pid: number, name: string, signal: CrashSignal = 'SIGABRT'): boolean {
  if (!handlesSignal(pid, signal)) return false;
  const thread = readdirSync(`/proc/${pid}/task`).find((each) => nameOf(pid, each) === name);
  if (thread === undefined) return false;
  loadNativeCalls().syscall('tgkill', threadKillNumber, pid, Number(thread), constants.signals[signal]);
  return true;
}

/** Whether a process has a handler for it. */
export function handlesSignal(pid: number, signal: CrashSignal): boolean {
  const [, caught = '0'] = /^SigCgt:\s*([\da-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

type CrashSignal = 'SIGABRT' | 'SIGSEGV';

function nameOf(pid: number, thread: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
  } catch {
    // It has ended since it was listed.
    return null;
  }
}

/** Of `tgkill`, by processor. */
const threadKillNumber = process.arch === 'arm64' ? 131 : 234;
