import { tryLoadFileLock } from '../clickhouse/embedded/sandbox/native-calls.js';
import { holdingClock, systemClock } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { Scope } from '../core/ports/authenticator.js';
import { changeKeys, type KeyChangeDeps, newKey, storedKeys } from '../ingest/key-change.js';
import type { KeyGrant, StoredKey } from '../ingest/key-file.js';
import { createFileLocker } from '../spool/file-locker.js';
import type { CommandContext } from './frame/command.js';
import { printable } from './frame/printable-text.js';
import { localCollector } from './local-collector.js';

interface KeysOptions {
  readonly json: boolean;
  readonly config: string | undefined;
  readonly dataDir: string | undefined;
}

export function listKeys({ env, out }: CommandContext, options: KeysOptions): void {
  const keys = storedKeys(localCollector(env, options).dataDir);
  if (options.json) out.json(keys.map(described));
  for (const { name, tenant, scopes, created, user } of options.json ? [] : keys) {
    const bound = user === undefined ? '' : `  user ${printable(user)}`;
    out.line(`${name}  ${created}  ${tenant}  ${scopes.join('+')}${bound}`);
  }
}

export async function createKey(
  { env, out, err }: CommandContext,
  options: KeysOptions & { readonly tenant: string; readonly scope: string; readonly user: string | undefined },
): Promise<void> {
  const { dataDir } = localCollector(env, options);
  const grant: KeyGrant = {
    tenant: options.tenant,
    scopes: options.scope.split('+') as Scope[],
    user: options.user,
  };
  const { key, stored: added } = await changeKeys(changeDeps(), dataDir, (keys) => {
    const made = newKey(keys, grant, systemClock.nowMs());
    return { keys: [...keys, made.stored], result: made };
  });
  if (options.json) {
    out.json({ key, ...described(added) });
    return;
  }
  const bound = grant.user === undefined ? '' : `, user ${grant.user}`;
  out.line(key);
  err.line(`key ${added.name} of tenant ${grant.tenant}${bound} (${grant.scopes.join('+')}); it is shown this once`);
}

export async function revokeKey(
  { env, out, err }: CommandContext,
  options: KeysOptions & { readonly name: string },
): Promise<void> {
  const { dataDir } = localCollector(env, options);
  const revoked = await changeKeys(changeDeps(), dataDir, (keys) => {
    const found = keys.find(({ name }) => name === options.name);
    if (found === undefined) throw new CollectorError('config_invalid', `cannot revoke ${options.name}: no such key`);
    return { keys: keys.filter((key) => key !== found), result: found };
  });
  if (options.json) out.json(described(revoked));
  else err.line(`key ${options.name} is revoked; a running collector follows within a second`);
}

function described({ sha256: _digest, ...key }: StoredKey): Omit<StoredKey, 'sha256'> {
  return key;
}

function changeDeps(): KeyChangeDeps {
  return { clock: holdingClock, locker: createFileLocker({ lock: tryLoadFileLock() }) };
}
