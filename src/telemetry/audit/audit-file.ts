import { type FileHandle, open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../core/clock.js';
import { CollectorError, errorMessage } from '../../core/errors.js';
import { type FileLocker, lockPatiently } from '../../core/file-lock.js';
import type { AuditEntry, AuditQuery, AuditValue, RecordedEntry } from '../../core/ports/audit-log.js';
import { instant } from '../../core/time-text.js';

/**
 * `<dataDir>/audit.log`, mode 0600: an entry a line, appended and synced, never changed.
 *
 *   {"at":"2026-01-15T12:00:00.000Z","action":"createKey","outcome":"done","tenant":"acme","actor":"9b1f64d2",
 *    "address":"10.0.0.7","what":{"name":"3f9a0c12","scopes":"ingest+read"}}
 *
 * When it has `fileBytesMax`, the next entry finds it named `audit.1.log`, that one `audit.2.log`, and so on; the
 * oldest of `filesMax` goes. Where that fails entries are still appended, up to twice as many bytes. The collector and
 * the command line write to the same file: each holds the lock of `audit.lock` meanwhile. What a full disk leaves of a
 * line is taken back; what a crash leaves is ended by the next entry and skipped when it is read.
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

/**
 * Resolves when the entry is on disk, with why the files could not be turned over before it; null: they could, or
 * needed not. Rejects with what the disk says, or when the lock is not to be had: then it is not in the file, or what
 * is there of it may not outlive a power cut.
 */
export async function appendAuditEntry(
  deps: AuditFileDeps,
  options: AuditFileOptions,
  entry: AuditEntry,
): Promise<string | null> {
  const lock = await lockPatiently(deps, join(options.dataDir, 'audit.lock'), 'write the audit log');
  try {
    const turnOverFailure = await turnOverIfFull(options);
    const file = await open(auditPath(options.dataDir, 0), 'a+', 0o600);
    try {
      const { size } = await file.stat();
      await appendLine(file, size, JSON.stringify(bounded(deps.clock, entry)));
      // The name of a file that is new is not on disk with its content.
      if (size === 0) await syncDirectory(options.dataDir);
    } finally {
      // It is synced: closing adds nothing.
      await file.close().catch(() => undefined);
    }
    return turnOverFailure;
  } finally {
    lock.release();
  }
}

/** Why the next entry cannot be written, as far as its file shows by itself; null: nothing is in its way. */
export async function auditObstacle({ dataDir }: AuditFileOptions): Promise<string | null> {
  try {
    const file = await open(auditPath(dataDir, 0), 'r+');
    await file.close();
    return null;
  } catch (error) {
    return isMissing(error) ? null : errorMessage(error);
  }
}

async function appendLine(file: FileHandle, size: number, text: string): Promise<void> {
  const begin = (await endsMidway(file, size)) ? '\n' : '';
  try {
    await file.appendFile(`${begin}${text}\n`);
    await file.datasync();
  } catch (error) {
    // What is told as not written is not to be read later.
    await file.truncate(size).catch(() => undefined);
    throw error;
  }
}

export interface FoundEntries {
  /** The newest first. */
  readonly entries: RecordedEntry[];
  /** Lines that are no entries, among those that were looked at. */
  readonly damagedLines: number;
}

/** Of all files. Rejects with `data_dir_unusable` when one is there and cannot be read. */
export async function readAudit(options: AuditFileOptions, query: AuditQuery): Promise<FoundEntries> {
  const entries: RecordedEntry[] = [];
  let damagedLines = 0;
  for (let number = 0; number < options.filesMax && entries.length < query.limit; number++) {
    const text = await textOf(auditPath(options.dataDir, number));
    for (const line of text.split('\n').reverse()) {
      if (entries.length >= query.limit) break;
      if (line === '') continue;
      const entry = entryIn(line);
      if (entry === null) damagedLines += 1;
      else if (isAskedFor(entry, query)) entries.push(entry);
    }
  }
  return { entries, damagedLines };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    const cause = errorMessage(error);
    throw new CollectorError('data_dir_unusable', `cannot read ${path}: ${cause}`, { cause: error });
  }
}

function isAskedFor({ tenant, at }: RecordedEntry, query: AuditQuery): boolean {
  if (query.tenant !== null && tenant !== query.tenant) return false;
  return query.untilMs === null || Date.parse(at) < query.untilMs;
}

function entryIn(line: string): RecordedEntry | null {
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

async function endsMidway(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== 0x0a;
}

/** While its files cannot be turned over the newest may have so many times its bytes. */
const overfullFactor = 2;

/** Why it could not be done; null otherwise. Throws when there is no room in the newest file either. */
async function turnOverIfFull(options: AuditFileOptions): Promise<string | null> {
  const path = auditPath(options.dataDir, 0);
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  if (bytes < options.fileBytesMax) return null;
  try {
    await turnOver(options);
    return null;
  } catch (error) {
    const failure = `cannot put ${path} aside: ${errorMessage(error)}`;
    if (bytes >= overfullFactor * options.fileBytesMax && (await isThere(path))) {
      throw new Error(`${failure}; it has ${bytes} bytes, and takes no more`, { cause: error });
    }
    return failure;
  }
}

/** From the oldest on, so that a crash in between loses none: a name that is missing is passed over. */
async function turnOver({ dataDir, filesMax }: AuditFileOptions): Promise<void> {
  for (let number = filesMax - 2; number >= 0; number--) {
    const path = auditPath(dataDir, number);
    if (await isThere(path)) await rename(path, auditPath(dataDir, number + 1));
  }
  await syncDirectory(dataDir);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
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
