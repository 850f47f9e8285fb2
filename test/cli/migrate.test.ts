import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

const script = fileURLToPath(packageFile('dist/src/cli/tidemark.js'));

function migrate(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [script, 'migrate', ...args], {
    env: { PATH: process.env.PATH, TIDEMARK_DATA_DIR: tempDir(), ...env },
    encoding: 'utf8',
  });
}

test.each([[['--down', '0']], [['--down', 'all']], [['--up']], [['now']]])('%j is refused with code 2', (args) => {
  expect(migrate({}, ...args)).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(/^tidemark: .*; see tidemark migrate --help\n$/),
  });
});

test('a configuration with problems is refused with code 2', () => {
  const { status, stderr } = migrate({ TIDEMARK_CLICKHOUSE_URL: 'store:8123' }, '--dry-run');
  expect(status).toBe(2);
  expect(stderr).toContain('TIDEMARK_CLICKHOUSE_URL');
});

test('a store that is away ends with code 1 and says so', () => {
  // Port 1 of the loopback refuses connections: it is reserved and nothing here listens on it.
  const { status, stdout, stderr } = migrate({ TIDEMARK_CLICKHOUSE_URL: 'http://127.0.0.1:1' });
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^tidemark: cannot /);
});

test('an embedded engine without a data directory is told apart from one that is away', () => {
  const { status, stderr } = migrate({ TIDEMARK_DATA_DIR: `${tempDir()}/none` });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^tidemark: cannot find .*none: start the collector/);
});

test('the newest migration is shown, taken back and applied again on a running collector', async () => {
  const storePort = String(await freePort());
  const dataDir = tempDir();
  const env = { TIDEMARK_DATA_DIR: dataDir, TIDEMARK_CLICKHOUSE_PORT: storePort };
  const collector = new CollectorProcess({ dataDir, env });
  await collector.start();
  try {
    await expect.poll(() => migrate(env, '--dry-run').stdout).toMatch(/^nothing to do at /);
    const newest = readdirSync(packageFile('clickhouse/migrations/')).sort().at(-1) ?? '';
    const shown = migrate(env, '--down', '1', '--dry-run');
    expect(shown).toMatchObject({ status: 0, stderr: '' });
    expect(shown.stdout).toMatch(new RegExp(`^would take back ${newest}\n(DROP|ALTER) `));
    expect(migrate(env, '--down', '1').stdout).toBe(`took back ${newest}\n`);
    expect(migrate(env, '--dry-run').stdout).toMatch(new RegExp(`^would apply ${newest}\n(CREATE|ALTER) `));
    expect(migrate(env).stdout).toBe(`applied ${newest}\n`);
    expect(migrate(env).stdout).toBe(`nothing to do at http://127.0.0.1:${storePort}\n`);
  } finally {
    await collector.stop();
  }
});
