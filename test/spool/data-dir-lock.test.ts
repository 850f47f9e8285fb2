import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { CollectorError } from '../../src/core/errors.js';
import { DataDirLock } from '../../src/spool/data-dir-lock.js';
import { FakeClock } from '../support/fake-clock.js';
import { tempDir } from '../support/temp-dir.js';

const fileName = 'collector.lock';

function lockFile(directory: string): { host: Record<string, string>; pid: number; started: string; token: string } {
  return JSON.parse(readFileSync(join(directory, fileName), 'utf8'));
}

async function take(directory: string): Promise<DataDirLock> {
  const lock = new DataDirLock({ clock: systemClock }, directory);
  onTestFinished(() => lock.stop());
  await lock.start();
  return lock;
}

test('a second collector on a data directory is refused, and told which directory and who has it', async () => {
  const directory = join(tempDir(), 'data');
  const first = await take(directory);
  const error = await take(directory).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(CollectorError);
  expect(error).toMatchObject({ code: 'data_dir_locked', retryable: false });
  expect(String(error)).toContain(directory);
  expect(String(error)).toContain(`process ${process.pid}`);
  await first.stop();
  await first.stop();
  await take(directory);
});

test('of many that start at once, one gets the directory', async () => {
  const directory = tempDir();
  const results = await Promise.allSettled(Array.from({ length: 12 }, () => take(directory)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('of many that find a stale lock at once, one gets the directory', async () => {
  const directory = tempDir();
  await writeStale(directory, { started: '1' });
  const results = await Promise.allSettled(Array.from({ length: 12 }, () => take(directory)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(readdirSync(directory)).toEqual([fileName]);
});

/** A lock as a process that no longer lives would have left it. */
async function writeStale(directory: string, change: object): Promise<void> {
  const lock = await take(directory);
  const content = lockFile(directory);
  await lock.stop();
  writeFileSync(join(directory, fileName), JSON.stringify({ ...content, token: 'gone', ...change }));
}

test('a lock whose process was killed does not block the next start', async () => {
  const directory = tempDir();
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")']);
  await once(child.stdout, 'data');
  const started = readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[19];
  await writeStale(directory, { pid: child.pid, started });
  await expect(take(directory)).rejects.toMatchObject({ code: 'data_dir_locked' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await take(directory);
});

test('a process id that was given to another process does not count as the holder', async () => {
  const directory = tempDir();
  await writeStale(directory, { pid: process.pid, started: '1' });
  await take(directory);
  expect(lockFile(directory).pid).toBe(process.pid);
});

test('a lock from before a reboot of this machine is stale', async () => {
  const directory = tempDir();
  await writeStale(directory, { host: { name: hostname(), boot: 'an-earlier-one', namespace: 'pid:[1]' } });
  await take(directory);
});

/** Takes the lock by a clock that runs fast, with `eachBeat` called twice a second of it. */
async function takeWatching(directory: string, eachBeat: () => void): Promise<DataDirLock> {
  const clock = new FakeClock();
  const lock = new DataDirLock({ clock }, directory);
  onTestFinished(() => lock.stop());
  let settled = false;
  const taking = lock.start().finally(() => {
    settled = true;
  });
  taking.catch(() => {});
  while (!settled) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    eachBeat();
    clock.advance(500);
  }
  await taking;
  return lock;
}

const elsewhere = { name: 'another-host', boot: 'another-boot', namespace: 'pid:[1]' };

test('a lock of another container or machine is watched: it is stale when nobody touches it', async () => {
  const directory = tempDir();
  await writeStale(directory, { host: elsewhere });
  await takeWatching(directory, () => {});
  expect(lockFile(directory).host.name).toBe(hostname());
});

test('a lock of another container or machine that is touched is held', async () => {
  const directory = tempDir();
  await writeStale(directory, { host: elsewhere });
  let beats = 0;
  const touch = () => {
    if (++beats % 4 === 0) writeFileSync(join(directory, fileName), readFileSync(join(directory, fileName)));
  };
  await expect(takeWatching(directory, touch)).rejects.toMatchObject({ code: 'data_dir_locked' });
});

test('a torn lock file is watched like a foreign one', async () => {
  const directory = tempDir();
  writeFileSync(join(directory, fileName), '{"pid":');
  await takeWatching(directory, () => {});
});

test('stopping leaves a lock alone that another process has taken over', async () => {
  const directory = tempDir();
  const lock = await take(directory);
  const other = { ...lockFile(directory), token: 'another' };
  writeFileSync(join(directory, fileName), JSON.stringify(other));
  await lock.stop();
  expect(lockFile(directory).token).toBe('another');
});
