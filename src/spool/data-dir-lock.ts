import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readlinkSync, renameSync, rmSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock, Timer } from '../core/clock.js';
import { sleep } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { Stage } from '../core/stage.js';
import { errorCode } from './file-system.js';

/**
 * One collector a data directory. Node has no flock, so the lock is a file, `collector.lock`, made exclusively
 * and removed at the end; it must not outlive its holder after a kill -9. It is JSON: a random token, and who holds it:
 *
 *   pid, started   process id and its start time from /proc/<pid>/stat (clock ticks since boot; '' without /proc)
 *   host           host name, boot id and pid namespace: where that pid means something
 *
 * Same host: the holder lives when /proc has that pid with that start time (without /proc: when it can be signalled).
 * Same host name but another boot: it does not live. Another container or machine on a shared volume: its pid says
 * nothing here, so the file is watched; a holder touches it every 2 s, and it is stale when 10 s pass without.
 * A stale file is moved aside by a rename. Of several contenders on a host one at a time may do that, the one that has
 * bound a socket named after the directory (abstract, Linux only: the kernel takes it back when the process ends), so
 * that none moves aside what another has just taken. Contenders on several hosts have the re-read before the rename.
 */
const fileName = 'collector.lock';
const touchMs = 2_000;
const watchMs = 10_000;
/** A contender that finds another at it looks again after this long. */
const turnMs = 20;
const attemptsMax = 50;

interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly started: string;
  readonly host: { readonly name: string; readonly boot: string; readonly namespace: string };
}

export class DataDirLock implements Stage {
  readonly name = 'data-dir-lock';
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #path: string;
  readonly #token = randomBytes(16).toString('hex');
  #held = false;
  #timer: Timer | null = null;

  /** `directory`: absolute; made when it does not exist. */
  constructor(deps: { readonly clock: Clock }, directory: string) {
    this.#clock = deps.clock;
    this.#directory = directory;
    this.#path = join(directory, fileName);
  }

  /** Takes the lock; rejects with `data_dir_locked` when a living process has it. */
  async start(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      if (await this.#tryCreate()) {
        this.#held = true;
        this.#keepTouching();
        return;
      }
      const content = await readLock(this.#path);
      if (content !== null && (await this.#isHeld(content))) throw this.#locked(parseHolder(content));
      if (content !== null) await this.#moveAside(content);
    }
    throw this.#locked(null);
  }

  /** Gives the lock back; idempotent. */
  async stop(_deadlineMs = 0): Promise<void> {
    this.#timer?.cancel();
    if (!this.#held) return;
    this.#held = false;
    const content = await readLock(this.#path);
    if (content !== null && parseHolder(content)?.token === this.#token) await rm(this.#path, { force: true });
  }

  async #tryCreate(): Promise<boolean> {
    let file: Awaited<ReturnType<typeof open>>;
    try {
      file = await open(this.#path, 'wx', 0o600);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      throw error;
    }
    try {
      await file.writeFile(JSON.stringify(this.#holder()));
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  }

  #holder(): Holder {
    const host = { name: hostname(), boot: bootId(), namespace: pidNamespace() };
    return { token: this.#token, pid: process.pid, started: startTime(process.pid) ?? '', host };
  }

  async #isHeld(content: string): Promise<boolean> {
    const holder = parseHolder(content);
    // Unreadable: being written at this moment, or torn by a crash.
    if (holder === null) return await this.#isTouched();
    const sameBoot = holder.host.boot === bootId();
    if (sameBoot && holder.host.name === hostname() && holder.host.namespace === pidNamespace()) return isAlive(holder);
    if (!sameBoot && holder.host.name === hostname()) return false;
    return await this.#isTouched();
  }

  /** Whether the file is touched while it is watched. Compares the file with itself, never with our clock. */
  async #isTouched(): Promise<boolean> {
    const before = await modifiedMs(this.#path);
    const deadlineMs = this.#clock.monotonicMs() + watchMs;
    while (this.#clock.monotonicMs() < deadlineMs) {
      await sleep(this.#clock, touchMs / 4);
      const after = await modifiedMs(this.#path);
      if (after === null) return false;
      if (after !== before) return true;
    }
    return false;
  }

  /** Removes the stale lock with `content`, or leaves that to another contender that is at it. */
  async #moveAside(content: string): Promise<void> {
    const turn = await tryTakeTurn(this.#directory);
    if (turn === null) return await sleep(this.#clock, turnMs);
    const aside = `${this.#path}.stale-${this.#token}`;
    try {
      if (readFileSync(this.#path, 'utf8') !== content) return;
      renameSync(this.#path, aside);
      if (readFileSync(aside, 'utf8') === content) rmSync(aside, { force: true });
      else renameSync(aside, this.#path);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    } finally {
      turn.end();
    }
  }

  #keepTouching(): void {
    this.#timer = this.#clock.setTimer(touchMs, () => {
      if (!this.#held) return;
      const nowS = this.#clock.nowMs() / 1_000;
      // A directory that cannot be written to shows in the spool's health; to other machines it looks stale.
      utimes(this.#path, nowS, nowS).catch(() => {});
      this.#keepTouching();
    });
  }

  #locked(holder: Holder | null): CollectorError {
    const who = holder === null ? 'another collector' : `process ${holder.pid} on ${holder.host.name}`;
    return new CollectorError(
      'data_dir_locked',
      `cannot lock data directory ${this.#directory}: ${who} uses it; stop it or choose another TIDEMARK_DATA_DIR`,
    );
  }
}

/** The right to remove a stale lock of `directory`; null while another process has it. */
async function tryTakeTurn(directory: string): Promise<{ end(): void } | null> {
  if (process.platform !== 'linux') return { end: () => {} };
  const { dev, ino } = await stat(directory);
  const server = createServer();
  try {
    server.listen(`\0tidemark-data-dir-lock-${dev}-${ino}`);
    await once(server, 'listening');
  } catch (error) {
    if (errorCode(error) === 'EADDRINUSE') return null;
    throw error;
  }
  return { end: () => void server.close() };
}

function isAlive({ pid, started }: Holder): boolean {
  if (started !== '') return startTime(pid) === started;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/** Field 22 of /proc/<pid>/stat, counted after the command, which may hold blanks. Null: no such process. */
function startTime(pid: number): string | null {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie has ended, though its parent has not looked yet.
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
}

function bootId(): string {
  return tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()) ?? '';
}

function pidNamespace(): string {
  return tryRead(() => readlinkSync('/proc/self/ns/pid')) ?? '';
}

function tryRead(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}

async function readLock(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function modifiedMs(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function parseHolder(content: string): Holder | null {
  try {
    const holder = JSON.parse(content) as Holder;
    return typeof holder.pid === 'number' && typeof holder.host.name === 'string' ? holder : null;
  } catch {
    return null;
  }
}
