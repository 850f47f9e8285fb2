import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { removeDirectory } from './temp-dir.js';

/** Writes file after file into a directory below it, as an engine at its end does, until it is told to end. */
const lateWriter = `
  const { mkdirSync, writeFileSync } = require('node:fs');
  const [path] = process.argv.slice(1);
  const tried = (act) => { try { act(); } catch {} };
  let count = 0;
  const write = () => {
    for (let once = 0; once < 50; once++) {
      tried(() => mkdirSync(path + '/parts'));
      tried(() => writeFileSync(path + '/parts/' + count++, ''));
    }
    if (count === 500) process.send('writing');
    setImmediate(write);
  };
  process.on('message', () => process.exit());
  write();`;

test('a directory in which a process is still writing is removed when that has ended', async () => {
  const path = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
  const writer = spawn(process.execPath, ['-e', lateWriter, path], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(writer, 'exit');
  await once(writer, 'message');
  const removed = removeDirectory(path);
  await sleep(300);
  writer.send('end');
  await Promise.all([ended, removed]);
  expect(existsSync(path)).toBe(false);
});
