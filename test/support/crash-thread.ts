import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { loadNativeCalls } from '../../src/clickhouse/embedded/sandbox/native-calls.js';
import type { Random } from '../../src/core/clock.js';
import { randomInteger } from './seeded-random.js';

type CrashSignal = 'SIGABRT' | 'SIGSEGV';

/**
 * Sends a signal that ends other programs to one thread of an engine, which is what a crash of that thread is: it stops
 * there, the rest answer that the server shuts down, and go on. Answers false when the engine has no thread of that
 * name yet, or would end. Linux, with the package that calls the C library.
 */
export function crashThread(pid: number, name: string, signal: CrashSignal = 'SIGABRT'): boolean {
  return crashOne(
    pid,
    threadsTaking(pid, signal).find((thread) => thread.name === name),
    signal,
  );
}

/** The same for any thread that takes the signal; those of Node, its main one among them, run statements too. */
export function crashAnyThread(pid: number, random: Random): boolean {
  const signal = random() < 0.5 ? 'SIGABRT' : 'SIGSEGV';
  const threads = threadsTaking(pid, signal);
  return crashOne(pid, threads[randomInteger(random, { min: 0, max: threads.length - 1 })], signal);
}

/** Why threads cannot be crashed here, or null. */
export function threadCrashAbsence(): string | null {
  if (process.platform !== 'linux') return `threads are crashed on Linux only, this is ${process.platform}`;
  try {
    loadNativeCalls();
    return null;
  } catch {
    return 'the C library cannot be called (the optional package koffi)';
  }
}

/** Whether a process has a handler for it. */
export function handlesSignal(pid: number, signal: CrashSignal): boolean {
  return hasSignal(`/proc/${pid}/status`, 'SigCgt', signal);
}

interface Thread {
  readonly id: number;
  readonly name: string;
}

function crashOne(pid: number, thread: Thread | undefined, signal: CrashSignal): boolean {
  if (thread === undefined) return false;
  loadNativeCalls().syscall('tgkill', threadKillNumber, pid, thread.id, constants.signals[signal]);
  return true;
}

/** None while the process would end. */
function threadsTaking(pid: number, signal: CrashSignal): Thread[] {
  if (!handlesSignal(pid, signal)) return [];
  const threads = `/proc/${pid}/task`;
  return readdirSync(threads).flatMap((thread) => {
    try {
      const name = readFileSync(`${threads}/${thread}/comm`, 'utf8').trim();
      const isBlocked = hasSignal(`${threads}/${thread}/status`, 'SigBlk', signal);
      return isBlocked ? [] : [{ id: Number(thread), name }];
    } catch {
      // It has ended since it was listed.
      return [];
    }
  });
}

function hasSignal(statusPath: string, set: 'SigCgt' | 'SigBlk', signal: CrashSignal): boolean {
  const [, bits = '0'] = new RegExp(`^${set}:\\s*([\\da-f]+)$`, 'm').exec(readFileSync(statusPath, 'utf8')) ?? [];
  return ((BigInt(`0x${bits}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

/** Of `tgkill`, by processor. */
const threadKillNumber = process.arch === 'arm64' ? 131 : 234;
