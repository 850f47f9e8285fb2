import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CollectorError, errorMessage } from '../../../core/errors.js';
import { fileFailure } from '../../../core/file-remedy.js';
import type { Logger } from '../../../core/logger.js';

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

export function readOrCreateWriterPassword(dataDir: string, logger: Logger): string {
  return readOrCreate(join(dataDir, 'engine-writer-password'), logger).password;
}

/** Of the user `default`, who reads. */
export function readOrCreateReaderPassword(dataDir: string, logger: Logger): KeptPassword {
  return readOrCreate(join(dataDir, 'engine-reader-password'), logger);
}

/** What a start would say of a user's password; nothing is changed. `ends`: it would go no further. */
export function passwordProblem(dataDir: string, user: 'writer' | 'reader') {
  const path = join(dataDir, `engine-${user}-password`);
  try {
    const kept = existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
    const isCut = kept !== null && kept.length < passwordCharactersMin;
    return { path, problem: isCut ? 'the password in the file is empty or cut short' : null, ends: false };
  } catch (error) {
    return { path, problem: errorMessage(error), ends: true };
  }
}

/** The password of the user that the collector is, when there is one; nothing is made. */
export function keptWriterPassword(dataDir: string): string | null {
  const { path, problem } = passwordProblem(dataDir, 'writer');
  return problem === null && existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

/**
 * What Grafana's provisioning in `clickhouse/grafana` asks for, as an environment file:
 * `set -a; . <data directory>/grafana.env`. Made anew at each start; nothing but Grafana needs it.
 */
export function writeGrafanaEnvironment(
  dataDir: string,
  { port, password }: { readonly port: number; readonly password: string },
  logger: Logger,
): void {
  const path = join(dataDir, 'grafana.env');
  const lines = [
    'TIDEMARK_GRAFANA_CLICKHOUSE_HOST=127.0.0.1',
    `TIDEMARK_GRAFANA_CLICKHOUSE_PORT=${port}`,
    'TIDEMARK_GRAFANA_CLICKHOUSE_USER=default',
    `TIDEMARK_GRAFANA_CLICKHOUSE_PASSWORD='${password.replaceAll("'", `'\\''`)}'`,
  ];
  try {
    writePrivate(path, `${lines.join('\n')}\n`);
  } catch (error) {
    logger.warn({ path, cause: errorMessage(error) }, 'cannot write the environment of Grafana');
  }
}

/** Characters of a password below which its file is taken to be cut: an empty one would let everybody in. */
const passwordCharactersMin = 20;

function readOrCreate(path: string, logger: Logger): KeptPassword {
  const kept = readKept(path);
  if (kept !== null && kept.length >= passwordCharactersMin) return { password: kept, isNew: false };
  if (kept !== null) logger.warn({ path }, 'the password in the file is empty or cut short: a new one is made');
  const password = randomBytes(24).toString('base64url');
  try {
    writePrivate(path, `${password}\n`);
  } catch (error) {
    throw new CollectorError('data_dir_unusable', `cannot write ${path}: ${fileFailure(error)}`, { cause: error });
  }
  return { password, isNew: true };
}

function readKept(path: string): string | null {
  if (!existsSync(path)) return null;
  try {
    chmodSync(path, 0o600);
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const cause = `${errorMessage(error)}; move it away to have a new password made`;
    throw new CollectorError('engine_start_failed', `cannot read ${path}: ${cause}`, { cause: error });
  }
}

function writePrivate(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
