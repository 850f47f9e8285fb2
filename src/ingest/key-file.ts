import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { syncDirectory, writeDurably } from '../core/durable-file.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import { fileFailure } from '../core/file-remedy.js';
import { keyLimitMax, type OwnKeyLimits } from '../core/key-limits.js';
import { type Scope, scopes } from '../core/ports/authenticator.js';
import { instant } from '../core/time-text.js';

const userCharactersMax = 256;
/** What is done for the whole tenant is not for a user. */
const userScopes: readonly Scope[] = ['ingest', 'read'];

/**
 * `<dataDir>/api-keys.json`, mode 0600, replaced as a whole (new file, fsync, rename, fsync of the directory):
 *
 *   {"version": 1, "keys": [{"name": "3f9a0c12", "tenant": "acme", "scopes": ["ingest", "read"],
 *                            "sha256": "<64 hex digits>", "created": "2026-01-15T12:00:00.000Z", "user": "ann"}]}
 *
 * Keys themselves are never stored: only the SHA-256 of each. A slow hash (argon2, scrypt) is for passwords, whose
 * guesses are few; a key has 192 random bits, which nobody enumerates, and a slow hash on every request would let a
 * stranger with a wrong key burn the processor. `name` is the digest's first 8 digits. `user` is there if the key is
 * bound to one; `limits` has those of its own limits that were set (`core/key-limits.ts`).
 * A key that was rotated has the time of that in `rotated`, and in `previous` the digests of its secrets of before,
 * each with the time until which it is good. `name` stays that of the first secret.
 *
 * `<dataDir>/admin-key`, mode 0600, holds the key made at the first start, for the demo and the command line.
 */
/** Secrets of before that are remembered of a key: those that are still good, and some that are refused by name. */
export const previousMax = 8;

const limit = z.int().min(0).max(keyLimitMax);
const storedKey = z
  .strictObject({
    name: z.string().min(1).max(64),
    tenant: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
    scopes: z.array(z.enum(scopes)).min(1),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    created: z.string(),
    user: z
      .string()
      .refine((user) => user !== '' && [...user].length <= userCharactersMax, `1 to ${userCharactersMax} characters`)
      .optional(),
    rotated: z.iso.datetime().optional(),
    previous: z
      .array(z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), until: z.iso.datetime() }))
      .max(previousMax)
      .optional(),
    limits: z
      .strictObject({
        eventsPerSecond: limit.optional(),
        bytesPerSecond: limit.optional(),
        requestsPerSecond: limit.optional(),
        eventsPerDay: limit.optional(),
      })
      .optional(),
  })
  .refine(({ user, scopes: given }) => user === undefined || given.every((scope) => userScopes.includes(scope)), {
    path: ['scopes'],
    error: `a key of a user has no other scopes than ${userScopes.join(' and ')}`,
  });
const keyFile = z.strictObject({ version: z.literal(1), keys: z.array(storedKey).max(100_000) });

export type StoredKey = z.infer<typeof storedKey>;

export interface KeyGrant {
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  /** Absent: the key is bound to no user. */
  readonly user?: string | undefined;
  readonly limits?: OwnKeyLimits | undefined;
}

export function keyFilePath(dataDir: string): string {
  return join(dataDir, 'api-keys.json');
}

export function adminKeyPath(dataDir: string): string {
  return join(dataDir, 'admin-key');
}

/** SHA-256 of a key, 32 bytes. */
export function digestKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** `tdm_` and 192 random bits as 48 hex digits: from the system's generator, because a seed would make it guessable. */
export function generateKey(): string {
  return `tdm_${randomBytes(24).toString('hex')}`;
}

export function storedKeyOf(key: string, grant: KeyGrant, createdMs: number): StoredKey {
  const sha256 = digestKey(key).toString('hex');
  const created = instant(createdMs);
  const { tenant, scopes: granted, user, limits = {} } = grant;
  const stored: StoredKey = { name: sha256.slice(0, 8), tenant, scopes: [...granted], sha256, created };
  if (user !== undefined) stored.user = user;
  return withLimits(stored, limits);
}

/** With these limits of its own, and no others. */
export function withLimits({ limits: _before, ...key }: StoredKey, limits: OwnKeyLimits): StoredKey {
  const set = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  return Object.keys(set).length === 0 ? key : { ...key, limits: set };
}

const remedy = 'put back a copy of it, or move it away to start with a new admin key and no other';

/** The stored keys; null when there is no file yet. Throws CollectorError `config_invalid` when it cannot be used. */
export function readKeyFile(dataDir: string): StoredKey[] | null {
  const path = keyFilePath(dataDir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw new CollectorError('config_invalid', `cannot read ${path}: ${errorMessage(error)}; ${remedy}`, {
      cause: error,
    });
  }
  const parsed = keyFile.safeParse(parseJson(text));
  if (parsed.success) return parsed.data.keys;
  const issue = parsed.error.issues[0];
  const cause = issue?.path.length ? `${issue.path.join('.')}: ${issue.message}` : 'it is not the JSON of a key file';
  throw new CollectorError('config_invalid', `cannot use ${path}: ${cause}; ${remedy}`);
}

/** The key for the demo and the command line; null when there is none. Throws what reading a file throws. */
export function readAdminKey(dataDir: string): string | null {
  try {
    return readFileSync(adminKeyPath(dataDir), 'utf8').trim();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

export type AdminKeyProblem = { readonly what: 'unknown' } | { readonly what: 'unreadable'; readonly cause: string };

/** Why the key for the demo and the command line cannot be used; null when it can, or is not there. */
export function adminKeyProblem(dataDir: string, stored = tryReadKeys(dataDir)): AdminKeyProblem | null {
  try {
    const key = readAdminKey(dataDir);
    if (key === null || stored === null) return null;
    const sha256 = digestKey(key).toString('hex');
    return stored.some((known) => known.sha256 === sha256) ? null : { what: 'unknown' };
  } catch (error) {
    return { what: 'unreadable', cause: errorMessage(error) };
  }
}

function tryReadKeys(dataDir: string): readonly StoredKey[] | null {
  try {
    return readKeyFile(dataDir);
  } catch {
    return null;
  }
}

/** Replaces the stored keys. Throws CollectorError `config_invalid` when one is invalid or they cannot be written. */
export function writeKeyFile(dataDir: string, keys: readonly StoredKey[]): void {
  const issue = keyFile.safeParse({ version: 1, keys }).error?.issues[0];
  if (issue)
    throw new CollectorError('config_invalid', `cannot store the key: ${String(issue.path[2])}: ${issue.message}`);
  replaceFile(keyFilePath(dataDir), `${JSON.stringify({ version: 1, keys }, null, 2)}\n`);
}

/** Replaces a private file so that a crash leaves the old or the new one, never a part. Throws `config_invalid`. */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // A leftover of a crashed process with our id may have another mode: the mode only counts on creation.
    rmSync(temporary, { force: true });
    writeDurably(temporary, text);
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new CollectorError('config_invalid', `cannot write ${path}: ${fileFailure(error)}`, { cause: error });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
