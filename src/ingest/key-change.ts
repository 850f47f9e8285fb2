import { join } from 'node:path';
import { type Clock, sleep } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { FileLocker, HeldLock } from '../core/file-lock.js';
import { generateKey, type KeyGrant, readKeyFile, type StoredKey, storedKeyOf, writeKeyFile } from './key-file.js';

export interface KeyChangeDeps {
  readonly clock: Clock;
  readonly locker: FileLocker;
}

export interface KeyChange<Result> {
  /** Those to be; the array that was given changes nothing. */
  readonly keys: readonly StoredKey[];
  readonly result: Result;
}

/**
 * Changes the stored keys: what was read is what is replaced, whoever else changes them at the same time, because all
 * who do hold the lock of `<dataDir>/api-keys.lock` meanwhile. `onStored` runs under it too. Rejects with
 * `config_invalid` when there is no key file (adding to none would keep the first start from making the admin key),
 * when it cannot be used or written, and when the lock is not to be had; with what `change` throws.
 */
export async function changeKeys<Result>(
  deps: KeyChangeDeps,
  dataDir: string,
  change: (keys: readonly StoredKey[]) => KeyChange<Result>,
  onStored: (keys: readonly StoredKey[]) => void = () => undefined,
): Promise<Result> {
  // Before the lock, whose file would be all there is in a directory that is none of a collector.
  storedKeys(dataDir);
  const lock = await lockKeys(deps, dataDir);
  try {
    const stored = storedKeys(dataDir);
    const { keys, result } = change(stored);
    if (keys !== stored) writeKeyFile(dataDir, keys);
    onStored(keys);
    return result;
  } finally {
    lock.release();
  }
}

/** The stored keys. Throws `config_invalid` where there is no file of them. */
export function storedKeys(dataDir: string): readonly StoredKey[] {
  const keys = readKeyFile(dataDir);
  if (keys !== null) return keys;
  throw new CollectorError('config_invalid', `cannot find keys in ${dataDir}: start the collector once before`);
}

/** A new key whose name is that of no other. */
export function newKey(
  keys: readonly StoredKey[],
  grant: KeyGrant,
  createdMs: number,
): { readonly key: string; readonly stored: StoredKey } {
  for (;;) {
    const key = generateKey();
    const stored = storedKeyOf(key, grant, createdMs);
    if (keys.every(({ name }) => name !== stored.name)) return { key, stored };
  }
}

/** A change takes some milliseconds: whoever holds the lock for five seconds hangs. */
const retryMs = 20;
const attemptsMax = 250;

async function lockKeys({ clock, locker }: KeyChangeDeps, dataDir: string): Promise<HeldLock> {
  const path = join(dataDir, 'api-keys.lock');
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const lock = locker.tryLock(path);
    if (lock !== null) return lock;
    await sleep(clock, retryMs);
  }
  throw new CollectorError('config_invalid', `cannot change the API keys: another program holds ${path}`);
}
