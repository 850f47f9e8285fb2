import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Passwords of the embedded engine's users: made at the first start and kept in files of the data directory that only
 * its owner reads, so that the command line tools can use them too. The engine's process may not: they lie beside its
 * own directory.
 */
export interface KeptPassword {
  readonly password: string;
  /** Made just now: nobody knows it yet. */
  readonly isNew: boolean;
}

export function readOrCreateWriterPassword(dataDir: string): string {
  return readOrCreate(join(dataDir, 'engine-writer-password')).password;
}

/** Of the user `default`, who reads. */
export function readOrCreateReaderPassword(dataDir: string): KeptPassword {
  return readOrCreate(join(dataDir, 'engine-reader-password'));
}

/**
 * What Grafana's provisioning in `clickhouse/grafana` asks for, as an environment file:
 * `set -a; . <data directory>/grafana.env`.
 */
export function writeGrafanaEnvironment(
  dataDir: string,
  { port, password }: { readonly port: number; readonly password: string },
): void {
  const path = join(dataDir, 'grafana.env');
  const lines = [
    'TIDEMARK_GRAFANA_CLICKHOUSE_HOST=127.0.0.1',
    `TIDEMARK_GRAFANA_CLICKHOUSE_PORT=${port}`,
    'TIDEMARK_GRAFANA_CLICKHOUSE_USER=default',
    `TIDEMARK_GRAFANA_CLICKHOUSE_PASSWORD='${password.replaceAll("'", `'\\''`)}'`,
  ];
  writePrivate(path, `${lines.join('\n')}\n`);
}

function readOrCreate(path: string): KeptPassword {
  if (existsSync(path)) {
    chmodSync(path, 0o600);
    return { password: readFileSync(path, 'utf8').trim(), isNew: false };
  }
  const password = randomBytes(24).toString('base64url');
  writePrivate(path, `${password}\n`);
  return { password, isNew: true };
}

function writePrivate(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
