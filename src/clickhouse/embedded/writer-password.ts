import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The password of the embedded engine's writer: made at the first start and kept in a file of the data
 * directory that only its owner reads, so that the command line tools can use it too.
 */
export function readOrCreateWriterPassword(dataDir: string): string {
  const path = join(dataDir, 'engine-writer-password');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  const password = randomBytes(24).toString('base64url');
  writeFileSync(`${path}.new`, `${password}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return password;
}
