import { parseArgs } from 'node:util';
import { readConfig } from '../config/read-config.js';
import { systemClock } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { Scope } from '../core/ports/authenticator.js';
import {
  generateKey,
  type KeyGrant,
  readKeyFile,
  type StoredKey,
  storedKeyOf,
  writeKeyFile,
} from '../ingest/key-file.js';
import { answerHelp } from './help.js';

/**
 * `npm run keys -- list | add --tenant <name> --scope <scope>+<scope> [--user <id>] | revoke <name>`, on the data
 * directory of the same configuration as the collector. A running collector follows within a second.
 */
const usage = `usage: keys list
       keys add --tenant <name> --scope ingest|read|admin|metrics[+…] [--user <id>]
       keys revoke <name, as listed>
       options: --config <path>, --data-dir <path>
`;

function main(argv: readonly string[]): number {
  answerHelp(usage);
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      tenant: { type: 'string' },
      scope: { type: 'string' },
      user: { type: 'string' },
      config: { type: 'string' },
      'data-dir': { type: 'string' },
    },
  });
  const configArgv = values.config === undefined ? [] : ['--config', values.config];
  const { config } = readConfig({ env: process.env, argv: configArgv });
  const dataDir = values['data-dir'] ?? config.dataDir;
  const [command, name, ...rest] = positionals;
  if (command === 'list' && name === undefined) return list(dataDir);
  if (command === 'add' && name === undefined && values.tenant !== undefined && values.scope !== undefined) {
    return add(dataDir, { tenant: values.tenant, scopes: values.scope.split('+') as Scope[], user: values.user });
  }
  if (command === 'revoke' && name !== undefined && rest.length === 0) return revoke(dataDir, name);
  process.stderr.write(usage);
  return 2;
}

function list(dataDir: string): number {
  for (const { name, tenant, scopes, created, user } of storedKeys(dataDir)) {
    const bound = user === undefined ? '' : `  user ${user}`;
    process.stdout.write(`${name}  ${created}  ${tenant}  ${scopes.join('+')}${bound}\n`);
  }
  return 0;
}

function add(dataDir: string, grant: KeyGrant): number {
  const key = generateKey();
  const added = storedKeyOf(key, grant, systemClock.nowMs());
  writeKeyFile(dataDir, [...storedKeys(dataDir), added]);
  const bound = grant.user === undefined ? '' : `, user ${grant.user}`;
  process.stdout.write(`${key}\n`);
  process.stderr.write(
    `key ${added.name} of tenant ${grant.tenant}${bound} (${grant.scopes.join('+')}); it is shown this once\n`,
  );
  return 0;
}

function revoke(dataDir: string, name: string): number {
  const keys = storedKeys(dataDir);
  const kept = keys.filter((key) => key.name !== name);
  if (kept.length === keys.length) throw new CollectorError('config_invalid', `cannot revoke ${name}: no such key`);
  writeKeyFile(dataDir, kept);
  process.stderr.write(`key ${name} is revoked; a running collector follows within a second\n`);
  return 0;
}

/** Without a key file there is nothing to edit: adding to it would keep the first start from making the admin key. */
function storedKeys(dataDir: string): readonly StoredKey[] {
  const keys = readKeyFile(dataDir);
  if (keys !== null) return keys;
  throw new CollectorError('config_invalid', `cannot find keys in ${dataDir}: start the collector once before`);
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${errorMessage(error)}\n`);
  process.exitCode = error instanceof CollectorError && error.code === 'config_invalid' ? 2 : 1;
}
