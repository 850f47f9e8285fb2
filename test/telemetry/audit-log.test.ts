import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import type { AuditEntry } from '../../src/core/ports/audit-log.js';
import { createFileLocker } from '../../src/spool/file-locker.js';
import { FileAuditLog } from '../../src/telemetry/audit/file-audit-log.js';
import { FakeClock } from '../support/fake-clock.js';
import { fill, hasDisk, smallDisk } from '../support/small-disk.js';
import { tempDir } from '../support/temp-dir.js';

const locker = createFileLocker({ lock: null });
const all = { tenant: null, untilMs: null, limit: 1_000 };

function logIn(dataDir = tempDir(), options: { readonly fileBytesMax?: number; readonly filesMax?: number } = {}) {
  const clock = new FakeClock();
  const counts = { entries: 0, unwritten: [] as string[], notTurnedOver: 0 };
  const logged: object[] = [];
  const audit = new FileAuditLog(
    {
      clock,
      locker,
      logger: { ...silentLogger, error: (context) => void logged.push(context) },
      instruments: {
        entries: { inc: () => void counts.entries++ },
        unwritten: { inc: ({ reason }) => void counts.unwritten.push(reason) },
        turnOverFailures: { inc: () => void counts.notTurnedOver++ },
      },
    },
    { dataDir, fileBytesMax: 1_048_576, filesMax: 8, ...options },
  );
  return { audit, clock, counts, logged, dataDir };
}

function entry(action: string, given: Partial<AuditEntry> = {}): AuditEntry {
  return { action, outcome: 'done', tenant: 'acme', actor: '9b1f64d2', address: '10.0.0.7', what: {}, ...given };
}

test('entries are on disk when they are recorded, and read newest first, by tenant and until a time', async () => {
  const { audit, clock, dataDir, counts } = logIn();
  await audit.record(entry('createKey', { what: { name: '3f9a0c12', scopes: 'ingest' } }));
  const line = readFileSync(join(dataDir, 'audit.log'), 'utf8');
  expect(JSON.parse(line)).toEqual({
    at: new Date(clock.nowMs()).toISOString(),
    ...entry('createKey', { what: { name: '3f9a0c12', scopes: 'ingest' } }),
  });
  expect(statSync(join(dataDir, 'audit.log')).mode & 0o777).toBe(0o600);
  clock.advance(1_000);
  await audit.record(entry('revokeKey', { tenant: 'globex' }));
  await audit.record(entry('eraseRun'));
  const actions = async (query: Partial<typeof all>) =>
    (await audit.read({ ...all, ...query })).map(({ action }) => action);
  expect(await actions({})).toEqual(['eraseRun', 'revokeKey', 'createKey']);
  expect(await actions({ tenant: 'acme' } as object)).toEqual(['eraseRun', 'createKey']);
  expect(await actions({ limit: 1 })).toEqual(['eraseRun']);
  expect(await actions({ untilMs: clock.nowMs() } as object)).toEqual(['createKey']);
  expect(counts).toEqual({ entries: 3, unwritten: [], notTurnedOver: 0 });
});

test('the log keeps so many files of so many bytes, and the oldest entries go', async () => {
  const { audit, dataDir } = logIn(tempDir(), { fileBytesMax: 2_000, filesMax: 3 });
  for (let index = 0; index < 60; index++) await audit.record(entry('createKey', { what: { index } }));
  const files = readdirSync(dataDir).filter((name) => name.endsWith('.log'));
  expect(files.sort()).toEqual(['audit.1.log', 'audit.2.log', 'audit.log']);
  for (const name of files) expect(statSync(join(dataDir, name)).size).toBeLessThan(2_300);
  const kept = (await audit.read(all)).map(({ what }) => what.index);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, back) => 59 - back));
  expect(kept.length).toBeGreaterThan(20);
});

test('values are cut to a bound', async () => {
  const { audit, dataDir } = logIn();
  const what = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`name${index}`, 'x'.repeat(100_000)]));
  await audit.record(entry('eraseRun', { what }));
  expect(statSync(join(dataDir, 'audit.log')).size).toBeLessThan(6_000);
});

test('a line that was cut short costs that line, and the next one is whole', async () => {
  const { audit, dataDir } = logIn();
  await audit.record(entry('createKey'));
  appendFileSync(join(dataDir, 'audit.log'), '{"at":"2026-01-15T12:00:00.000Z","act');
  await audit.record(entry('revokeKey'));
  expect((await audit.read(all)).map(({ action }) => action)).toEqual(['revokeKey', 'createKey']);
});

test('what cannot be written is counted, told to the log and seen in health until one is written again', async () => {
  const { audit, dataDir, counts, logged } = logIn();
  mkdirSync(join(dataDir, 'audit.log'));
  await audit.record(entry('revokeKey'));
  expect(counts).toEqual({ entries: 0, unwritten: ['disk'], notTurnedOver: 0 });
  expect(logged).toEqual([expect.objectContaining({ action: 'revokeKey', actor: '9b1f64d2' })]);
  expect(audit.health()).toMatchObject({ status: 'degraded', details: { unwritten: 1 } });
  expect(audit.health().reason).toContain('the audit log cannot be written: EISDIR');
  rmSync(join(dataDir, 'audit.log'), { recursive: true });
  await audit.record(entry('createKey'));
  expect(audit.health()).toMatchObject({ status: 'healthy', reason: null, details: { unwritten: 1 } });
});

test('an entry that is written though its file cannot be put aside is no lost one', async () => {
  const { audit, dataDir, counts, logged } = logIn(tempDir(), { fileBytesMax: 1_000, filesMax: 2 });
  const inTheWay = join(dataDir, 'audit.1.log');
  mkdirSync(inTheWay);
  for (let index = 0; index < 8; index++) await audit.record(entry('createKey', { what: { index } }));
  const lines = () => readFileSync(join(dataDir, 'audit.log'), 'utf8').trimEnd().split('\n');
  expect(lines()).toHaveLength(8);
  expect(statSync(join(dataDir, 'audit.log')).size).toBeGreaterThan(1_000);
  expect(counts).toMatchObject({ entries: 8, unwritten: [] });
  expect(counts.notTurnedOver).toBeGreaterThan(0);
  expect(logged).toEqual([{ cause: expect.stringContaining('audit.log aside: EISDIR') }]);
  expect(audit.health()).toMatchObject({ status: 'degraded', details: { unwritten: 0, failing_since: null } });
  expect(audit.health().reason).toMatch(/^cannot put \S+audit\.log aside: EISDIR/);
  rmSync(inTheWay, { recursive: true });
  await audit.record(entry('revokeKey'));
  expect(audit.health()).toMatchObject({ status: 'healthy', reason: null });
  expect(await audit.read(all)).toHaveLength(9);
});

test('a file that cannot be put aside has twice its bytes at most; what comes then is not written', async () => {
  const { audit, dataDir, counts } = logIn(tempDir(), { fileBytesMax: 1_000, filesMax: 2 });
  mkdirSync(join(dataDir, 'audit.1.log'));
  for (let index = 0; index < 40; index++) await audit.record(entry('createKey', { what: { index } }));
  expect(statSync(join(dataDir, 'audit.log')).size).toBeLessThan(2_200);
  expect(counts.entries + counts.unwritten.length).toBe(40);
  expect(counts.unwritten.length).toBeGreaterThan(20);
  expect(audit.health().reason).toMatch(/the audit log cannot be written: .*takes no more$/);
  rmSync(join(dataDir, 'audit.1.log'), { recursive: true });
  await audit.record(entry('revokeKey'));
  expect(audit.health().status).toBe('healthy');
  expect(await audit.read(all)).toHaveLength(counts.entries);
});

test.runIf(hasDisk)('an entry that is told as not written to a full disk is not read later', async () => {
  const dataDir = smallDisk(65_536);
  const { audit, counts } = logIn(dataDir);
  await audit.record(entry('createKey'));
  const filling = fill(dataDir);
  // What is left of the page of the first one.
  for (let index = 0; counts.unwritten.length < 3; index++) await audit.record(entry('eraseRun', { what: { index } }));
  const written = counts.entries;
  rmSync(filling);
  await audit.record(entry('revokeKey'));
  expect(readFileSync(join(dataDir, 'audit.log'), 'utf8').trimEnd().split('\n')).toHaveLength(written + 1);
  expect(await audit.read(all)).toHaveLength(written + 1);
});

test('a file that is there and cannot be read is named, not taken for an empty one', async () => {
  const { audit, dataDir } = logIn();
  await audit.record(entry('createKey'));
  mkdirSync(join(dataDir, 'audit.1.log'));
  await expect(audit.read(all)).rejects.toThrow(/^cannot read \S+audit\.1\.log: EISDIR/);
});

test('of refusals sixty are kept a minute, and the next one says how many were not', async () => {
  const { audit, clock, counts } = logIn();
  const refusal = entry('createKey', { outcome: 'key_invalid', tenant: null, actor: null });
  for (let index = 0; index < 100; index++) audit.recordRefusal(refusal);
  expect(await audit.read(all)).toHaveLength(60);
  clock.advance(60_000);
  audit.recordRefusal(refusal);
  const [newest] = await audit.read(all);
  expect(newest).toMatchObject({ outcome: 'key_invalid', what: { not_kept_before: 40 } });
  expect([counts.entries, counts.unwritten.length]).toEqual([61, 40]);
});

test('two programs write to one log, and no entry is lost or cut', async () => {
  const dataDir = tempDir();
  const logs = [logIn(dataDir, { fileBytesMax: 3_000 }), logIn(dataDir, { fileBytesMax: 3_000 })];
  const records = logs.flatMap(({ audit }, log) =>
    Array.from({ length: 20 }, (_, index) => audit.record(entry('createKey', { what: { log, index } }))),
  );
  // Who waits gives up after 250 looks, and on a busy disk the other one writes for a while.
  const ticking = setInterval(() => {
    for (const { clock } of logs) clock.advance(20);
  }, 50);
  await Promise.all(records);
  clearInterval(ticking);
  expect(await logs[0]!.audit.read(all)).toHaveLength(40);
});
