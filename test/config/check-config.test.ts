import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { tempDir } from '../support/temp-dir.js';

const main = fileURLToPath(packageFile('dist/src/main.js'));

function run(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): SpawnSyncReturns<string> & { cwd: string } {
  const cwd = tempDir();
  const result = spawnSync(process.execPath, [main, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
  });
  return { ...result, cwd };
}

test('--check-config prints what is in force, secrets masked, and starts nothing', () => {
  const { status, stdout, cwd } = run(
    { TIDEMARK_PORT: '7100', TIDEMARK_API_KEYS: `${'k'.repeat(20)}:a:read` },
    '--check-config',
  );
  expect(JSON.parse(stdout)).toMatchObject({ port: 7100, apiKeys: '********', spool: { groupAgeMsMax: 2 } });
  expect(status).toBe(0);
  expect(readdirSync(cwd)).toEqual([]);
});

test('a start with problems lists them all, ends with code 2 and starts nothing', () => {
  const { status, stdout, stderr, cwd } = run(
    { TIDEMARK_PORT: 'x', TIDEMARK_CONFIG: 'missing.json', TIDEMARK_HOTS: 'a' },
    '--frob',
  );
  expect(status).toBe(2);
  expect(stdout).toBe('');
  for (const name of ['TIDEMARK_PORT', 'missing.json', 'TIDEMARK_HOST?', '--frob']) expect(stderr).toContain(name);
  expect(readdirSync(cwd)).toEqual([]);
});
