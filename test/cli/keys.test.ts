import { execFile, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tryLoadFileLock } from '../../src/clickhouse/embedded/sandbox/native-calls.js';
import { systemClock } from '../../src/core/clock.js';
import { packageFile } from '../../src/core/package-root.js';
import { createApiKeys } from '../../src/ingest/api-keys.js';
import { adminKeyPath } from '../../src/ingest/key-file.js';
import { createFileLocker } from '../../src/spool/file-locker.js';
import { FakeClock } from '../support/fake-clock.js';
import { tempDir } from '../support/temp-dir.js';

const script = fileURLToPath(packageFile('dist/src/cli/tidemark.js'));

const locker = createFileLocker({ lock: tryLoadFileLock() });

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function keys(dataDir: string, ...args: readonly string[]): Run {
  const env = { PATH: process.env.PATH, TIDEMARK_DATA_DIR: dataDir };
  return spawnSync(process.execPath, [script, 'keys', ...args], { env, encoding: 'utf8' });
}

function start(dataDir: string, clock = new FakeClock()): ReturnType<typeof createApiKeys> {
  return createApiKeys({ clock, locker }, { dataDir, keysFromConfig: [], contentTenants: [] });
}

test('a key added by the command line is accepted by a running collector, and revoked again', () => {
  const dataDir = tempDir();
  const clock = new FakeClock();
  const running = start(dataDir, clock);

  const added = keys(dataDir, 'add', '--tenant', 'acme', '--scope', 'ingest+read');
  expect(added).toMatchObject({ status: 0, stdout: expect.stringMatching(/^tdm_[0-9a-f]{48}\n$/) });
  const header = `Bearer ${added.stdout.trim()}`;
  clock.advance(1_000);
  expect(running.authenticate(header, 'read')).toMatchObject({ tenant: 'acme' });
  expect(running.authenticate(header, 'admin')).toBe('scope_missing');

  const listed = keys(dataDir, 'list').stdout.trim().split('\n');
  expect(listed).toEqual([
    expect.stringMatching(/ {2}default {2}admin$/),
    expect.stringMatching(/ {2}acme {2}ingest\+read$/),
  ]);
  expect(keys(dataDir, 'revoke', listed[1]?.slice(0, 8) ?? '')).toMatchObject({ status: 0 });
  clock.advance(1_000);
  expect(running.authenticate(header, 'read')).toBe('key_invalid');
  const adminKey = readFileSync(adminKeyPath(dataDir), 'utf8').trim();
  expect(running.authenticate(`Bearer ${adminKey}`, 'admin')).toMatchObject({ tenant: 'default' });
});

test('a key may be bound to a user, with the scopes of one', () => {
  const dataDir = tempDir();
  const clock = new FakeClock();
  const running = start(dataDir, clock);
  const added = keys(dataDir, 'add', '--tenant', 'acme', '--scope', 'ingest+read', '--user', 'ann');
  expect(added).toMatchObject({ status: 0, stderr: expect.stringContaining('of tenant acme, user ann') });
  clock.advance(1_000);
  const principal = running.authenticate(`Bearer ${added.stdout.trim()}`, 'ingest');
  expect(principal).toMatchObject({ tenant: 'acme', user: 'ann' });
  expect(keys(dataDir, 'list').stdout).toMatch(/ {2}acme {2}ingest\+read {2}user ann\n$/);
  for (const args of [
    ['--scope', 'admin', '--user', 'ann'],
    ['--scope', 'read+metrics', '--user', 'ann'],
  ]) {
    const refused = keys(dataDir, 'add', '--tenant', 'acme', ...args);
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('cannot store the key') });
  }
  const unnamed = keys(dataDir, 'add', '--tenant', 'acme', '--scope', 'read', '--user', '');
  expect(unnamed).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('cannot use --user: its value is empty'),
  });
});

test('what cannot be done ends with code 2, says why and changes nothing', () => {
  const dataDir = tempDir();
  expect(keys(dataDir, 'list')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('start the collector once'),
  });
  start(dataDir);
  const before = keys(dataDir, 'list').stdout;
  expect(keys(dataDir)).toMatchObject({ status: 2, stderr: expect.stringContaining('usage:') });
  expect(keys(dataDir, 'revoke', 'deadbeef')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('no such key'),
  });
  const refused = keys(dataDir, 'add', '--tenant', 'a b', '--scope', 'read');
  expect(refused).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('tenant: ') });
  expect(keys(dataDir, 'add', '--tenant', 'a', '--scope', 'write')).toMatchObject({ status: 2, stdout: '' });
  expect(keys(dataDir, 'list').stdout).toBe(before);
});

test('what the command line and a running collector change at the same time is all there', async () => {
  const dataDir = tempDir();
  const running = createApiKeys({ clock: systemClock, locker }, { dataDir, keysFromConfig: [], contentTenants: [] });
  const add = (tenant: string) =>
    promisify(execFile)(process.execPath, [script, 'keys', 'create', '--tenant', tenant, '--scope', 'read'], {
      env: { PATH: process.env.PATH, TIDEMARK_DATA_DIR: dataDir },
    });
  let isDone = false;
  const added = Promise.all(['a', 'b', 'c'].map(add)).finally(() => {
    isDone = true;
  });
  let made = 0;
  while (!isDone) {
    await running.create({ tenant: 'acme', scopes: ['read'], user: null });
    made += 1;
    await setTimeout(2);
  }
  await added;
  expect(await running.list('acme')).toHaveLength(made);
  expect(keys(dataDir, 'list').stdout.trim().split('\n')).toHaveLength(1 + 3 + made);
});

test('a key is bounded and rotated by the command line, and a running collector follows', () => {
  const dataDir = tempDir();
  const clock = new FakeClock(Date.now());
  const running = start(dataDir, clock);
  const made = keys(dataDir, 'create', '--tenant', 'acme', '--scope', 'ingest', '--events-per-second', '500');
  const name = /^key (\w+) /.exec(made.stderr)![1]!;
  expect(keys(dataDir, 'list').stdout).toContain(`${name}  `);
  expect(keys(dataDir, 'list').stdout).toContain('acme  ingest  eventsPerSecond 500');
  const limited = keys(dataDir, 'limit', name, '--events-per-day', '1000');
  expect(limited).toMatchObject({ status: 0, stderr: `key ${name}:  eventsPerDay 1000\n` });
  const rotated = keys(dataDir, 'rotate', name, '--overlap-minutes', '60');
  expect(rotated).toMatchObject({ status: 0, stdout: expect.stringMatching(/^tdm_[0-9a-f]{48}\n$/) });
  expect(rotated.stderr).toContain(`key ${name} has a new secret, shown this once; the old one is good until `);
  clock.advance(1_000);
  const [old, fresh] = [made, rotated].map(({ stdout }) => `Bearer ${stdout.trim()}`);
  const limits = { eventsPerSecond: null, bytesPerSecond: null, requestsPerSecond: null, eventsPerDay: 1_000 };
  for (const header of [old, fresh])
    expect(running.authenticate(header, 'ingest')).toMatchObject({ keyName: name, limits });
  const listed = keys(dataDir, 'list', '--json').stdout;
  expect(listed).not.toMatch(/sha256|[0-9a-f]{64}/);
  // The command has the system's clock, which went on meanwhile.
  clock.advance(3_700_000);
  expect([running.authenticate(old, 'ingest'), running.authenticate(fresh, 'ingest')]).toEqual([
    'key_rotated',
    expect.objectContaining({ keyName: name }),
  ]);
  expect(keys(dataDir, 'rotate', 'none').stderr).toContain('cannot rotate none: no such key');
});

test('what the command line does to keys is in the audit log, with the user of the system and no secret', () => {
  const dataDir = tempDir();
  start(dataDir);
  const made = keys(dataDir, 'create', '--tenant', 'acme', '--scope', 'ingest+read');
  const name = /^key (\w+) /.exec(made.stderr)![1]!;
  keys(dataDir, 'limit', name, '--events-per-day', '7');
  keys(dataDir, 'rotate', name, '--overlap-minutes', '0');
  keys(dataDir, 'revoke', name);
  const env = { PATH: process.env.PATH, TIDEMARK_DATA_DIR: dataDir };
  const audit = (...words: string[]) =>
    spawnSync(process.execPath, [script, 'audit', ...words], { env, encoding: 'utf8' }).stdout;
  const told = (JSON.parse(audit('--json')) as Record<string, unknown>[]).map(({ at: _at, actor, ...entry }) => {
    expect(actor).toMatch(/^local:./);
    return entry;
  });
  const entry = { outcome: 'done', tenant: 'acme', address: null };
  expect(told).toEqual([
    { ...entry, action: 'createKey', what: { name, scopes: 'ingest+read' } },
    { ...entry, action: 'limitKey', what: { name, eventsPerDay: 7 } },
    { ...entry, action: 'rotateKey', what: { name, overlap_seconds: 0 } },
    { ...entry, action: 'revokeKey', what: { name } },
  ]);
  expect(audit('--limit', '1')).toMatch(new RegExp(`  revokeKey  done  acme  local:\\S+  -  name=${name}\\n$`));
  expect(readFileSync(join(dataDir, 'audit.log'), 'utf8')).not.toContain('tdm_');
});

test('damage to the audit log is told by the command that reads it, and by the one that wanted to write it', () => {
  const dataDir = tempDir();
  start(dataDir);
  const env = { PATH: process.env.PATH, TIDEMARK_DATA_DIR: dataDir };
  const audit = () => spawnSync(process.execPath, [script, 'audit', '--json'], { env, encoding: 'utf8' });
  keys(dataDir, 'create', '--tenant', 'acme', '--scope', 'ingest');
  appendFileSync(join(dataDir, 'audit.log'), '{"at":"2026-01-15T1\nnonsense\n');
  expect(JSON.parse(audit().stdout)).toHaveLength(1);
  expect(audit().stderr).toContain('passed over, as they are no entries: 2 lines of');
  rmSync(join(dataDir, 'audit.log'));
  mkdirSync(join(dataDir, 'audit.log'));
  expect(audit()).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('cannot read') });
  const made = keys(dataDir, 'create', '--tenant', 'acme', '--scope', 'ingest');
  expect(made).toMatchObject({ status: 0, stdout: expect.stringMatching(/^tdm_/) });
  expect(made.stderr).toContain('it is done, but not in the audit log: EISDIR');
});

test('a file of the audit log that cannot be put aside is said, and the entry is in it', () => {
  const dataDir = tempDir();
  start(dataDir);
  const line = `${JSON.stringify({ padding: 'x'.repeat(1_048_576) })}\n`;
  writeFileSync(join(dataDir, 'audit.log'), line);
  mkdirSync(join(dataDir, 'audit.7.log'));
  writeFileSync(join(dataDir, 'audit.6.log'), '');
  const made = keys(dataDir, 'create', '--tenant', 'acme', '--scope', 'ingest');
  expect(made.stderr).toContain('it is done and in the audit log, which grows: cannot put');
  expect(readFileSync(join(dataDir, 'audit.log'), 'utf8').slice(line.length)).toContain('"action":"createKey"');
});
