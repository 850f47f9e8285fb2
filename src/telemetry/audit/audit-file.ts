import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../core/clock.js';
import { type FileLocker, lockPatiently } from '../../core/file-lock.js';
import type { AuditEntry, AuditQuery, AuditValue, RecordedEntry } from '../../core/ports/audit-log.js';
import { instant } from '../../core/time-text.js';

/**
 * `<dataDir>/audit.log`, mode 0600: an entry a line, appended and synced, never changed.
 *
 *   {"at":"2026-01-15T12:00:00.000Z","action":"createKey","outcome":"done","tenant":"acme","actor":"9b1f64d2",
 *    "address":"10.0.0.7","what":{"name":"3f9a0c12","scopes":"ingest+read"}}
 *
 * When it has `fileBytesMax` it becomes `audit.1.log`, that one `audit.2.log`, and so on; the oldest of `filesMax`
 * goes. The collector and the command line write to the same file: each holds the lock of `audit.lock` meanwhile. A
 * line that is cut, by a crash or a full disk, is ended by the next entry and skipped when it is read.
 */
export interface AuditFileOptions {
  readonly dataDir: string;
  readonly fileBytesMax: number;
  readonly filesMax: number;
}

export interface AuditFileDeps {
  readonly clock: Clock;
  readonly locker: FileLocker;
}

const valueCharactersMax = 256;
const valuesMax = 16;

const recorded = z.object({
  at: z.string(),
  action: z.string(),
  outcome: z.string(),
  tenant: z.string().nullable(),
  actor: z.string().nullable(),
  address: z.string().nullable(),
  what: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

/** Resolves when the entry is on disk; rejects with what the disk says, or when the lock is not to be had. */
export async function appendAuditEntry(
  deps: AuditFileDeps,
  options: AuditFileOptions,
  entry: AuditEntry,
): Promise<void> {
  const lock = await lockPatiently(deps, join(options.dataDir, 'audit.lock'), 'write the audit log');
  try {
    const path = auditPath(options.dataDir, 0);
    const file = await open(path, 'a+', 0o600);
    let bytes: number;
    try {
      const before = await file.stat();
      const begin = (await endsMidway(file, before.size)) ? '\n' : '';
      const line = `${begin}${JSON.stringify(bounded(deps.clock, entry))}\n`;
      await file.appendFile(line);
      await file.datasync();
      bytes = before.size + Buffer.byteLength(line);
    } finally {
      await file.close();
    }
    if (bytes >= options.fileBytesMax) await turnOver(options);
  } finally {
    lock.release();
  }
}

/** Of all files, the newest first. */
export async function readAudit(options: AuditFileOptions, query: AuditQuery): Promise<RecordedEntry[]> {
  const found: RecordedEntry[] = [];
  for (let number = 0; number < options.filesMax && found.length < query.limit; number++) {
    const text = await readFile(auditPath(options.dataDir, number), 'utf8').catch(() => '');
    for (const line of text.split('\n').reverse()) {
      if (found.length >= query.limit) break;
      const entry = entryIn(line);
      if (entry !== null && isAskedFor(entry, query)) found.push(entry);
    }
  }
  return found;
}

function isAskedFor({ tenant, at }: RecordedEntry, query: AuditQuery): boolean {
  if (query.tenant !== null && tenant !== query.tenant) return false;
  return query.untilMs === null || Date.parse(at) < query.untilMs;
}

function entryIn(line: string): RecordedEntry | null {
  if (line === '') return null;
  try {
    return recorded.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

function bounded(clock: Clock, { action, outcome, tenant, actor, address, what }: AuditEntry): RecordedEntry {
  const cut = (value: AuditValue) => (typeof value === 'string' ? value.slice(0, valueCharactersMax) : value);
  const values = Object.entries(what).slice(0, valuesMax);
  const shortened = Object.fromEntries(values.map(([name, value]) => [name, cut(value)]));
  return { at: instant(clock.nowMs()), action, outcome, tenant, actor, address, what: shortened };
}

async function endsMidway(file: Awaited<ReturnType<typeof open>>, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== 0x0a;
}

/** From the oldest on, so that a crash in between loses none: a name that is missing is passed over. */
async function turnOver({ dataDir, filesMax }: AuditFileOptions): Promise<void> {
  for (let number = filesMax - 2; number >= 0; number--) {
    const path = auditPath(dataDir, number);
    if (await isThere(path)) await rename(path, auditPath(dataDir, number + 1));
  }
  const directory = await open(dataDir, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function auditPath(dataDir: string, number: number): string {
  return join(dataDir, number === 0 ? 'audit.log' : `audit.${number}.log`);
}
