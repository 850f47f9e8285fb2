import { existsSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/**
 * Who has the files of a producer: `<producer>.owner`, JSON `{host, pid, started}`. On the same host the process tells
 * whether it lives, by its id and the time of its start, since ids come again. On another the file's age does: its
 * owner touches it, and one that was not touched for a minute has none.
 */
interface Owner {
  readonly host: string;
  readonly pid: number;
  readonly started: string;
}

export const touchMs = 15_000;
const abandonedMs = 60_000;

/** Producers of this thread: its process lives, whatever becomes of a client. */
const ours = new Set<string>();

function ownerPath(directory: string, producer: string): string {
  return join(directory, `${producer}.owner`);
}

/** Throws when somebody has it. */
export function own(directory: string, producer: string): void {
  const owner: Owner = { host: hostname(), pid: process.pid, started: startOf(process.pid) ?? '' };
  writeFileSync(ownerPath(directory, producer), JSON.stringify(owner), { flag: 'wx' });
  ours.add(producer);
}

export function touch(directory: string, producer: string, nowMs: number): void {
  const now = new Date(nowMs);
  utimesSync(ownerPath(directory, producer), now, now);
}

export function disown(directory: string, producer: string, options: { readonly isEmpty: boolean }): void {
  ours.delete(producer);
  if (options.isEmpty) rmSync(ownerPath(directory, producer), { force: true });
}

/**
 * Takes over what nobody has any more. Of several that try, one succeeds: one renames the old mark, and one makes the
 * new one. Whoever dies in between leaves frames without a mark, which are nobody's too.
 */
export function takeOver(directory: string, producer: string, nowMs: number): boolean {
  const path = ownerPath(directory, producer);
  const aside = `${path}.${process.pid}`;
  try {
    if (existsSync(path)) {
      if (isOwned(path, { producer, nowMs })) return false;
      renameSync(path, aside);
    }
    own(directory, producer);
  } catch {
    return false;
  } finally {
    rmSync(aside, { force: true });
  }
  return true;
}

function isOwned(path: string, { producer, nowMs }: { readonly producer: string; readonly nowMs: number }): boolean {
  const isTouched = (): boolean => nowMs - statSync(path).mtimeMs < abandonedMs;
  if (ours.has(producer)) return true;
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8')) as Owner;
    if (owner.host !== hostname()) return isTouched();
    // Another thread of this process, as long as it touches its file.
    if (owner.pid === process.pid) return owner.started === (startOf(process.pid) ?? '') && isTouched();
    return lives(owner);
  } catch {
    return false;
  }
}

function lives({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return started === '' || (startOf(pid) ?? started) === started;
}

/** Field 22 of `/proc/<pid>/stat`, behind the name in parentheses: ticks since the boot. Linux only. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
