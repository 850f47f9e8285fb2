import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tidemark } from '../../src/sdk/index.js';
import { DiskStore } from '../../src/sdk/record/disk-store.js';
import { nodeSurroundings } from '../../src/sdk/record/node.js';
import type { TidemarkOptions } from '../../src/sdk/record/options.js';
import { Tidemark } from '../../src/sdk/record/tidemark.js';
import { fill, hasDisk, smallDisk } from '../support/small-disk.js';
import { agent, countingCollector } from './agent-process.js';
import { hello, scriptedCollector } from './scripted-collector.js';

/** Where nobody listens. */
const nowhere = 'ws://127.0.0.1:9';

function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-sdk-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function client(url: string, directory: string, options: TidemarkOptions = {}) {
  const problems: string[] = [];
  const tm = new Tidemark(nodeSurroundings, {
    url,
    key: 'k',
    agent: 'a',
    producer: 'nightly',
    overflow: 'disk',
    directory,
    batchAgeMs: 1,
    signals: false,
    onProblem: (text) => problems.push(text),
    ...options,
  });
  onTestFinished(async () => {
    await tm.close({ timeoutMs: 0 });
  });
  return { tm, problems };
}

const onDisk = (directory: string): string =>
  `overflow: 'disk', producer: 'nightly', directory: ${JSON.stringify(directory)}`;

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index}`);

test('what is acknowledged leaves no file', async () => {
  const directory = emptyDirectory();
  const { url, events } = await countingCollector();
  const { tm } = client(url, directory);
  for (const text of names(2_000)) tm.log('info', text);
  expect(await tm.flush({ timeoutMs: 20_000 })).toEqual({ acked: 2_000, pending: 0, rejected: 0, dropped: 0 });
  expect(events.map(({ message }) => message)).toEqual(names(2_000));
  expect(readdirSync(directory).filter((name) => name.endsWith('.frames'))).toEqual([]);
  await tm.close({ timeoutMs: 60_000 });
  expect(readdirSync(directory)).toEqual([]);
});

test('a process that is killed loses nothing that it flushed: the next of its name sends it, once', async () => {
  const directory = emptyDirectory();
  const body = `for (let i = 0; i < 1000; i += 1) tm.log('info', 'line ' + i);
    await tm.flush({ timeoutMs: 50 }); console.log('flushed'); setInterval(() => {}, 1_000);`;
  const first = agent(nowhere, body, onDisk(directory));
  await first.says('flushed');
  first.child.kill('SIGKILL');
  await first.ended;

  const { url, events } = await countingCollector();
  const { tm } = client(url, directory);
  expect(tm.stats()).toMatchObject({ offered: 1_000, pending: 1_000 });
  tm.log('info', 'mine');
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 1_001, pending: 0, rejected: 0, dropped: 0 });
  expect(events.map(({ message }) => message).sort()).toEqual([...names(1_000), 'mine'].sort());
  await tm.close({ timeoutMs: 60_000 });
  expect(readdirSync(directory)).toEqual([]);
});

test('killed while it sends, again and again: in the end every event that was flushed is there once', async () => {
  const directory = emptyDirectory();
  const { url, events } = await countingCollector();
  for (let turn = 0; turn < 4; turn += 1) {
    const body = `for (let i = 0; i < 500; i += 1) tm.log('info', '${turn} ' + i);
      await tm.flush({ timeoutMs: 1 }); console.log('flushed');
      setInterval(() => tm.log('debug', 'more'), 1);`;
    const { child, ended, says } = agent(url, body, `${onDisk(directory)}, batchEventsMax: 20`);
    await says('flushed');
    child.kill('SIGKILL');
    await ended;
  }
  const { tm } = client(url, directory);
  expect(await tm.flush({ timeoutMs: 20_000 })).toMatchObject({ pending: 0, dropped: 0 });
  const told = events.filter(({ level }) => level === 'info').map(({ message }) => message);
  expect(told).toHaveLength(2_000);
  expect(new Set(told).size).toBe(2_000);
});

test('process.exit in the middle loses nothing: what was told is in the files by then', async () => {
  const directory = emptyDirectory();
  const { ended } = agent(nowhere, `tm.run('r', () => process.exit(4));`, `${onDisk(directory)}, batchAgeMs: 60_000`);
  expect(await ended).toMatchObject({ code: 4 });
  const { url, events } = await countingCollector();
  const { tm } = client(url, directory);
  expect(await tm.flush({ timeoutMs: 60_000 })).toMatchObject({ acked: 1, pending: 0 });
  expect(events).toMatchObject([{ type: 'run.started', name: 'r' }]);
});

test('an uncaught exception too', async () => {
  const directory = emptyDirectory();
  const { ended } = agent(nowhere, `tm.task('t', () => { throw new Error('boom'); });`, onDisk(directory));
  expect(await ended).toMatchObject({ code: 1 });
  const { url, events } = await countingCollector();
  const { tm } = client(url, directory);
  expect(await tm.flush({ timeoutMs: 60_000 })).toMatchObject({ acked: 2, pending: 0 });
  expect(events.at(-1)).toMatchObject({ type: 'task.failed', error_message: 'boom' });
});

test('what a living process of the same name has is left to it, and files of other names too', async () => {
  const directory = emptyDirectory();
  const other = agent(
    nowhere,
    `tm.log('info', 'theirs'); await tm.flush({ timeoutMs: 1 }); console.log('ready');
    setInterval(() => {}, 1_000);`,
    onDisk(directory),
  );
  await other.says('ready');
  const left = readdirSync(directory);
  const { tm } = client(nowhere, directory);
  expect(tm.stats().offered).toBe(0);
  expect(readdirSync(directory)).toEqual(expect.arrayContaining(left));
  other.child.kill('SIGKILL');
  await other.ended;
  expect(client(nowhere, directory, { producer: 'daily' }).tm.stats().offered).toBe(0);
  expect(client(nowhere, directory).tm.stats().offered).toBe(1);
});

test('what a write left unfinished at the end of a file is no frame, and the rest is sent', async () => {
  const directory = emptyDirectory();
  const first = agent(
    nowhere,
    `tm.log('info', 'whole'); await tm.flush({ timeoutMs: 1 }); process.exit();`,
    onDisk(directory),
  );
  await first.ended;
  const [frames] = readdirSync(directory).filter((name) => name.endsWith('.frames'));
  appendFileSync(join(directory, frames!), Uint8Array.of(200, 0, 0, 0, 1, 0, 0, 0, 0x83));
  const { url, events } = await countingCollector();
  const { tm } = client(url, directory);
  tm.log('info', 'next');
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 2, pending: 0, rejected: 0, dropped: 0 });
  expect(events.map(({ message }) => message).sort()).toEqual(['next', 'whole']);
});

test('beyond its bound of bytes the newest are dropped, and counted; what was accepted stays', async () => {
  const directory = emptyDirectory();
  const { url, events, giveCredit } = await withheldCollector();
  const { tm } = client(url, directory, { diskBytesMax: 20_000, batchEventsMax: 10 });
  for (const text of names(2_000)) tm.log('info', text);
  const { offered, dropped, pending } = tm.stats();
  expect({ offered, sum: dropped + pending }).toEqual({ offered: 2_000, sum: 2_000 });
  expect(dropped).toBeGreaterThan(1_000);
  giveCredit();
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: pending, pending: 0, rejected: 0, dropped });
  expect(events).toEqual(names(pending));
});

/** Says nothing of credit until it is told to; then it takes and acknowledges everything. */
async function withheldCollector() {
  const events: string[] = [];
  let credit = 0;
  const { url, peers } = await scriptedCollector({
    opened: (peer) => peer.say({ ...hello, credit }),
    received(peer, { seq, columns, rows }) {
      const index = columns.indexOf('message');
      events.push(...rows.map((row) => String(row[index])));
      peer.say({ op: 'ack', seq });
    },
  });
  const giveCredit = () => {
    credit = 8;
    for (const peer of peers) peer.say({ op: 'credit', credit });
  };
  return { url, events, giveCredit };
}

test.runIf(hasDisk)('on a full disk events are in memory until there is room, and none is lost by it', async () => {
  const disk = smallDisk(262_144);
  const { url, events, giveCredit } = await withheldCollector();
  const { tm, problems } = client(url, disk, { batchEventsMax: 10, batchAgeMs: 60_000 });
  for (const text of names(100)) tm.log('info', text);
  const filling = fill(disk);
  for (const text of names(2_000).slice(100)) tm.log('info', text);
  expect(problems).toContainEqual(expect.stringContaining('ENOSPC'));
  rmSync(filling);
  for (const text of names(2_100).slice(2_000)) tm.log('info', text);
  expect(tm.stats()).toMatchObject({ dropped: 0, pending: 2_100 });
  // What the files have is whole: another of its name would take it over.
  const store = new DiskStore({
    directory: disk,
    producer: readdirSync(disk)
      .find((name) => name.endsWith('.owner'))!
      .replace('.owner', ''),
    bytesMax: 1e6,
    memoryBytesMax: 0,
    onProblem: (text) => expect.unreachable(text),
  });
  const seqs = [...store.frames()].map(({ seq }) => seq);
  store.close();
  expect([seqs[0], seqs.at(-1)]).toEqual([1, 210]);
  expect(seqs.length).toBeLessThan(210);
  giveCredit();
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 2_100, pending: 0, rejected: 0, dropped: 0 });
  expect(events).toEqual(names(2_100));
  await tm.close({ timeoutMs: 60_000 });
  expect(readdirSync(disk)).toEqual([]);
});

test.runIf(hasDisk)('on a disk that stays full the newest beyond bufferBytesMax are dropped, and counted', async () => {
  const disk = smallDisk(262_144);
  const { url, events, giveCredit } = await withheldCollector();
  const { tm } = client(url, disk, { batchEventsMax: 10, batchAgeMs: 60_000, bufferBytesMax: 20_000 });
  fill(disk);
  for (const text of names(2_000)) tm.log('info', text);
  const { dropped, pending } = tm.stats();
  expect(dropped + pending).toBe(2_000);
  expect(dropped).toBeGreaterThan(1_000);
  giveCredit();
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: pending, pending: 0, rejected: 0, dropped });
  expect(events).toEqual(names(pending));
});

test('a directory that cannot be used is told, and events are in memory instead', async () => {
  const path = join(emptyDirectory(), 'file');
  writeFileSync(path, '');
  const { url, events } = await countingCollector();
  const { tm, problems } = client(url, path);
  expect(tm.task('t', () => 1)).toBe(1);
  expect(await tm.flush({ timeoutMs: 60_000 })).toMatchObject({ acked: 2, pending: 0 });
  expect(events).toHaveLength(2);
  expect(problems).toEqual([expect.stringContaining('events are kept in memory instead: ')]);
});

/** Three frames of a process that is gone, in one file. */
async function leftBehind(directory: string): Promise<string> {
  const body = `for (const text of ['first', 'second', 'third']) {
      tm.log('info', text);
      await tm.flush({ timeoutMs: 1 });
    }
    process.exit();`;
  await agent(nowhere, body, onDisk(directory)).ended;
  const [frames] = readdirSync(directory).filter((name) => name.endsWith('.frames'));
  return join(directory, frames!);
}

test("frames whose mark of an owner is gone are nobody's, and are sent", async () => {
  const directory = emptyDirectory();
  await leftBehind(directory);
  for (const name of readdirSync(directory).filter((entry) => entry.endsWith('.owner'))) rmSync(join(directory, name));
  const { url, events } = await countingCollector();
  const { tm } = client(url, directory);
  expect(await tm.flush({ timeoutMs: 60_000 })).toMatchObject({ acked: 3, pending: 0 });
  expect(events.map(({ message }) => message)).toEqual(['first', 'second', 'third']);
});

test('what is damaged in a file ends it there, is told, and does not stop what is before it', async () => {
  const directory = emptyDirectory();
  const path = await leftBehind(directory);
  const content = readFileSync(path);
  content[content.indexOf('second')] = 0;
  writeFileSync(path, content);
  const { url, events } = await countingCollector();
  const { tm, problems } = client(url, directory);
  expect(await tm.flush({ timeoutMs: 60_000 })).toMatchObject({ acked: 1, pending: 0 });
  expect(events.map(({ message }) => message)).toEqual(['first']);
  expect(problems).toEqual([expect.stringContaining('is damaged from byte')]);
});

test('frames that vanish from under it are dropped, counted and told, and the rest goes on', async () => {
  const directory = emptyDirectory();
  const path = await leftBehind(directory);
  const whole = readFileSync(path).length;
  const { url, events } = await countingCollector();
  const { tm, problems } = client(url, directory);
  // Before the connection is there.
  truncateSync(path, whole - 1);
  tm.log('info', 'mine');
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 3, pending: 0, rejected: 0, dropped: 1 });
  expect(events.map(({ message }) => message).sort()).toEqual(['first', 'mine', 'second']);
  expect(problems).toEqual([expect.stringContaining('1 stored events cannot be read')]);
  await tm.close({ timeoutMs: 60_000 });
  expect(readdirSync(directory)).toEqual([]);
});

test('a name that is none of a producer is a problem that is told', () => {
  const { tm, problems } = client(nowhere, emptyDirectory(), { producer: '../elsewhere' });
  expect(tm.stats().state).toBe('off');
  expect(problems).toEqual([expect.stringContaining('producer is not')]);
});

test('a client on disk without a directory is refused at once', () => {
  expect(() => tidemark({ url: 'http://127.0.0.1:1', overflow: 'disk' })).toThrow(
    "cannot make a client: overflow 'disk' needs the option directory",
  );
});
