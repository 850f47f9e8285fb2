import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeBackup } from '../../src/cli/backup/backup.js';
import { BackupWatch } from '../../src/cli/backup/backup-limits.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { EventPlan } from '../support/planned-events.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { hasDisk, smallDisk } from '../support/small-disk.js';
import { settledLedger } from '../support/store-ledger.js';
import { StreamProducer } from '../support/stream-producer.js';
import { tempDir } from '../support/temp-dir.js';
import { program, tidemark } from '../support/tidemark-command.js';

const seed = testSeed(20_261_127);
const random = seededRandom(seed);

function producersOf(plans: readonly EventPlan[], collector: CollectorProcess, framesMax?: number): StreamProducer[] {
  return plans.map(
    (plan, index) =>
      new StreamProducer({
        name: `p${index}`,
        key: testKey,
        url: () => collector.streamUrl,
        frame: (seq) => plan.frame(seq),
        ...(framesMax === undefined ? {} : { framesMax }),
        random,
        repeatRatio: 0.1,
        pauseMs: 2,
      }),
  );
}

function backup(collector: CollectorProcess, target: string) {
  const options = ['--data-dir', collector.dataDir, '--url', collector.url, '--key', testKey, '--json'];
  return tidemark(['backup', target, ...options]);
}

function goodUpTo(plan: EventPlan, seq: number): number {
  return plan.frames.slice(0, seq).reduce((sum, { good }) => sum + good, 0);
}

/** Rows of the frames of a producer up to `seq`, and how many tell of different tasks. */
async function rowsUpTo(collector: CollectorProcess, producer: number, seq: number) {
  const [found] = await collector.query<{ rows: string; ids: string }>(`
    SELECT count() AS rows, uniqExact(task_id) AS ids FROM agent_events
    WHERE startsWith(task_id, 'p${producer}-') AND toUInt32(splitByChar('-', task_id)[2]) <= ${seq}`);
  return { rows: Number(found?.rows), ids: Number(found?.ids) };
}

test('a backup taken under load has what was acknowledged before it, once, and streaming goes on from it', async () => {
  const [source, target] = [tempDir(), tempDir()];
  const first = new CollectorProcess({ isStreamed: true, dataDir: join(source, 'data') });
  const second = new CollectorProcess({ isStreamed: true, dataDir: join(target, 'data') });
  const plans = Array.from(
    { length: 4 },
    (_, index) => new EventPlan(random, { producer: `p${index}`, eventsPerFrame: 40, badRatio: 0.02 }),
  );
  try {
    await first.start();
    const producers = producersOf(plans, first);
    const running = Promise.all(producers.map((producer) => producer.run()));
    await expect.poll(() => Math.min(...producers.map(({ acknowledged }) => acknowledged))).toBeGreaterThan(100);
    const storedRows = () => first.query<{ rows: number }>('SELECT count() AS rows FROM agent_events');
    await expect.poll(async () => (await storedRows())[0]?.rows).toBeGreaterThan(0);
    const acknowledged = producers.map((producer) => producer.acknowledged);
    const made = await backup(first, join(source, 'x.tar'));
    expect(made, made.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(made.stdout)).toMatchObject({ collector_runs: true });
    // The first one lost nothing by it, and keeps no image.
    expect(readdirSync(join(first.dataDir, 'snapshot'))).toEqual([]);
    await first.killAll();
    for (const producer of producers) producer.abandon();
    await running;

    const restored = await tidemark(['restore', join(source, 'x.tar'), '--data-dir', second.dataDir]);
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    await second.start();
    for (const [index, plan] of plans.entries()) {
      const seq = acknowledged[index] ?? 0;
      const good = goodUpTo(plan, seq);
      await expect.poll(() => rowsUpTo(second, index, seq), { timeout: 60_000 }).toEqual({ rows: good, ids: good });
    }
    process.stdout.write(`backup test: seed ${seed}, ${acknowledged.join(' + ')} frames were acknowledged before\n`);
    // They begin where the restored one says, and bring across what came after the backup.
    const framesMax = Math.max(...producers.map(({ highest }) => highest)) + 50;
    const again = producersOf(plans, second, framesMax);
    await Promise.all(again.map((producer) => producer.run()));
    const good = plans.reduce((sum, plan) => sum + goodUpTo(plan, framesMax), 0);
    const executions = plans.reduce((sum, plan) => sum + plan.executions, 0);
    const ledger = await settledLedger(second, good);
    expect(ledger, `seed ${seed}`).toEqual({
      rows: good,
      ids: good,
      executions,
      minuteTotal: executions,
      dayTotal: executions,
    });
    expect(await second.stop()).toBe(0);
  } finally {
    await first.killAll();
    await second.killAll();
  }
});

test('a backup that is killed leaves no image in the collector, which goes on', async () => {
  const place = tempDir();
  const running = new CollectorProcess({ dataDir: join(place, 'data') });
  const images = join(running.dataDir, 'snapshot');
  const isHeld = () => readdirSync(images).some((name) => name.endsWith('.lock'));
  try {
    await running.start();
    mkdirSync(images);
    const options = ['--data-dir', running.dataDir, '--url', running.url, '--key', testKey];
    // Some end before: the store is not ready yet, or it was done.
    for (let attempt = 1; readdirSync(images).length < 2; attempt++) {
      const target = join(place, `${attempt}.tar`);
      const child = spawn(process.execPath, [program, 'backup', target, ...options], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      await expect.poll(() => child.exitCode !== null || isHeld(), { interval: 1 }).toBe(true);
      child.kill('SIGKILL');
      await ended;
    }
    await expect.poll(() => readdirSync(images)).toEqual([]);
    await expect.poll(async () => (await running.metrics()).get('tidemark_snapshots_abandoned_total')).toBe(1);
    expect(await backup(running, join(place, 'last.tar'))).toMatchObject({ code: 0 });
  } finally {
    await running.killAll();
  }
});

/** Of a collector that is stopped, with one event. */
const place = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
const collector = new CollectorProcess({ dataDir: join(place, 'data') });
const [asTar, asDirectory] = [join(place, 'one.tar'), join(place, 'one')];

beforeAll(async () => {
  await collector.start();
  const event = { type: 'task.completed', agent_id: 'a', task_id: 't', duration_ms: 5 };
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(event),
  });
  expect(response.status).toBe(202);
  await collector.stop();
  for (const target of [asTar, `${asDirectory}/`]) {
    expect(await backup(collector, target)).toMatchObject({ code: 0 });
  }
});
afterAll(async () => {
  await collector.killAll();
  rmSync(place, { recursive: true, force: true });
});

const restoreFrom = (source: string, dataDir: string) => tidemark(['restore', source, '--data-dir', dataDir]);

/** A copy of the backup, changed, and what a restore of it says; nothing of it may be left. */
async function refusalOf(name: string, change: (copy: string) => void): Promise<string> {
  const copy = join(place, name);
  cpSync(name.endsWith('.tar') ? asTar : asDirectory, copy, { recursive: true, verbatimSymlinks: true });
  change(copy);
  const ended = await restoreFrom(copy, `${copy}.data`);
  expect(ended.code, ended.stdout).toBe(1);
  expect(readdirSync(`${copy}.data`)).toEqual(['collector.lock']);
  return ended.stderr;
}

test.each([
  ['a tar file', asTar],
  ['a directory', asDirectory],
])('%s starts elsewhere with what was acknowledged', async (_, source) => {
  const second = new CollectorProcess({ dataDir: `${source}.restored` });
  expect(await restoreFrom(source, second.dataDir)).toMatchObject({ code: 0, stderr: '' });
  try {
    await second.start();
    const count = () => second.query<{ rows: number }>('SELECT count() AS rows FROM agent_events');
    await expect.poll(count).toEqual([{ rows: 1 }]);
  } finally {
    await second.killAll();
  }
});

test('only its user may read it, and what is restored from it', async () => {
  expect(statSync(asTar).mode & 0o777).toBe(0o600);
  expect(statSync(asDirectory).mode & 0o777).toBe(0o700);
  const restored = join(place, 'private');
  await restoreFrom(asTar, restored);
  for (const root of [asDirectory, restored]) {
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      if (entry.isSymbolicLink()) continue;
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      expect(mode, entry.name).toBe(entry.isDirectory() ? 0o700 : 0o600);
    }
  }
});

test('a directory that is not empty, and a target that exists, are refused and left alone', async () => {
  const taken = join(place, 'taken');
  mkdirSync(taken);
  writeFileSync(join(taken, 'mine'), 'x');
  const restored = await restoreFrom(asTar, taken);
  expect(restored).toMatchObject({ code: 2 });
  expect(restored.stderr).toContain('it is not empty (mine)');
  expect(readdirSync(taken)).toEqual(['mine']);
  const made = await backup(collector, asTar);
  expect(made).toMatchObject({ code: 2 });
  expect(made.stderr).toContain('it exists');
  expect((await backup(collector, join(collector.dataDir, 'x.tar'))).stderr).toContain('lies in the data directory');
});

test('a backup that was cut is refused, wherever it was cut', async () => {
  const { size } = statSync(asTar);
  for (const [index, share] of [0.1, 0.5, 0.9, 0.99].entries()) {
    const told = await refusalOf(`cut${index}.tar`, (copy) => truncateSync(copy, Math.floor(size * share)));
    expect(told).toMatch(/^tidemark: cannot use this backup: /);
  }
  const told = await refusalOf('without', (copy) => renameSync(join(copy, 'MANIFEST'), `${copy}.manifest`));
  expect(told).toContain('it has no MANIFEST: it was cut, or is no backup');
});

test('a file that is damaged, missing or one too many is named', async () => {
  const positions = 'spool/positions';
  const damage = (copy: string) => {
    const bytes = readFileSync(join(copy, positions));
    bytes[5]! ^= 1;
    writeFileSync(join(copy, positions), bytes);
  };
  expect(await refusalOf('flipped', damage)).toContain(`${positions} is damaged: its checksum differs`);
  expect(await refusalOf('longer', (copy) => appendFileSync(join(copy, positions), 'x'))).toContain(`${positions} has`);
  const lose = (copy: string) => renameSync(join(copy, positions), `${copy}.lost`);
  expect(await refusalOf('fewer', lose)).toContain(`${positions} is missing`);
  const add = (copy: string) => writeFileSync(join(copy, 'spool', 'more'), 'x');
  expect(await refusalOf('more', add)).toContain('spool/more is not in its MANIFEST');
  const forge = (copy: string) => appendFileSync(join(copy, 'MANIFEST'), '{"path":"x"}\n');
  expect(await refusalOf('forged', forge)).toContain('its MANIFEST is cut or damaged');
});

test('one that is larger than it may be is not begun, and one that takes too long leaves nothing', async () => {
  const target = join(place, 'limited.tar');
  writeFileSync(join(collector.dataDir, 'spool', 'positions.quarantined'), Buffer.alloc(1_048_576));
  const options = ['--data-dir', collector.dataDir];
  const large = await tidemark(['backup', target, ...options, '--bytes-max', '1048576']);
  expect(large).toMatchObject({ code: 6, stdout: '' });
  expect(large.stderr).toMatch(
    /^tidemark: cannot make the backup: it has [\d,]+ bytes, of 1,048,576; raise --bytes-max/,
  );
  const wrong = await tidemark(['backup', target, ...options, '--seconds-max', '0']);
  expect(wrong).toMatchObject({ code: 2 });
  // A second goes by between two looks at the clock.
  let nowMs = 0;
  const clock = {
    monotonicMs() {
      nowMs += 1_000;
      return nowMs;
    },
  };
  const image = { root: collector.dataDir, takenAt: '2026-01-15T12:00:00.000Z' };
  for (const isDirectory of [false, true]) {
    const watch = new BackupWatch(clock, new AbortController().signal, 20);
    const written = writeBackup(image, { path: target, isDirectory }, watch);
    await expect(written).rejects.toMatchObject({ exitCode: 6, message: expect.stringContaining('after 20 s; raise') });
    const interruption = new AbortController();
    const interrupted = new BackupWatch({ monotonicMs: () => 0 }, interruption.signal, 20);
    interruption.abort();
    await expect(writeBackup(image, { path: target, isDirectory }, interrupted)).rejects.toMatchObject({
      exitCode: 130,
    });
  }
  expect(readdirSync(place).filter((name) => name.startsWith('limited'))).toEqual([]);
});

test.runIf(hasDisk)('a disk without room for it is told before anything is written', async () => {
  const disk = smallDisk(1_048_576);
  const made = await backup(collector, join(disk, 'x.tar'));
  expect(made).toMatchObject({ code: 6, stdout: '' });
  expect(made.stderr).toMatch(/it takes [\d,]+ bytes, and the disk has [\d,]+; nothing of it is left/);
  expect(readdirSync(disk)).toEqual([]);
});

test.runIf(hasDisk)('beside its data directory a backup leaves the spool its share of the disk', async () => {
  const disk = smallDisk(268_435_456);
  const dataDir = join(disk, 'data');
  cpSync(collector.dataDir, dataDir, { recursive: true, verbatimSymlinks: true });
  const options = ['--data-dir', dataDir];
  const half = { env: { TIDEMARK_SPOOL_DISK_USED_RATIO_MAX: '0.5' } };
  const filling = join(disk, 'filling');
  writeFileSync(filling, Buffer.alloc(134_000_000));
  const refused = await tidemark(['backup', join(disk, 'x.tar'), ...options], half);
  expect(refused).toMatchObject({ code: 6 });
  expect(refused.stderr).toContain('the rest being what the spool needs (spool.diskUsedRatioMax)');
  rmSync(filling);
  expect(await tidemark(['backup', join(disk, 'x.tar'), ...options], half)).toMatchObject({ code: 0 });
});

test.runIf(hasDisk)('a backup that a disk has no room for in the middle is removed', async () => {
  const disk = smallDisk(1_048_576);
  const watch = new BackupWatch({ monotonicMs: () => 0 }, new AbortController().signal, 20);
  const image = { root: collector.dataDir, takenAt: '2026-01-15T12:00:00.000Z' };
  for (const isDirectory of [false, true]) {
    const written = writeBackup(image, { path: join(disk, 'x'), isDirectory }, watch);
    await expect(written).rejects.toMatchObject({ exitCode: 1, message: expect.stringContaining('ENOSPC') });
    expect(readdirSync(disk)).toEqual([]);
  }
});

test('a start on a restore that was interrupted is refused', async () => {
  const half = join(place, 'half');
  mkdirSync(half);
  writeFileSync(join(half, 'format.json'), '{"format":9007199254740991,"version":"unfinished-restore"}');
  const second = new CollectorProcess({ dataDir: half, makesStore: true });
  await expect(second.start()).rejects.toThrow('a restore into it was not finished; empty it and restore again');
  expect(existsSync(join(half, 'spool'))).toBe(false);
});
