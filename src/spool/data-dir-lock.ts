import {
  accessSync,
  constants,
  ftruncateSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { FileLocker, HeldLock } from '../core/file-lock.js';
import { fileFailure } from '../core/file-remedy.js';
import type { Stage } from '../core/stage.js';

/**
 * One collector a data directory, by locks of the kernel (see `file-locker.ts`): on the file `collector.lock`, and
 * where the file system has that on the directory itself, since a file can be removed by somebody who takes it for
 * one that was left behind. The locks end with the process; the file stays, and nothing is read from it but a name
 * for the one who is refused:
 *
 *   JSON: pid, host. Empty when nobody has it, or its disk was full.
 */
const fileName = 'collector.lock';

export class DataDirLock implements Stage {
  readonly name = 'data-dir-lock';
  readonly #locker: FileLocker;
  readonly #directory: string;
  #held: HeldLock[] = [];

  /** `directory`: absolute; made when it does not exist. */
  constructor(deps: { readonly locker: FileLocker }, directory: string) {
    this.#locker = deps.locker;
    this.#directory = directory;
  }

  /** Rejects with `data_dir_locked` when another process has it, with `data_dir_unusable` when nobody can. */
  async start(): Promise<void> {
    this.#make();
    const directory = this.#locker.tryLockDirectory(this.#directory);
    if (directory === null) throw this.#locked();
    if (directory !== 'unsupported') this.#held.push(directory);
    try {
      const file = this.#locker.tryLock(join(this.#directory, fileName));
      if (file === null) throw this.#locked();
      this.#held.push(file);
      sign(file.fd, JSON.stringify({ pid: process.pid, host: hostname() }));
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  /** Gives the lock back; idempotent. */
  async stop(_deadlineMs = 0): Promise<void> {
    const file = this.#held[this.#held.length - 1];
    if (file !== undefined) sign(file.fd, '');
    this.#release();
  }

  #release(): void {
    for (const lock of this.#held.splice(0).reverse()) lock.release();
  }

  #make(): void {
    try {
      makeDirectory(this.#directory);
    } catch (error) {
      throw new CollectorError(
        'data_dir_unusable',
        `cannot make data directory ${this.#directory}: ${errorMessage(error)}; choose another TIDEMARK_DATA_DIR`,
        { cause: error },
      );
    }
    try {
      accessSync(this.#directory, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      const what = `cannot write to data directory ${this.#directory}: ${fileFailure(error)}`;
      throw new CollectorError('data_dir_unusable', what, { cause: error });
    }
  }

  #locked(): CollectorError {
    const who = holderOf(join(this.#directory, fileName)) ?? 'another process';
    return new CollectorError(
      'data_dir_locked',
      `cannot lock data directory ${this.#directory}: ${who} uses it; stop it or choose another TIDEMARK_DATA_DIR`,
    );
  }
}

/**
 * With those above it. Node's own recursion goes on for ever where a directory is there in which none can be made, and
 * says so by ENOENT, as in /proc.
 */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const above = dirname(path);
  if (above !== path) makeDirectory(above);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Made by another process meanwhile.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}

/** What is not written is no loss: it is for the message only. */
function sign(fd: number, content: string): void {
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, content, 0);
  } catch {
    // A full disk, most likely.
  }
}

/**
 * The process that has the lock on the file `path`, as Linux tells it: `true` when its id is not known here, `false`
 * when nobody has it, null where the system does not tell. Takes no lock, so it stands in nobody's way.
 *
 * `/proc/locks`: `1: FLOCK  ADVISORY  WRITE <pid> <major>:<minor>:<inode> 0 EOF`, the device in hexadecimal. On some
 * file systems `stat` tells another device: then it is the lock of a process that has the file open. The locks of
 * other containers are not listed.
 */
export function lockHolder(path: string): number | boolean | null {
  try {
    const { ino, dev } = statSync(path);
    for (const line of readFileSync('/proc/locks', 'latin1').split('\n')) {
      const [, kind, , , pid = '', place = ''] = line.trim().split(/\s+/);
      const [major = '', minor = '', inode] = place.split(':');
      if (kind !== 'FLOCK' || inode !== String(ino)) continue;
      const isDevice = deviceOf(Number.parseInt(major, 16), Number.parseInt(minor, 16)) === dev;
      if (isDevice || hasOpen(pid, path)) return Number(pid) > 0 ? Number(pid) : true;
    }
    return false;
  } catch {
    return null;
  }
}

/** As `makedev` of Linux puts the two together, for the small numbers there are. */
function deviceOf(major: number, minor: number): number {
  return (major & 0xfff) * 256 + (minor & 0xff) + (minor >>> 8) * 1_048_576;
}

function hasOpen(pid: string, path: string): boolean {
  const wanted = realpathSync(path);
  const directory = join('/proc', pid, 'fd');
  try {
    return readdirSync(directory).some((fd) => readlinkSync(join(directory, fd)) === wanted);
  } catch {
    return false;
  }
}

/** As the file says, which anybody may have written: null when it is not as we write it. */
function holderOf(path: string): string | null {
  try {
    const { pid, host } = JSON.parse(readFileSync(path, 'utf8')) as { readonly pid: unknown; readonly host: unknown };
    if (!Number.isSafeInteger(pid) || typeof host !== 'string' || !/^[\w.-]{1,255}$/.test(host)) return null;
    return `process ${pid} on ${host}`;
  } catch {
    return null;
  }
}
