import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { tempDir } from '../support/temp-dir.js';

const isPosix = process.platform !== 'win32';

const built = packageFile('dist/src/spool/reserved-file-system.js').href;

/** A process that may open few files, and opens as many as it may before each of `steps`. */
function starved(directory: string, steps: string): Record<string, string> {
  const program = `
    import { openSync, closeSync } from 'node:fs';
    const { createReservedFileSystem } = await import('${built}');
    const disk = createReservedFileSystem(4);
    const taken = [];
    const takeAll = () => { try { for (;;) taken.push(openSync('/dev/null')); } catch {} };
    const give = (count) => { for (const fd of taken.splice(0, count)) closeSync(fd); };
    const path = (name) => ${JSON.stringify(`${directory}/`)} + name;
    const outcomes = {};
    const outcome = async (name, work) => {
      takeAll();
      outcomes[name] = await Promise.resolve().then(work).then(() => 'done', (error) => error.code ?? error.message);
    };
    ${steps}
    give(taken.length);
    console.log(JSON.stringify(outcomes));`;
  const command = ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', program];
  const { stdout, stderr } = spawnSync('sh', command, { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, string>;
}

test.skipIf(!isPosix)('files are opened, read and synced when clients have every descriptor', () => {
  const directory = tempDir();
  const steps = `
    const all = [];
    await outcome('first', async () => {
      const file = await disk.open(path('a'), 'create');
      await file.write([Buffer.from('kept')], 0);
      await file.datasync();
      all.push(file);
    });
    await outcome('second', async () => void all.push(await disk.open(path('b'), 'create')));
    await outcome('directory', () => disk.syncDirectory(path('')));
    await outcome('listed', async () => { if ((await disk.list(path(''))).length !== 2) throw new Error('list'); });
    await outcome('exists', () => disk.open(path('a'), 'create'));
    for (const file of all) await file.close();`;
  expect(starved(directory, steps)).toEqual({
    first: 'done',
    second: 'done',
    directory: 'done',
    listed: 'done',
    exists: 'EEXIST',
  });
  expect(readFileSync(join(directory, 'a'), 'utf8')).toBe('kept');
});

test.skipIf(!isPosix)('a reserve that is used up says so, and fills again with what is closed', () => {
  const directory = tempDir();
  const steps = `
    const files = [];
    for (let at = 0; at < 5; at++) {
      await outcome('open ' + at, async () => void files.push(await disk.open(path('f' + at), 'create')));
    }
    await files.pop().close();
    await outcome('after one was closed', async () => void files.push(await disk.open(path('g'), 'create')));
    await outcome('and none left', () => disk.open(path('h'), 'create'));`;
  expect(starved(directory, steps)).toEqual({
    'open 0': 'done',
    'open 1': 'done',
    'open 2': 'done',
    'open 3': 'done',
    'open 4': 'EMFILE',
    'after one was closed': 'done',
    'and none left': 'EMFILE',
  });
});
