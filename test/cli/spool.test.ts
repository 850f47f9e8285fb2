import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { DataDirLock } from '../../src/spool/data-dir-lock.js';
import { createFileLocker } from '../../src/spool/file-locker.js';
import { nodeFileSystem } from '../../src/spool/file-system.js';
import { InsertNoteFile } from '../../src/spool/insert-note-file.js';
import { append, settle, startSpoolOn } from '../support/spool-rig.js';
import { tempDir } from '../support/temp-dir.js';

const script = fileURLToPath(packageFile('dist/src/cli/tidemark.js'));

function spoolCommand(dataDir: string, ...args: readonly string[]) {
  const env = { PATH: process.env.PATH, TIDEMARK_DATA_DIR: dataDir };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, 'spool', ...args], { env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** A data directory with one quarantined segment of two rows; returns its id. */
async function quarantinedIn(dataDir: string): Promise<string> {
  const { spool, clock } = await startSpoolOn(nodeFileSystem, { directory: join(dataDir, 'spool') });
  await append(spool, { rows: 2 });
  clock.advance(10_000);
  await expect.poll(() => spool.peek()).not.toBeNull();
  const { id } = spool.peek()!;
  await spool.quarantine(id, 'store_rejected', null);
  await spool.stop(1_000);
  return id;
}

test('the command lists what is quarantined and puts it back for the next start', async () => {
  const dataDir = tempDir();
  const id = await quarantinedIn(dataDir);
  const listed = spoolCommand(dataDir, 'list');
  expect(listed).toMatchObject({ status: 0, stderr: '' });
  expect(listed.stdout).toMatch(new RegExp(`^${id}  store_rejected  2 rows  \\d+ bytes  received 2026-.*  intact\n$`));
  const [described] = JSON.parse(spoolCommand(dataDir, 'list', '--json').stdout);
  expect(described).toMatchObject({ id, rows: 2, damage: null, first_received: '2026-01-15T12:00:00.000Z' });

  expect(spoolCommand(dataDir, 'restore', id)).toMatchObject({ status: 0, stdout: expect.stringContaining('2 rows') });
  expect(spoolCommand(dataDir, 'list')).toMatchObject({ status: 0, stdout: '' });
  const { spool } = await startSpoolOn(nodeFileSystem, { directory: join(dataDir, 'spool') });
  await expect.poll(() => spool.peek()?.id).toBe(id);
  await spool.release(id);
  await settle();
  await spool.stop(1_000);
});

test('the command sets a segment aside that waits, and says how to have it back', async () => {
  const dataDir = tempDir();
  const directory = join(dataDir, 'spool');
  const { spool, clock } = await startSpoolOn(nodeFileSystem, { directory });
  const notes = new InsertNoteFile({ fileSystem: nodeFileSystem, foundSegments: () => 0 }, directory);
  await notes.start();
  await append(spool, { rows: 3 });
  clock.advance(10_000);
  await expect.poll(() => spool.peek()).not.toBeNull();
  const { id } = spool.peek()!;
  await spool.stop(1_000);
  await notes.stop();

  const put = spoolCommand(dataDir, 'quarantine', id);
  expect(put).toEqual({
    status: 0,
    stderr: '',
    stdout: `segment ${id} (3 rows) is set aside; tidemark spool replay ${id} puts it back\n`,
  });
  expect(spoolCommand(dataDir, 'quarantine').stdout).toMatch(new RegExp(`^${id}  by_hand  3 rows .* intact\n$`));
  const again = spoolCommand(dataDir, 'quarantine', id);
  expect(again).toMatchObject({ status: 2, stderr: expect.stringContaining('no such segment waits') });
  expect(spoolCommand(dataDir, 'replay', id)).toMatchObject({ status: 0 });
  expect(JSON.parse(spoolCommand(dataDir, 'quarantine', id, '--json').stdout)).toEqual({ id, rows: 3 });
});

test('a damaged segment is not put back: code 1, and what is wrong', async () => {
  const dataDir = tempDir();
  const id = await quarantinedIn(dataDir);
  const path = join(dataDir, 'spool', `${id}.data.quarantined`);
  const data = readFileSync(path);
  data[3]! ^= 1;
  writeFileSync(path, data);
  expect(spoolCommand(dataDir, 'restore', id)).toMatchObject({ status: 1, stderr: expect.stringContaining('byte 0') });
  expect(spoolCommand(dataDir, 'list').stdout).toContain('are damaged');
});

test('while a collector has the data directory the command does nothing', async () => {
  const dataDir = tempDir();
  const id = await quarantinedIn(dataDir);
  const lock = new DataDirLock({ locker: createFileLocker({ lock: null }) }, dataDir);
  await lock.start();
  for (const args of [['list'], ['restore', id]]) {
    const run = spoolCommand(dataDir, ...args);
    expect(run).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('cannot lock data directory') });
  }
  await lock.stop();
  expect(spoolCommand(dataDir, 'list').stdout).toContain(id);
});

test('what cannot be done ends with code 2 and says why', async () => {
  const dataDir = tempDir();
  expect(spoolCommand(dataDir, 'list')).toMatchObject({ status: 2, stderr: expect.stringContaining('cannot find') });
  await quarantinedIn(dataDir);
  expect(spoolCommand(dataDir)).toMatchObject({ status: 2, stderr: expect.stringContaining('usage:') });
  for (const args of [['restore'], ['list', 'more'], ['drop', 'x']]) {
    const refused = { status: 2, stdout: '', stderr: expect.stringMatching(/^tidemark: .*; see tidemark spool .*\n$/) };
    expect(spoolCommand(dataDir, ...args)).toMatchObject(refused);
  }
  const unknown = spoolCommand(dataDir, 'restore', 'not-an-id');
  expect(unknown).toMatchObject({ status: 2, stderr: expect.stringContaining('no such segment is quarantined') });
});

test('segments are listed and verified while they wait and when they lie aside, also beside a collector', async () => {
  const dataDir = tempDir();
  const id = await quarantinedIn(dataDir);
  const aside = JSON.parse(spoolCommand(dataDir, 'ls', '--json').stdout);
  expect(aside).toMatchObject([{ id, state: 'quarantined', rows: 2, reason: 'store_rejected', damage: null }]);
  spoolCommand(dataDir, 'replay', id);
  const lock = new DataDirLock({ locker: createFileLocker({ lock: null }) }, dataDir);
  await lock.start();
  const listed = spoolCommand(dataDir, 'ls');
  expect(listed.stdout).toMatch(new RegExp(`^segment .*\n${id} +waiting +2 +[\\d,]+ +2026-01-15 `));
  const beside = JSON.parse(spoolCommand(dataDir, 'verify', '--json').stdout);
  expect(beside).toMatchObject({ segments: 1, rows: 2, damaged: [], collector_runs: true });
  await lock.stop();
  const sound = spoolCommand(dataDir, 'verify');
  expect(sound).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^1 segments, 2 rows, .*\nnothing is damaged\n$/),
  });

  const path = join(dataDir, 'spool', `${id}.data`);
  const data = readFileSync(path);
  data[3]! ^= 1;
  writeFileSync(path, data);
  const found = spoolCommand(dataDir, 'verify');
  expect(found).toMatchObject({ status: 1, stdout: expect.stringContaining(`${id}: the rows at byte 0`) });
  expect(spoolCommand(tempDir(), 'verify')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('cannot find a spool'),
  });
});
