import { systemClock } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { Scope } from '../core/ports/authenticator.js';
import {
  generateKey,
  type KeyGrant,
  readKeyFile,
  type StoredKey,
  storedKeyOf,
  writeKeyFile,
} from '../ingest/key-file.js';
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

export function createKey(
  { env, out, err }: CommandContext,
  options: KeysOptions & { readonly tenant: string; readonly scope: string; readonly user: string | undefined },
): void {
  const { dataDir } = localCollector(env, options);
  const grant: KeyGrant = {
    tenant: options.tenant,
    scopes: options.scope.split('+') as Scope[],
    user: options.user,
  };
  const key = generateKey();
  const added = storedKeyOf(key, grant, systemClock.nowMs());
  writeKeyFile(dataDir, [...storedKeys(dataDir), added]);
  if (options.json) {
    out.json({ key, ...described(added) });
    return;
  }
  const bound = grant.user === undefined ? '' : `, user ${grant.user}`;
  out.line(key);
  err.line(`key ${added.name} of tenant ${grant.tenant}${bound} (${grant.scopes.join('+')}); it is shown this once`);
}

export function revokeKey({ env, out, err }: CommandContext, options: KeysOptions & { readonly name: string }): void {
  const { dataDir } = localCollector(env, options);
  const keys = storedKeys(dataDir);
  const revoked = keys.find(({ name }) => name === options.name);
  if (revoked === undefined) throw new CollectorError('config_invalid', `cannot revoke ${options.name}: no such key`);
  writeKeyFile(
    dataDir,
    keys.filter((key) => key !== revoked),
  );
  if (options.json) out.json(described(revoked));
  else err.line(`key ${options.name} is revoked; a running collector follows within a second`);
}

function described({ sha256: _digest, ...key }: StoredKey): Omit<StoredKey, 'sha256'> {
  return key;
}

/** Without a key file there is nothing to edit: adding to it would keep the first start from making the admin key. */
function storedKeys(dataDir: string): readonly StoredKey[] {
  const keys = readKeyFile(dataDir);
  if (keys !== null) return keys;
  throw new CollectorError('config_invalid', `cannot find keys in ${dataDir}: start the collector once before`);
}
