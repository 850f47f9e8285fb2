import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CollectorProcess } from '../support/collector-process.js';
import { installWithLibrary } from '../support/other-library.js';
import { refusedStart } from '../support/refused-start.js';
import { fill, hasDisk, smallDisk } from '../support/small-disk.js';
import { tempDir } from '../support/temp-dir.js';

/** What somebody meets who starts it for the first time: one line that says what to do, and an exit code. */

const ports = { TIDEMARK_PORT: '0', TIDEMARK_CLICKHOUSE_PORT: '0' };
const isRoot = process.getuid?.() === 0;
const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
const server = 'set TIDEMARK_CLICKHOUSE_URL to a ClickHouse server';

test.runIf(hasDisk)('on a full disk the start says which file could not be written, and to free some', async () => {
  const disk = smallDisk(262_144);
  fill(disk);
  const dataDir = join(disk, 'data');
  const { code, stderr, stdout } = await refusedStart({ ...ports, TIDEMARK_DATA_DIR: dataDir });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(
    /^tidemark: cannot write \S+: ENOSPC: .*; no space is left on the disk: free some, .*DATA_DIR\n$/,
  );
});

test.runIf(hasDisk)('a disk that is full at a later start is named as well, and freeing some is enough', async () => {
  const disk = smallDisk(1_048_576);
  const env = { ...ports, TIDEMARK_DATA_DIR: join(disk, 'data'), TIDEMARK_CLICKHOUSE_URL: 'http://127.0.0.1:9' };
  expect((await refusedStart(env)).stdout).toContain('is listening on');
  fill(disk);
  const refused = await refusedStart(env);
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toMatch(
    /^tidemark: cannot open spool \S+: ENOSPC: .*; no space is left on the disk: free some/,
  );
  expect(refused.stderr.trim().split('\n')).toHaveLength(1);
  rmSync(join(disk, 'filling'));
  expect((await refusedStart(env)).stdout).toContain('is listening on');
});

test.runIf(isRoot && existsSync('/usr/bin/setpriv'))('a data directory of somebody else is told as such', async () => {
  const dataDir = join(tempDir(), 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  chownSync(dataDir, 1, 1);
  chmodSync(join(dataDir, '..'), 0o755);
  const { code, stderr } = await refusedStart({ ...ports, TIDEMARK_DATA_DIR: dataDir }, { by: asNobody });
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(
      /^tidemark: cannot write to data directory \S+: EACCES: .*; give it to the user who runs the collector .*\n$/,
    ),
  ]);
});

test('a data directory that a newer version has used is left as it is', async () => {
  const dataDir = tempDir();
  writeFileSync(join(dataDir, 'format.json'), '{"format":2,"version":"7.1.0"}');
  const { code, stderr, stdout } = await refusedStart({ ...ports, TIDEMARK_DATA_DIR: dataDir });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(
    /^tidemark: cannot use data directory \S+: Tidemark 7\.1\.0 wrote it \(format 2\), which is newer/,
  );
  expect(stderr).toMatch(/; start that version again, or choose another TIDEMARK_DATA_DIR\n$/);
  expect(existsSync(join(dataDir, 'spool'))).toBe(false);
});

test("without the engine's library a start ends at once and names the way on", async () => {
  const program = join(installWithLibrary(tempDir(), null), 'src/main.js');
  const dataDir = join(tempDir(), 'data');
  const { code, stderr, stdout } = await refusedStart({ ...ports, TIDEMARK_DATA_DIR: dataDir }, { program });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(
    /^tidemark: cannot start the embedded engine: its library for \S+ \S+ does not load: it is not/,
  );
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain(server);
});

const broken: Readonly<Record<string, readonly [string, string, string]>> = {
  'a processor it was not built for': [
    "process.kill(process.pid, 'SIGILL');",
    'this processor lacks instructions',
    'run it on a newer processor',
  ],
  'a C library it was not built for': [
    "throw new Error('version `GLIBC_2.99 not found');",
    'GLIBC_2.99 not found',
    'install it again with its optional packages (npm ci)',
  ],
};

test.each(Object.entries(broken))(
  'an engine whose library meets %s is told in one line, and events are taken all the same',
  async (_what, [source, cause, advice]) => {
    const program = join(installWithLibrary(tempDir(), source), 'src/main.js');
    const collector = new CollectorProcess({ dataDir: join(tempDir(), 'data'), program });
    onTestFinished(async () => void (await collector.stop()));
    await collector.start();
    const told = () => collector.output.split('\n').find((line) => /"level":"(warn|error)".*librar/.test(line));
    await expect.poll(told).toContain(cause);
    expect(told()).toContain(advice);
    expect(told()).toContain(server);
    expect(collector.output).toContain('is listening on');
  },
);
