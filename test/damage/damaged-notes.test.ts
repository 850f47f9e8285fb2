import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { untilDayHasLeft } from '../support/day-left.js';
import { fill, hasDisk, smallDisk } from '../support/small-disk.js';
import { tempDir } from '../support/temp-dir.js';
import { adminKeyOf, awayStore, CollectorRun } from './collector-run.js';

/**
 * `audit.log` and `key-usage.json`, which nothing else of the data directory depends on: what a start of the real
 * process says of their damage, and what still works. A key had sent 40 of its 100 events of the day.
 */
interface Listed {
  readonly keys: readonly { readonly name: string; readonly events_today: number | null }[];
}

const root = mkdtempSync(join(tmpdir(), 'tidemark-damage-'));
const sound = join(root, 'sound');
let bounded = '';

beforeAll(async () => {
  // The count is that of a UTC day.
  await untilDayHasLeft(60_000);
  await withCollector(sound, async (run, admin) => {
    const made = await run.ask('POST', '/api/v1/keys', admin, { scopes: ['ingest'], limits: { events_per_day: 100 } });
    expect(made.status).toBe(201);
    bounded = (made.body as { readonly key: string }).key;
    expect(await run.post(events(40), bounded)).toBe(202);
  });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function events(count: number): object[] {
  return Array.from({ length: count }, () => ({ type: 'log', agent_id: 'a', message: 'x' }));
}

/** In a collector without its store: none of this needs one. */
async function withCollector<Result>(
  dataDir: string,
  use: (run: CollectorRun, admin: string) => Promise<Result>,
): Promise<Result> {
  const run = await CollectorRun.begin(dataDir, awayStore);
  try {
    const isListening = async () => (await run.health(adminKeyOf(dataDir))).dependencies.length > 0;
    expect(await run.until(isListening, 30_000), run.output + run.errors).toBe(true);
    return await use(run, adminKeyOf(dataDir));
  } finally {
    await run.end('SIGTERM');
  }
}

function damagedCopy(name: string, damage: (path: string) => void): string {
  const dataDir = join(tempDir(), 'data');
  cpSync(sound, dataDir, { recursive: true });
  damage(join(dataDir, name));
  return dataDir;
}

const damages: Readonly<Record<string, (path: string) => void>> = {
  emptied: (path) => truncateSync(path, 0),
  cut: (path) => truncateSync(path, Math.floor(readFileSync(path).length / 2)),
  garbage: (path) => writeFileSync(path, Buffer.from([0xff, 0, 0x7b, 0x22, 0xc3])),
  gone: (path) => rmSync(path),
  'a directory': (path) => {
    rmSync(path);
    mkdirSync(join(path, 'in-the-way'), { recursive: true });
  },
};

const auditHealth = async (run: CollectorRun, admin: string) =>
  (await run.health(admin)).dependencies.find(({ name }) => name === 'audit');
const createKey = (run: CollectorRun, admin: string) => run.ask('POST', '/api/v1/keys', admin, { scopes: ['read'] });
const audited = async (run: CollectorRun, admin: string) => {
  const { status, body } = await run.ask('GET', '/api/v1/audit', admin);
  return status === 200 ? (body as { readonly entries: readonly object[] }).entries.length : status;
};

test.each(['emptied', 'cut', 'garbage', 'gone'])(
  'an audit.log that is %s costs its own lines, and is written on',
  async (damage) => {
    const dataDir = damagedCopy('audit.log', damages[damage]!);
    await withCollector(dataDir, async (run, admin) => {
      expect(await auditHealth(run, admin)).toMatchObject({ status: 'healthy', reason: null });
      expect(run.words.filter((words) => words.includes('audit'))).toEqual([]);
      expect(await audited(run, admin)).toBe(0);
      expect((await createKey(run, admin)).status).toBe(201);
      expect(await audited(run, admin)).toBe(1);
    });
  },
);

test('a directory where audit.log should be is told at the start, and what is asked for is done', async () => {
  const dataDir = damagedCopy('audit.log', damages['a directory']!);
  await withCollector(dataDir, async (run, admin) => {
    expect(run.words).toContainEqual(expect.stringMatching(/^the audit log cannot be written: .*: EISDIR/));
    expect(await auditHealth(run, admin)).toMatchObject({ status: 'degraded' });
    expect((await createKey(run, admin)).status).toBe(201);
    expect(await run.metric('tidemark_audit_unwritten_total{reason="disk"}')).toBe(1);
    expect(await audited(run, admin)).toBe(500);
    rmSync(join(dataDir, 'audit.log'), { recursive: true });
    expect((await createKey(run, admin)).status).toBe(201);
    // Health is looked at twice a second at most.
    await expect.poll(() => auditHealth(run, admin)).toMatchObject({ status: 'healthy' });
    expect(await audited(run, admin)).toBe(1);
  });
});

test.each(['emptied', 'cut', 'garbage', 'a directory'])(
  'key-usage.json that is %s is said; the quota of the day begins anew',
  async (damage) => {
    const dataDir = damagedCopy('key-usage.json', damages[damage]!);
    await withCollector(dataDir, async (run, admin) => {
      const says = /^cannot read what keys have sent today: their daily quotas begin anew: /;
      expect(run.words).toContainEqual(expect.stringMatching(says));
      expect(await run.post(events(90), bounded)).toBe(202);
      const { body } = await run.ask('GET', '/api/v1/keys', admin);
      expect((body as Listed).keys.map(({ events_today }) => events_today)).toContain(90);
    });
    const isWritten = damage !== 'a directory';
    await withCollector(dataDir, async (run) => {
      expect(run.words.some((words) => words.includes('keys have sent today'))).toBe(!isWritten);
      // Ninety of a hundred were sent before this start, as far as it knows.
      expect(await run.post(events(20), bounded)).toBe(202);
      expect(await run.post(events(1), bounded)).toBe(isWritten ? 429 : 202);
    });
  },
);

test('key-usage.json that is gone begins the quota of the day anew, which nothing says', async () => {
  const dataDir = damagedCopy('key-usage.json', damages.gone!);
  await withCollector(dataDir, async (run) => {
    expect(run.words.filter((words) => words.includes('sent today'))).toEqual([]);
    expect(await run.post(events(90), bounded)).toBe(202);
  });
});

test.runIf(hasDisk)('on a full disk keys stay as they are, and what is not written is told', async () => {
  const disk = smallDisk(16_777_216);
  const dataDir = join(disk, 'data');
  cpSync(sound, dataDir, { recursive: true });
  let filling = '';
  const run = await withCollector(dataDir, async (collector, admin) => {
    expect(await collector.post(events(10), bounded)).toBe(202);
    filling = fill(disk);
    // What is left of the last page of audit.log takes some of the refusals.
    for (let count = 0; count < 40; count++) expect((await createKey(collector, admin)).status).toBe(500);
    const notWritten = () => auditHealth(collector, admin);
    await expect.poll(notWritten).toMatchObject({ status: 'degraded', reason: expect.stringContaining('ENOSPC') });
    const { body } = await collector.ask('GET', '/api/v1/keys', admin);
    expect((body as Listed).keys).toHaveLength(2);
    return collector;
  });
  expect(run.words).toContainEqual(expect.stringMatching(/^request failed: cannot write .*api-keys.json: ENOSPC/));
  expect(run.words).toContainEqual(expect.stringMatching(/^an entry of the audit log could not be written: ENOSPC/));
  expect(run.words).toContainEqual(expect.stringMatching(/^cannot write what keys have sent today: .*: ENOSPC/));
  rmSync(filling);
  await withCollector(dataDir, async (collector, admin) => {
    expect((await createKey(collector, admin)).status).toBe(201);
    expect(await auditHealth(collector, admin)).toMatchObject({ status: 'healthy' });
    // The forty of the start before: the ten are forgotten.
    expect(await collector.post(events(60), bounded)).toBe(202);
    expect(await collector.post(events(1), bounded)).toBe(429);
  });
});
