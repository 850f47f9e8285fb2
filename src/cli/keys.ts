import { tryLoadFileLock } from '../clickhouse/embedded/sandbox/native-calls.js';
import { holdingClock, systemClock } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { KeyLimitName, OwnKeyLimits } from '../core/key-limits.js';
import type { Scope } from '../core/ports/authenticator.js';
import { changeKeys, type KeyChangeDeps, newKey, rotateKey, storedKeys } from '../ingest/key-change.js';
import { type KeyGrant, type StoredKey, withLimits } from '../ingest/key-file.js';
import { createFileLocker } from '../spool/file-locker.js';
import { recordLocally } from './audit.js';
import type { CommandContext } from './frame/command.js';
import { printable } from './frame/printable-text.js';
import { localCollector } from './local-collector.js';

interface KeysOptions {
  readonly json: boolean;
  readonly config: string | undefined;
  readonly dataDir: string | undefined;
}

type LimitOptions = { readonly [Name in KeyLimitName]: number | undefined };

export function listKeys({ env, out }: CommandContext, options: KeysOptions): void {
  const keys = storedKeys(localCollector(env, options).dataDir);
  if (options.json) out.json(keys.map(described));
  for (const { name, tenant, scopes, created, user, limits } of options.json ? [] : keys) {
    const bound = user === undefined ? '' : `  user ${printable(user)}`;
    out.line(`${name}  ${created}  ${tenant}  ${scopes.join('+')}${bound}${limitsText(limits)}`);
  }
}

export async function createKey(
  context: CommandContext,
  options: KeysOptions &
    LimitOptions & { readonly tenant: string; readonly scope: string; readonly user: string | undefined },
): Promise<void> {
  const { env, out, err } = context;
  const { dataDir } = localCollector(env, options);
  const grant: KeyGrant = {
    tenant: options.tenant,
    scopes: options.scope.split('+') as Scope[],
    user: options.user,
    limits: limitsIn(options),
  };
  const { key, stored: added } = await changeKeys(changeDeps(), dataDir, (keys) => {
    const made = newKey(keys, grant, systemClock.nowMs());
    return { keys: [...keys, made.stored], result: made };
  });
  const what = { name: added.name, scopes: options.scope };
  await recordLocally(context, options, { action: 'createKey', tenant: grant.tenant, what });
  if (options.json) {
    out.json({ key, ...described(added) });
    return;
  }
  const bound = grant.user === undefined ? '' : `, user ${grant.user}`;
  out.line(key);
  err.line(`key ${added.name} of tenant ${grant.tenant}${bound} (${grant.scopes.join('+')}); it is shown this once`);
}

export async function limitKey(
  context: CommandContext,
  options: KeysOptions & LimitOptions & { readonly name: string },
): Promise<void> {
  const { env, out, err } = context;
  const { dataDir } = localCollector(env, options);
  const limited = await changeKeys(changeDeps(), dataDir, (keys) => {
    const found = mustFind(keys, options.name, 'limit');
    const changed = withLimits(found, limitsIn(options));
    return { keys: keys.map((key) => (key === found ? changed : key)), result: changed };
  });
  const set = Object.entries(limited.limits ?? {}).filter(([, value]) => value !== undefined);
  const what = { name: limited.name, ...Object.fromEntries(set) };
  await recordLocally(context, options, { action: 'limitKey', tenant: limited.tenant, what });
  if (options.json) out.json(described(limited));
  else err.line(`key ${options.name}:${limitsText(limited.limits) || '  limits of the configuration'}`);
}

export async function rotateStoredKey(
  context: CommandContext,
  options: KeysOptions & { readonly name: string; readonly overlapMinutes: number },
): Promise<void> {
  const { env, out, err } = context;
  const { dataDir } = localCollector(env, options);
  const isMeant = ({ name }: StoredKey) => name === options.name;
  const overlapMs = options.overlapMinutes * 60_000;
  const rotation = await rotateKey(changeDeps(), dataDir, { isMeant, overlapMs });
  if (rotation === null) throw new CollectorError('config_invalid', `cannot rotate ${options.name}: no such key`);
  const { key, stored } = rotation;
  const what = { name: stored.name, overlap_seconds: overlapMs / 1_000 };
  await recordLocally(context, options, { action: 'rotateKey', tenant: stored.tenant, what });
  if (options.json) {
    out.json({ key, ...described(stored) });
    return;
  }
  out.line(key);
  const until = stored.previous?.at(-1)?.until;
  err.line(`key ${stored.name} has a new secret, shown this once; the old one is good until ${until}`);
}

export async function revokeKey(
  context: CommandContext,
  options: KeysOptions & { readonly name: string },
): Promise<void> {
  const { env, out, err } = context;
  const { dataDir } = localCollector(env, options);
  const revoked = await changeKeys(changeDeps(), dataDir, (keys) => {
    const found = mustFind(keys, options.name, 'revoke');
    return { keys: keys.filter((key) => key !== found), result: found };
  });
  await recordLocally(context, options, { action: 'revokeKey', tenant: revoked.tenant, what: { name: revoked.name } });
  if (options.json) out.json(described(revoked));
  else err.line(`key ${options.name} is revoked; a running collector follows within a second`);
}

function mustFind(keys: readonly StoredKey[], name: string, verb: string): StoredKey {
  const found = keys.find((key) => key.name === name);
  if (found !== undefined) return found;
  throw new CollectorError('config_invalid', `cannot ${verb} ${name}: no such key`);
}

function limitsIn({ eventsPerSecond, bytesPerSecond, requestsPerSecond, eventsPerDay }: LimitOptions): OwnKeyLimits {
  return { eventsPerSecond, bytesPerSecond, requestsPerSecond, eventsPerDay };
}

/** `  eventsPerSecond 500`, or nothing. */
function limitsText(limits: OwnKeyLimits = {}): string {
  return Object.entries(limits)
    .map(([name, value]) => `  ${name} ${value}`)
    .join('');
}

/** Without digests. */
function described({ sha256: _digest, previous, ...key }: StoredKey): object {
  return previous === undefined ? key : { ...key, previousUntil: previous.map(({ until }) => until) };
}

function changeDeps(): KeyChangeDeps {
  return { clock: holdingClock, locker: createFileLocker({ lock: tryLoadFileLock() }) };
}
