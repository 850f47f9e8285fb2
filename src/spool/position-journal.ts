import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Logger } from '../core/logger.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { readWhole, withFile } from './file-system.js';
import { type Position, PositionTable } from './position-table.js';
import { ProducerHash } from './producer-hash.js';

/**
 * The journal of the positions that have left with their segments. Little-endian, CRC-32 of zlib.
 *
 *   header   magic "TMPJ", u16 version, u16 0, u32 key 0, u32 key 1 (of the fingerprints), u32 CRC of these 16 bytes
 *   record   u32 count (1 … 65,536), u32 CRC of the entries, then per entry:
 *            u32 fingerprint low, u32 fingerprint high, f64 seq, u32 used (seconds since the epoch)
 *
 * Entries whose low half is 0 and whose high half is 0 or 1 are no producers': the seq of the first is the newest
 * time of receipt (ms) of what has left, so that a later process receives nothing before it; that of the second is
 * the number of the last file of event ids, so that one that is gone is missed. A later entry replaces an earlier one
 * of the same fingerprint. Records are appended and synced before the segment they come from is deleted. When the
 * file has twice the size of what is live it is written anew beside itself (`positions.tmp`), synced, renamed over
 * the old and the directory synced. The same happens after a failed append, whose descriptor is never synced again,
 * and at every start: that drops a torn tail, and bytes that can be read but never reached the disk because their
 * sync failed.
 */
const magic = 0x4a504d54;
const version = 1;
const headerBytes = 20;
const recordHeadBytes = 8;
const entryBytes = 20;
const recordEntriesMax = 65_536;
const fileName = 'positions';
const snapshotName = 'positions.tmp';

/** What the journal keeps beside positions; neither goes back. */
export interface JournalNotes {
  /** The newest time of receipt of everything that has left the spool, ms since the epoch; 0: nothing has. */
  readonly receivedMs: number;
  /** Number of the last file of event ids; 0: none. */
  readonly eventIdFile: number;
}

/** Their entries have the place in this list as the high half of the fingerprint. */
const noteNames = ['receivedMs', 'eventIdFile'] as const satisfies readonly (keyof JournalNotes)[];

export class PositionJournal {
  readonly hash: ProducerHash;
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #table: PositionTable;
  readonly #bytesMin: number;
  readonly #key: readonly [number, number];
  #file: OpenFile | null = null;
  #bytes = 0;
  readonly #notes: Record<keyof JournalNotes, number>;

  private constructor(
    deps: { readonly fileSystem: FileSystem; readonly table: PositionTable },
    state: {
      readonly directory: string;
      readonly bytesMin: number;
      readonly key: readonly [number, number];
      readonly notes: JournalNotes;
    },
  ) {
    this.#fileSystem = deps.fileSystem;
    this.#table = deps.table;
    this.#directory = state.directory;
    this.#bytesMin = state.bytesMin;
    this.#key = state.key;
    this.#notes = { ...state.notes };
    this.hash = new ProducerHash(...state.key);
  }

  /**
   * Reads what is there into the table, or begins a new journal. A journal that is damaged before its tail is
   * renamed to `positions.quarantined` and written anew from what could be read.
   * @param options.bytesMin the journal is not rewritten below this size
   */
  static async open(
    deps: { readonly fileSystem: FileSystem; readonly table: PositionTable; readonly logger: Logger },
    options: { readonly directory: string; readonly bytesMin: number },
  ): Promise<PositionJournal> {
    const { fileSystem, table, logger } = deps;
    const { directory } = options;
    const path = join(directory, fileName);
    await fileSystem.remove(join(directory, snapshotName));
    const names = await fileSystem.list(directory);
    const exists = names.includes(fileName);
    const content = exists ? await withFile(fileSystem.open(path, 'read'), readWhole) : Buffer.alloc(0);
    const key = parseHeader(content) ?? newKey();
    const loaded = loadEntries(content, table);
    if (!exists && names.length > 0) {
      logger.error({ path }, `the position journal is missing; ${forgotten}`);
    } else if (exists && !loaded.isIntact) {
      logger.error({ path }, `the position journal is damaged; it is quarantined, and ${forgotten}`);
      await fileSystem.rename(path, `${path}.quarantined`);
    } else if (loaded.tornBytes > 0) {
      const context = { path, bytes: loaded.tornBytes };
      logger.warn(context, `the position journal ends in the middle of a record; unless a crash cut it, ${forgotten}`);
    }
    const journal = new PositionJournal(deps, { ...options, key, notes: loaded.notes });
    await journal.#rewrite();
    return journal;
  }

  get notes(): JournalNotes {
    return this.#notes;
  }

  /** Appends positions, and the notes that are newer; durable when it resolves. One call at a time. */
  async append(positions: readonly Position[], notes: JournalNotes): Promise<void> {
    const entries = [...positions];
    for (const name of noteNames) {
      if (notes[name] <= this.#notes[name]) continue;
      this.#notes[name] = notes[name];
      entries.push(noteEntry(name, notes[name]));
    }
    if (entries.length === 0) return;
    const file = this.#file;
    // What is appended is in the table already (`carry`), so a rewrite includes it.
    if (file === null) return await this.#rewrite();
    for (let at = 0; at < entries.length; at += recordEntriesMax) {
      const record = new RecordBuilder();
      for (const { low, high, seq, usedS } of entries.slice(at, at + recordEntriesMax))
        record.add(low, high, seq, usedS);
      await this.#appendRecord(file, record.finish());
    }
    const liveBytes = headerBytes + this.#table.carriedSize * entryBytes;
    if (this.#bytes > Math.max(this.#bytesMin, 2 * liveBytes)) await this.#rewrite();
  }

  /** Each record is synced by itself, so that only the last one of the file can be torn. */
  async #appendRecord(file: OpenFile, record: Uint8Array): Promise<void> {
    try {
      await file.write([record], this.#bytes);
      await file.datasync();
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#bytes += record.length;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close().catch(() => {});
  }

  /** Replaces the journal by a snapshot of the table. */
  async #rewrite(): Promise<void> {
    await this.close();
    const path = join(this.#directory, fileName);
    const temporaryPath = join(this.#directory, snapshotName);
    const chunks = this.#snapshot();
    await this.#fileSystem.remove(temporaryPath);
    const file = await this.#fileSystem.open(temporaryPath, 'create');
    try {
      await file.write(chunks, 0);
      await file.datasync();
      await this.#fileSystem.rename(temporaryPath, path);
      await this.#fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    this.#file = file;
    this.#bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  #snapshot(): Uint8Array[] {
    const chunks: Uint8Array[] = [encodeHeader(this.#key)];
    let record = new RecordBuilder();
    for (const name of noteNames) {
      const { low, high, seq, usedS } = noteEntry(name, this.#notes[name]);
      if (seq > 0) record.add(low, high, seq, usedS);
    }
    this.#table.forEachCarried((low, high, seq, usedS) => {
      record.add(low, high, seq, usedS);
      if (record.count < recordEntriesMax) return;
      chunks.push(record.finish());
      record = new RecordBuilder();
    });
    if (record.count > 0) chunks.push(record.finish());
    return chunks;
  }
}

function newKey(): readonly [number, number] {
  const bytes = randomBytes(8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}

function encodeHeader(key: readonly [number, number]): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(magic, 0);
  header.writeUInt16LE(version, 4);
  header.writeUInt32LE(key[0], 8);
  header.writeUInt32LE(key[1], 12);
  header.writeUInt32LE(crc32(header.subarray(0, 16)), 16);
  return header;
}

function parseHeader(content: Buffer): readonly [number, number] | null {
  if (content.length < headerBytes || content.readUInt32LE(0) !== magic) return null;
  if (content.readUInt16LE(4) !== version || crc32(content.subarray(0, 16)) !== content.readUInt32LE(16)) return null;
  return [content.readUInt32LE(8), content.readUInt32LE(12)];
}

const forgotten = 'frames and requests that are sent again may be counted again';

function noteEntry(name: keyof JournalNotes, value: number): Position {
  return { low: 0, high: noteNames.indexOf(name), seq: value, usedS: 0 };
}

interface LoadedEntries {
  /** False: the header is bad, or bad bytes are followed by an intact record. */
  isIntact: boolean;
  /** After the last record that is intact. */
  tornBytes: number;
  readonly notes: Record<keyof JournalNotes, number>;
}

/** Takes every entry that can be read into the table. */
function loadEntries(content: Buffer, table: PositionTable): LoadedEntries {
  const notes = { receivedMs: 0, eventIdFile: 0 };
  if (parseHeader(content) === null) return { isIntact: false, tornBytes: 0, notes };
  let end = loadRun(content, headerBytes, table, notes);
  let isIntact = true;
  for (let at = nextRecord(content, end); at !== -1; at = nextRecord(content, end)) {
    end = loadRun(content, at, table, notes);
    isIntact = false;
  }
  return { isIntact, tornBytes: content.length - end, notes };
}

/** Loads records from `offset` up to the first that is not intact; returns its offset. */
function loadRun(content: Buffer, offset: number, table: PositionTable, notes: LoadedEntries['notes']): number {
  let start = offset;
  for (;;) {
    const end = recordEnd(content, start);
    if (end === null) return start;
    for (let at = start + recordHeadBytes; at < end; at += entryBytes) {
      const low = content.readUInt32LE(at);
      const high = content.readUInt32LE(at + 4);
      const seq = content.readDoubleLE(at + 8);
      const usedS = content.readUInt32LE(at + 16);
      const note = low === 0 ? noteNames[high] : undefined;
      if (note !== undefined) {
        notes[note] = Math.max(notes[note], seq);
        continue;
      }
      notes.receivedMs = Math.max(notes.receivedMs, usedS * 1_000);
      table.advance(low, high, seq, usedS);
      table.carry(low, high, seq);
    }
    start = end;
  }
}

/** What a start would say of the content of a journal; null when it is whole. */
export function positionsDamage(content: Buffer): string | null {
  const { isIntact, tornBytes } = loadEntries(content, new PositionTable(1, () => undefined));
  if (!isIntact) return `it is damaged: ${forgotten}`;
  return tornBytes === 0 ? null : `it ends in the middle of a record; unless a crash cut it, ${forgotten}`;
}

function recordEnd(content: Buffer, offset: number): number | null {
  if (offset + recordHeadBytes > content.length) return null;
  const count = content.readUInt32LE(offset);
  const end = offset + recordHeadBytes + count * entryBytes;
  if (count === 0 || count > recordEntriesMax || end > content.length) return null;
  return crc32(content.subarray(offset + recordHeadBytes, end)) === content.readUInt32LE(offset + 4) ? end : null;
}

/** Offset of the first intact record after `offset`, -1 when there is none. */
function nextRecord(content: Buffer, offset: number): number {
  for (let at = offset + 1; at + recordHeadBytes + entryBytes <= content.length; at++) {
    if (recordEnd(content, at) !== null) return at;
  }
  return -1;
}

class RecordBuilder {
  count = 0;
  #bytes = Buffer.allocUnsafe(recordHeadBytes + 64 * entryBytes);

  add(low: number, high: number, seq: number, usedS: number): void {
    const at = recordHeadBytes + this.count * entryBytes;
    if (at === this.#bytes.length || at + entryBytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(
        Math.min(this.#bytes.length * 2, recordHeadBytes + recordEntriesMax * entryBytes),
      );
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#bytes.writeUInt32LE(low, at);
    this.#bytes.writeUInt32LE(high, at + 4);
    this.#bytes.writeDoubleLE(seq, at + 8);
    this.#bytes.writeUInt32LE(usedS, at + 16);
    this.count++;
  }

  finish(): Uint8Array {
    const record = this.#bytes.subarray(0, recordHeadBytes + this.count * entryBytes);
    record.writeUInt32LE(this.count, 0);
    record.writeUInt32LE(crc32(record.subarray(recordHeadBytes)), 4);
    return record;
  }
}
