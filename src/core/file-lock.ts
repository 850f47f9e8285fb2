import { type Clock, sleep } from './clock.js';
import { CollectorError } from './errors.js';

/** A lock of the kernel's on an open file: it ends with the last process that has the descriptor, however that ends. */
export interface HeldLock {
  readonly fd: number;
  /** Closes our descriptor. */
  release(): void;
}

export interface FileLocker {
  /** Null when another process has it. Makes the file when it is missing. Throws CollectorError `data_dir_unusable`. */
  tryLock(path: string): HeldLock | null;
  /** The same of a directory. `unsupported`: its file system locks files only. */
  tryLockDirectory(path: string): HeldLock | null | 'unsupported';
}

/** What is done under such a lock takes some milliseconds: whoever holds it for five seconds hangs. */
const retryMs = 20;
const attemptsMax = 250;

/** Waits for its turn. Rejects with `config_invalid`: it cannot do `what`, because another program holds the lock. */
export async function lockPatiently(
  { clock, locker }: { readonly clock: Clock; readonly locker: FileLocker },
  path: string,
  what: string,
): Promise<HeldLock> {
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const lock = locker.tryLock(path);
    if (lock !== null) return lock;
    await sleep(clock, retryMs);
  }
  throw new CollectorError('config_invalid', `cannot ${what}: another program holds ${path}`);
}
