import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { FileLocker, HeldLock } from '../core/file-lock.js';
import { errorCode } from './file-system.js';

/**
 * Locks of the kernel: `flock(2)`, which belongs to the open file and not to the process. So it ends with the last
 * descriptor, however the process ends, it holds between containers (they share the kernel, whatever they name their
 * hosts and processes), and on NFS it is the server's. Node has no call for it. There are three ways to it, which all
 * lock the same thing:
 *
 *   the C library's `flock`, where the collector can call it
 *   the program `flock` (util-linux, busybox), told to lock a descriptor that it shares with us
 *   macOS and the BSDs: the flag O_EXLOCK of `open`
 */
export interface FileLockerOptions {
  /** Locks without waiting; false when another open file has it. Null where the C library cannot be called. */
  readonly lock: ((fd: number) => boolean) | null;
  /** Default this one's. */
  readonly platform?: NodeJS.Platform;
  /** Default `flock`, as found by `PATH`. */
  readonly program?: string;
}

export function createFileLocker(options: FileLockerOptions): FileLocker {
  return new KernelFileLocker(options);
}

/** Between opening a file and locking it another can have been put in its place. */
const attemptsMax = 10;

class KernelFileLocker implements FileLocker {
  readonly #lock: ((fd: number) => boolean) | null;
  readonly #opensLocked: boolean;
  readonly #program: string;

  constructor({ lock, platform = process.platform, program = 'flock' }: FileLockerOptions) {
    this.#lock = lock;
    this.#opensLocked = platform === 'darwin' || platform.endsWith('bsd');
    this.#program = program;
  }

  tryLock(path: string): HeldLock | null {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const fd = this.#tryOpenLocked(path, fileFlags);
      if (fd === null) return null;
      const held = { fd, release: () => closeSync(fd) };
      if (!isAt(fd, path)) held.release();
      else if (this.#isKept(path)) return held;
      else {
        held.release();
        throw unusable(path, 'its file system keeps no locks; put TIDEMARK_DATA_DIR on one that does');
      }
    }
    throw unusable(path, 'it is replaced again and again; stop what does that');
  }

  tryLockDirectory(path: string): HeldLock | null | 'unsupported' {
    try {
      const fd = this.#tryOpenLocked(path, directoryFlags);
      return fd === null ? null : { fd, release: () => closeSync(fd) };
    } catch {
      return 'unsupported';
    }
  }

  /** Whether a second open file is held out. There are file systems where every `flock` is a success. */
  #isKept(path: string): boolean {
    const second = this.#tryOpenLocked(path, fileFlags);
    if (second !== null) closeSync(second);
    return second === null;
  }

  #tryOpenLocked(path: string, flags: number): number | null {
    const fd = this.#tryOpen(path, flags);
    if (fd === null || this.#opensLocked) return fd;
    let locked = false;
    try {
      locked = this.#lock === null ? this.#lockByProgram(path, fd) : lockByCall(this.#lock, path, fd);
    } finally {
      if (!locked) closeSync(fd);
    }
    return locked ? fd : null;
  }

  #tryOpen(path: string, flags: number): number | null {
    let fd: number;
    try {
      fd = openSync(path, this.#opensLocked ? flags | exclusiveLock : flags, 0o600);
    } catch (error) {
      const code = errorCode(error) ?? '';
      if (this.#opensLocked && (code === 'EAGAIN' || code === 'EWOULDBLOCK')) return null;
      throw unusable(path, adviceOn[code] ?? `${errorMessage(error)}; remove it`, error);
    }
    const isRight = flags === directoryFlags || fstatSync(fd).isFile();
    if (isRight) return fd;
    closeSync(fd);
    throw unusable(path, 'it is no file; remove it');
  }

  /** The lock is on the open file, which the program has only for as long as it runs, and we for as long as we like. */
  #lockByProgram(path: string, fd: number): boolean {
    const { status, signal, error, stderr } = spawnSync(this.#program, ['-x', '-n', '3'], {
      stdio: ['ignore', 'ignore', 'pipe', fd],
      encoding: 'utf8',
      timeout: programMsMax,
    });
    const said = (stderr ?? '').trim();
    if (status === 0) return true;
    if (status === 1 && said === '') return false;
    if (error !== undefined && errorCode(error) === 'ENOENT') {
      const koffi = `@koromix/koffi-${process.platform}-${process.arch}`;
      const ways = `neither the optional package ${koffi} nor the program flock (util-linux, busybox) is installed`;
      throw unusable(path, `${ways}; install one of them`);
    }
    const cause = error === undefined ? said || `it ended with ${status ?? signal}` : error.message;
    throw unusable(path, `the program flock failed: ${firstLine(cause)}`, error);
  }
}

const { O_RDWR, O_CREAT, O_NONBLOCK, O_NOFOLLOW, O_RDONLY, O_DIRECTORY } = constants;
/** NFS locks only what is open for writing. Opening a pipe does not wait; a link would lead to another directory's. */
const fileFlags = O_RDWR | O_CREAT | O_NONBLOCK | O_NOFOLLOW;
const directoryFlags = O_RDONLY | O_DIRECTORY;
/** O_EXLOCK of macOS and the BSDs; with O_NONBLOCK it does not wait. */
const exclusiveLock = 0x20 | O_NONBLOCK;
const programMsMax = 10_000;

const adviceOn: Readonly<Record<string, string>> = {
  EISDIR: 'it is a directory; remove it',
  ELOOP: 'it is a symbolic link; remove it',
  EACCES: 'it may not be opened; give it to the user who runs the collector, or remove it',
  EPERM: 'it may not be opened; give it to the user who runs the collector, or remove it',
  EROFS: 'it is on a read-only file system; choose another TIDEMARK_DATA_DIR',
  ENOSPC: 'no space is left for it; free some',
};

function lockByCall(lock: (fd: number) => boolean, path: string, fd: number): boolean {
  try {
    return lock(fd);
  } catch (error) {
    const advice = 'put TIDEMARK_DATA_DIR on a file system that keeps locks';
    throw unusable(path, `the system refuses (${errorMessage(error)}); ${advice}`, error);
  }
}

function isAt(fd: number, path: string): boolean {
  const opened = fstatSync(fd);
  const named = statSync(path, { throwIfNoEntry: false });
  return named !== undefined && named.ino === opened.ino && named.dev === opened.dev;
}

function unusable(path: string, cause: string, error?: unknown): CollectorError {
  return new CollectorError('data_dir_unusable', `cannot lock ${path}: ${cause}`, { cause: error });
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
