import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  readOrCreateReaderPassword,
  readOrCreateWriterPassword,
  writeGrafanaEnvironment,
} from '../../src/clickhouse/embedded/process/engine-passwords.js';
import { type Logger, silentLogger } from '../../src/core/logger.js';
import { tempDir } from '../support/temp-dir.js';

function aloud(): { readonly logger: Logger; readonly said: string[] } {
  const said: string[] = [];
  return { logger: { ...silentLogger, warn: (_context, message) => void said.push(message) }, said };
}

test('a password is made once and kept', () => {
  const dataDir = tempDir();
  const { logger, said } = aloud();
  const made = readOrCreateReaderPassword(dataDir, logger);
  expect(readOrCreateReaderPassword(dataDir, logger)).toEqual({ password: made.password, isNew: false });
  expect([made.isNew, said]).toEqual([true, []]);
});

test.each(['', '\n', 'cut-short'])('a password file that holds %j lets nobody in: a new password is made', (left) => {
  const dataDir = tempDir();
  const { logger, said } = aloud();
  writeFileSync(join(dataDir, 'engine-reader-password'), left);
  writeFileSync(join(dataDir, 'engine-writer-password'), left);
  const reader = readOrCreateReaderPassword(dataDir, logger);
  expect(reader.isNew).toBe(true);
  expect(reader.password).toMatch(/^[A-Za-z0-9_-]{32}$/);
  expect(readOrCreateWriterPassword(dataDir, logger)).toMatch(/^[A-Za-z0-9_-]{32}$/);
  expect(said).toEqual(Array(2).fill('the password in the file is empty or cut short: a new one is made'));
});

test('a password file that cannot be read ends the start with what to do', () => {
  const dataDir = tempDir();
  mkdirSync(join(dataDir, 'engine-writer-password'));
  expect(() => readOrCreateWriterPassword(dataDir, silentLogger)).toThrow(
    /^cannot read .*engine-writer-password: .*; move it away to have a new password made$/,
  );
});

test('the environment of Grafana is written anew at each start, and a start goes on without it', () => {
  const dataDir = tempDir();
  const { logger, said } = aloud();
  const path = join(dataDir, 'grafana.env');
  writeFileSync(path, 'damaged');
  writeGrafanaEnvironment(dataDir, { port: 8123, password: "it's" }, logger);
  expect(readFileSync(path, 'utf8')).toContain("TIDEMARK_GRAFANA_CLICKHOUSE_PASSWORD='it'\\''s'");
  rmSync(path);
  mkdirSync(path);
  writeGrafanaEnvironment(dataDir, { port: 8123, password: 'p' }, logger);
  expect(said).toEqual(['cannot write the environment of Grafana']);
});
