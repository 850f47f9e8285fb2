import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/**
 * Acknowledging goes before inserting: with the engine as important as the collector, its merges delay acks on a
 * small machine.
 */
const engineNiceness = 10;
/**
 * Beside a statement that wants the same processor a merge has a quarter of it. With less, merges would fall behind for
 * as long as events come at full rate.
 */
export const mergeNiceness = 15;
/** The name that the engine gives to the threads of its pool of merges, which live as long as it does. */
const mergeThreadName = 'MergeMutate';

/**
 * Call it before chDB is loaded. A thread inherits niceness from the one that starts it, and on Linux each has its own:
 * those of libuv's pool are started while modules are loaded, and it is they that run statements and start merges.
 */
export function lowerPriority(): void {
  for (const thread of [ownProcess, ...threadsOfProcess()]) tryLower(thread, engineNiceness);
}

/** Whether a process may set niceness at all: the seccomp profile of a container or a service can refuse it. */
export function maySetNiceness(): boolean {
  isAllowed ??= tryToKeep();
  return isAllowed;
}

let isAllowed: boolean | null = null;

/** Where a call is refused, the one that asks may be as well. */
function tryToKeep(): boolean {
  try {
    return tryLower(ownProcess, getPriority(ownProcess));
  } catch {
    return false;
  }
}

/** Merges go after statements. Answers how many threads they have: 0 before the engine has started them. */
export function putMergesLast(): number {
  const threads = threadsOfProcess().filter((thread) => nameOf(thread) === mergeThreadName);
  for (const thread of threads) tryLower(thread, mergeNiceness);
  return threads.length;
}

const ownProcess = 0;

function threadsOfProcess(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    // Another system, or a root without /proc: nothing goes first then.
    return [];
  }
}

/** False when it has ended since it was listed, or the system allows no change. */
function tryLower(thread: number, niceness: number): boolean {
  try {
    setPriority(thread, niceness);
    return true;
  } catch {
    return false;
  }
}

function nameOf(thread: number): string | null {
  try {
    return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim();
  } catch {
    return null;
  }
}
