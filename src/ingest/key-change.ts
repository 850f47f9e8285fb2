import { join } from 'node:path';
import type { Clock } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import { type FileLocker, lockPatiently } from '../core/file-lock.js';
import { instant } from '../core/time-text.js';
import {
  adminKeyPath,
  digestKey,
  generateKey,
  type KeyGrant,
  previousMax,
  readAdminKey,
  readKeyFile,
  replaceFile,
  type StoredKey,
  storedKeyOf,
  writeKeyFile,
} from './key-file.js';

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
  const lock = await lockPatiently(deps, join(dataDir, 'api-keys.lock'), 'change the API keys');
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

export interface RotationOrder {
  readonly isMeant: (key: StoredKey) => boolean;
  /** How long the secret of now stays good beside the new one; those of before for no longer. */
  readonly overlapMs: number;
}

export interface Rotation {
  /** The new secret. */
  readonly key: string;
  readonly stored: StoredKey;
}

/** Of those that are good at one time, the one of now and the new one included. */
const goodSecretsMax = 5;

/**
 * Gives a key a new secret under its name, with its rights and limits. The file of the admin key follows, if that is
 * the one. Null when none is meant. Rejects with `keys_rotating` when too many secrets of it are good, and as
 * `changeKeys`.
 */
export async function rotateKey(
  deps: KeyChangeDeps,
  dataDir: string,
  { isMeant, overlapMs }: RotationOrder,
  onStored?: (keys: readonly StoredKey[]) => void,
): Promise<Rotation | null> {
  const nowMs = deps.clock.nowMs();
  let before: StoredKey | undefined;
  const rotation = await changeKeys<Rotation | null>(
    deps,
    dataDir,
    (keys) => {
      before = keys.find(isMeant);
      if (before === undefined) return { keys, result: null };
      const key = generateKey();
      const stored = withSecret(before, { key, nowMs, untilMs: nowMs + overlapMs });
      return { keys: keys.map((each) => (each === before ? stored : each)), result: { key, stored } };
    },
    (keys) => {
      onStored?.(keys);
    },
  );
  if (rotation !== null && before !== undefined && isAdminKey(dataDir, before)) {
    // After the list that knows it; until then the one of before is good.
    replaceFile(adminKeyPath(dataDir), `${rotation.key}\n`);
  }
  return rotation;
}

function withSecret(
  before: StoredKey,
  { key, nowMs, untilMs }: { readonly key: string; readonly nowMs: number; readonly untilMs: number },
): StoredKey {
  const ends = (before.previous ?? []).map(({ sha256, until }) => ({
    sha256,
    untilMs: Math.min(Date.parse(until), Math.max(untilMs, nowMs)),
  }));
  const previous = [...ends, { sha256: before.sha256, untilMs }].slice(-previousMax);
  if (previous.filter((secret) => secret.untilMs > nowMs).length >= goodSecretsMax) {
    const says = `cannot rotate ${before.name}: ${goodSecretsMax} of its secrets are good; wait, or give it no overlap`;
    throw new CollectorError('keys_rotating', says);
  }
  return {
    ...before,
    sha256: digestKey(key).toString('hex'),
    rotated: instant(nowMs),
    previous: previous.map((secret) => ({ sha256: secret.sha256, until: instant(secret.untilMs) })),
  };
}

function isAdminKey(dataDir: string, { sha256 }: StoredKey): boolean {
  try {
    const key = readAdminKey(dataDir);
    return key !== null && digestKey(key).toString('hex') === sha256;
  } catch {
    return false;
  }
}
