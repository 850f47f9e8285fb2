import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tryLoadFileLock } from '../../src/clickhouse/embedded/sandbox/native-calls.js';
import { CollectorError } from '../../src/core/errors.js';
import { DataDirLock, lockHolder } from '../../src/spool/data-dir-lock.js';
import { createFileLocker, type FileLockerOptions } from '../../src/spool/file-locker.js';
import { holdLock } from '../support/lock-holder.js';
import { tempDir } from '../support/temp-dir.js';

const fileName = 'collector.lock';
const call = tryLoadFileLock();

async function take(directory: string, options: Partial<FileLockerOptions> = {}): Promise<DataDirLock> {
  const lock = new DataDirLock({ locker: createFileLocker({ lock: call, ...options }) }, directory);
  onTestFinished(() => lock.stop());
  await lock.start();
  return lock;
}

function refusal(directory: string, options: Partial<FileLockerOptions> = {}): Promise<CollectorError> {
  return take(directory, options).then(
    () => {
      throw new Error('the lock was taken');
    },
    (error: CollectorError) => error,
  );
}

test('a second collector on a data directory is refused, and told which directory and who has it', async () => {
  const directory = join(tempDir(), 'data');
  const first = await take(directory);
  const error = await refusal(directory);
  expect(error).toBeInstanceOf(CollectorError);
  expect(error).toMatchObject({ code: 'data_dir_locked', retryable: false });
  expect(error.message).toContain(`${directory}: process ${process.pid} on ${hostname()} uses it; stop it or choose`);
  await first.stop();
  await first.stop();
  expect(readFileSync(join(directory, fileName), 'utf8')).toBe('');
  await take(directory);
});

const foreign = { name: 'another-host', boot: 'another-boot', namespace: 'pid:[1]' };
const contents: Readonly<Record<string, string>> = {
  empty: '',
  torn: '{"pid":',
  'no text': '\0\xff\x1b[2J\n'.repeat(100),
  'of another kind': '[]',
  'of another host': JSON.stringify({ token: 'x', pid: 1, started: '1', host: foreign }),
  'of this process': JSON.stringify({ pid: process.pid, host: hostname() }),
  large: 'x'.repeat(1_048_576),
};

test.each(Object.entries(contents))('a lock file that is %s keeps nobody out', async (_what, content) => {
  const directory = tempDir();
  writeFileSync(join(directory, fileName), content, 'latin1');
  await take(directory);
  expect(JSON.parse(readFileSync(join(directory, fileName), 'utf8'))).toEqual({ pid: process.pid, host: hostname() });
});

test.each(Object.entries(contents))('a refusal is one line while the lock file is %s', async (_what, content) => {
  const directory = tempDir();
  await take(directory);
  writeFileSync(join(directory, fileName), content, 'latin1');
  const { code, message } = await refusal(directory);
  expect([code, /^[\x20-\x7e]+$/.test(message)]).toEqual(['data_dir_locked', true]);
});

const strangers: Readonly<Record<string, (path: string) => void>> = {
  'a directory': (path) => mkdirSync(path),
  'a symbolic link': (path) => symlinkSync('/dev/null', path),
  'no file': (path) => spawnSync('mkfifo', [path]),
};

test.each(Object.entries(strangers))('a lock that is %s is refused with what to do', async (what, make) => {
  const directory = tempDir();
  make(join(directory, fileName));
  const { code, message } = await refusal(directory);
  expect(code).toBe('data_dir_unusable');
  expect(message).toBe(`cannot lock ${join(directory, fileName)}: it is ${what}; remove it`);
  rmSync(join(directory, fileName), { recursive: true });
  await take(directory);
});

test('a data directory that cannot be made is refused with what to do', async () => {
  const file = join(tempDir(), 'file');
  writeFileSync(file, '');
  for (const directory of [file, join(file, 'data')]) {
    const { code, message } = await refusal(directory);
    expect([code, message]).toEqual([
      'data_dir_unusable',
      expect.stringMatching(/: E\w+: .*; choose another TIDEMARK_/),
    ]);
  }
});

test.skipIf(call === null || !existsSync('/proc/locks'))(
  'who asks hears which process has the lock, and when nobody has',
  async () => {
    const [held, free] = [tempDir(), tempDir()];
    const lock = await take(held);
    const other = await take(free);
    expect(lockHolder(join(held, fileName))).toBe(process.pid);
    await other.stop();
    expect(lockHolder(join(free, fileName))).toBe(false);
    expect(lockHolder(join(held, fileName))).toBe(process.pid);
    await lock.stop();
    expect(lockHolder(join(held, fileName))).toBe(false);
    expect(lockHolder(join(held, 'no-such-file'))).toBeNull();
  },
);

test('removing the lock file of a running collector lets nobody in', async () => {
  const directory = tempDir();
  await take(directory);
  rmSync(join(directory, fileName));
  expect((await refusal(directory)).code).toBe('data_dir_locked');
});

test('of many processes that start at once, one gets the directory', async () => {
  const directory = tempDir();
  for (let round = 0; round < 3; round++) {
    const holders = await Promise.all(Array.from({ length: 8 }, () => holdLock(directory)));
    expect(holders.map(({ said }) => said).sort()).toEqual([...Array(7).fill('data_dir_locked'), 'held']);
    for (const holder of holders) await holder.kill();
  }
});

test('a killed process frees the directory at once, though a child of it lives on', async () => {
  const directory = tempDir();
  const holder = await holdLock(directory);
  expect((await refusal(directory)).code).toBe('data_dir_locked');
  await holder.kill();
  await take(directory);
  process.kill(holder.childPid, 0);
});

const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--net', '--ipc', '--mount-proc', '--uts'];
const canUnshare = process.platform === 'linux' && spawnSync(unshare[0]!, [...unshare.slice(1), 'true']).status === 0;

test.skipIf(!canUnshare)(
  `containers on one volume hold each other out${canUnshare ? '' : ' (needs root on Linux)'}`,
  async () => {
    const directory = tempDir();
    const renamed = [...unshare, 'sh', '-c', 'hostname container && exec "$@"', 'sh'];
    const inside = await holdLock(directory, renamed);
    expect([inside.said, (await holdLock(directory, renamed)).said]).toEqual(['held', 'data_dir_locked']);
    expect((await refusal(directory)).message).toMatch(/process \d on container uses it/);
    await inside.kill();
    await expect.poll(() => take(directory).then(() => 'held', String)).toBe('held');
    expect((await holdLock(directory, renamed)).said).toBe('data_dir_locked');
  },
);

const hasProgram = spawnSync('flock', ['--version']).error === undefined;

test.skipIf(!hasProgram || call === null)('the program flock and the call hold each other out', async () => {
  const directory = tempDir();
  const byProgram = await take(directory, { lock: null });
  expect([(await refusal(directory)).code, (await refusal(directory, { lock: null })).code]).toEqual([
    'data_dir_locked',
    'data_dir_locked',
  ]);
  await byProgram.stop();
  await take(directory);
  expect((await refusal(directory, { lock: null })).code).toBe('data_dir_locked');
});

test('without a call and without the program nothing runs unlocked', async () => {
  const directory = tempDir();
  const { code, message } = await refusal(directory, { lock: null, program: 'no-such-program' });
  expect(code).toBe('data_dir_unusable');
  expect(message).toMatch(/neither the optional package @koromix\/koffi-\S+ nor the program flock .* install one/);
  const failing = await refusal(directory, { lock: null, program: 'node' });
  expect(failing.message).toContain('the program flock failed: ');
});

test('a file system on which every lock is a success is refused', async () => {
  const { code, message } = await refusal(tempDir(), { lock: () => true });
  expect([code, message]).toEqual(['data_dir_unusable', expect.stringContaining('its file system keeps no locks')]);
});

test('a file system that refuses to lock is named with its reason', async () => {
  const lock = () => {
    throw new Error('cannot lock a file: ENOLCK');
  };
  const { code, message } = await refusal(tempDir(), { lock });
  expect([code, message]).toEqual(['data_dir_unusable', expect.stringContaining('ENOLCK')]);
});
