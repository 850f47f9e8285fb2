import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { errorMessage } from '../core/errors.js';
import type { EventIdList } from '../core/event-batch.js';
import type { SpoolInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { EventIdSink } from '../core/ports/event-id-sink.js';
import { bytesOf, decodeIds } from './event-id-list.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { readWhole, withFile } from './file-system.js';
import { RecentEventIds } from './recent-event-ids.js';

/**
 * The journal of the event ids that have left with their segments, as 64-bit fingerprints. Little-endian, CRC-32 of
 * zlib. Files `event-ids-<number>`, 10 digits, ascending; the last is appended to:
 *
 *   record   magic "TMI1" (1 is the version), u32 count, u32 CRC of the entries, count × u32 low, count × u32 high
 *
 * A record is appended and synced before the segment it comes from is deleted, so the ids of an acknowledged event are
 * in its segment's log or here, until as many as fit the memory are newer. Ids are a set: a record that a crash made
 * be written twice does no harm. A file that has half of the ids to remember is followed by another, and the oldest
 * goes when the files after it have that half: the journal has at most 1.5 times the ids to remember, and a segment's.
 *
 * Reading takes every intact record, wherever bad bytes lie: what a crash left of an unfinished append is no part of
 * the journal, its segment is still there. After a failed append its descriptor is never synced again, the next
 * record begins another file.
 */
const magic = 0x31494d54;
const magicBytes = Buffer.from('TMI1', 'latin1');
const recordHeadBytes = 12;
const idBytes = 8;
export const eventIdFilePattern = /^event-ids-(\d{10})$/;

interface JournalFile {
  readonly number: number;
  bytes: number;
  ids: number;
}

interface JournalDeps {
  readonly fileSystem: FileSystem;
  readonly logger: Logger;
  readonly instruments: SpoolInstruments;
  readonly eventIds: EventIdSink;
}

export interface JournalPlace {
  readonly directory: string;
  /** Ids that are to be remembered: at least half of them are. */
  readonly idsMax: number;
  /** Number of the last file that is known to have been there; 0: none. */
  readonly lastFile: number;
}

const forgotten = 'events that are sent again by their event id may be counted again';

export class EventIdJournal {
  readonly #deps: JournalDeps;
  readonly #directory: string;
  readonly #fileIdsMax: number;
  readonly #lastFileBefore: number;
  /** Ids found at the start, until they are restored. */
  #recent: RecentEventIds | null;
  /** Oldest first. */
  readonly #files: JournalFile[] = [];
  /** Of the last file; null: the next append opens one. */
  #file: OpenFile | null = null;
  /** The last file takes no more. */
  #isLastFull = false;

  private constructor(deps: JournalDeps, { directory, idsMax, lastFile }: JournalPlace) {
    this.#deps = deps;
    this.#directory = directory;
    this.#lastFileBefore = lastFile;
    this.#fileIdsMax = Math.ceil(idsMax / 2);
    this.#recent = new RecentEventIds(idsMax);
  }

  /** Reads what is there. */
  static async open(deps: JournalDeps, place: JournalPlace): Promise<EventIdJournal> {
    const journal = new EventIdJournal(deps, place);
    await journal.#load();
    if (journal.lastFile < place.lastFile) {
      const path = journal.#path({ number: place.lastFile });
      deps.logger.error({ path }, `a journal of event ids is missing; ${forgotten}`);
    }
    return journal;
  }

  /** Number of the file that is appended to; 0: there is none. */
  get lastFile(): number {
    return this.#files.at(-1)?.number ?? 0;
  }

  /** During the start: ids of a segment that is still in the spool, in the order of receipt. */
  remember(ids: EventIdList): void {
    this.#recent?.add(ids);
  }

  /** Ends the start: gives the newest ids that were found to who looks for repeated ones, oldest first. */
  restore(): void {
    for (const ids of this.#recent?.lists() ?? []) {
      this.#deps.instruments.eventIdsRestored.inc(this.#deps.eventIds.restore(ids));
    }
    this.#recent = null;
  }

  /** Appends ids; they are durable when it resolves and the directory is synced. One call at a time. */
  async append(lists: readonly EventIdList[]): Promise<void> {
    const count = lists.reduce((sum, { low }) => sum + low.length, 0);
    if (count === 0) return;
    const record = encodeRecord(lists, count);
    const last = this.#files.at(-1);
    const file = last === undefined || this.#isLastFull ? await this.#begin() : last;
    try {
      this.#file ??= await this.#deps.fileSystem.open(this.#path(file), 'update');
      await this.#file.write([record], file.bytes);
      await this.#file.datasync();
    } catch (error) {
      await this.#giveUp(file);
      throw error;
    }
    file.bytes += record.length;
    file.ids += count;
    if (file.ids < this.#fileIdsMax) return;
    this.#isLastFull = true;
    await this.close();
    await this.#removeOld();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    // What was appended is synced, so a close that fails loses nothing.
    await file?.close().catch(() => {});
  }

  async #load(): Promise<void> {
    const names = (await this.#deps.fileSystem.list(this.#directory))
      .filter((name) => eventIdFilePattern.test(name))
      .sort();
    for (const name of names) {
      const file = { number: Number(eventIdFilePattern.exec(name)![1]), bytes: 0, ids: 0 };
      const content = await withFile(this.#deps.fileSystem.open(this.#path(file), 'read'), readWhole);
      file.bytes = content.length;
      this.#files.push(file);
      this.#take(content, file);
      this.#isLastFull = file.ids >= this.#fileIdsMax;
    }
  }

  #take(content: Buffer, file: JournalFile): void {
    const { badBytes, damagedBytes } = scanIds(content, (at, count) => {
      this.#recent?.add(decodeIds(content, at, count));
      file.ids += count;
    });
    if (damagedBytes === 0) {
      if (badBytes === 0 && content.length > 0) return;
      const context = { path: this.#path(file), bytes: badBytes };
      this.#deps.logger.warn(context, `a journal of event ids ends too early; unless a crash cut it, ${forgotten}`);
      return;
    }
    this.#deps.eventIds.forgotten(Math.floor(damagedBytes / idBytes));
    this.#deps.logger.error(
      { path: this.#path(file), bytes: damagedBytes },
      `the journal of event ids is damaged; ${forgotten}`,
    );
  }

  async #begin(): Promise<JournalFile> {
    await this.close();
    const file = { number: Math.max(this.lastFile, this.#lastFileBefore) + 1, bytes: 0, ids: 0 };
    this.#file = await this.#deps.fileSystem.open(this.#path(file), 'create');
    this.#files.push(file);
    this.#isLastFull = false;
    return file;
  }

  /** The descriptor cannot tell what is on the disk; a file without a record is not kept. */
  async #giveUp(file: JournalFile): Promise<void> {
    await this.close();
    this.#isLastFull = true;
    if (file.bytes > 0) return;
    const removed = await this.#tryRemove(file);
    if (removed) this.#files.pop();
  }

  async #removeOld(): Promise<void> {
    let ids = this.#files.reduce((sum, file) => sum + file.ids, 0);
    for (let oldest = this.#files[0]; oldest !== undefined; oldest = this.#files[0]) {
      if (ids - oldest.ids < this.#fileIdsMax || !(await this.#tryRemove(oldest))) return;
      ids -= oldest.ids;
      this.#files.shift();
    }
  }

  /** What cannot be removed now is removed later. */
  async #tryRemove(file: JournalFile): Promise<boolean> {
    try {
      await this.#deps.fileSystem.remove(this.#path(file));
      return true;
    } catch (error) {
      this.#deps.logger.warn({ cause: errorMessage(error) }, 'cannot remove old event ids; it is tried again');
      return false;
    }
  }

  #path({ number }: Pick<JournalFile, 'number'>): string {
    return join(this.#directory, `event-ids-${String(number).padStart(10, '0')}`);
  }
}

function encodeRecord(lists: readonly EventIdList[], count: number): Buffer {
  const record = Buffer.allocUnsafe(recordHeadBytes + count * idBytes);
  let lowAt = recordHeadBytes;
  let highAt = recordHeadBytes + count * 4;
  for (const { low, high } of lists) {
    record.set(bytesOf(low), lowAt);
    record.set(bytesOf(high), highAt);
    lowAt += low.byteLength;
    highAt += high.byteLength;
  }
  record.writeUInt32LE(magic, 0);
  record.writeUInt32LE(count, 4);
  record.writeUInt32LE(crc32(record.subarray(recordHeadBytes)), 8);
  return record;
}

/** What a start would say of the content of a file of the journal; null when it is whole. */
export function eventIdsDamage(content: Buffer): string | null {
  const { badBytes, damagedBytes } = scanIds(content, () => undefined);
  if (damagedBytes > 0) return `it is damaged: ${forgotten}`;
  return badBytes === 0 && content.length > 0 ? null : `it ends too early; unless a crash cut it, ${forgotten}`;
}

/** `take` gets where the ids of each intact record begin, and how many there are. */
function scanIds(content: Buffer, take: (offset: number, count: number) => void) {
  let badBytes = 0;
  let damagedBytes = 0;
  for (let at = 0; at < content.length; ) {
    const end = recordEnd(content, at);
    if (end === null) {
      const next = content.indexOf(magicBytes, at + 1);
      badBytes += (next === -1 ? content.length : next) - at;
      at = next === -1 ? content.length : next;
      continue;
    }
    // Bad bytes at the end are an append that a crash cut short; with a record behind them they were synced once.
    damagedBytes = badBytes;
    take(at + recordHeadBytes, (end - at - recordHeadBytes) / idBytes);
    at = end;
  }
  return { badBytes, damagedBytes };
}

function recordEnd(content: Buffer, offset: number): number | null {
  const start = offset + recordHeadBytes;
  if (start > content.length || content.readUInt32LE(offset) !== magic) return null;
  const end = start + content.readUInt32LE(offset + 4) * idBytes;
  if (end > content.length) return null;
  return crc32(content.subarray(start, end)) === content.readUInt32LE(offset + 8) ? end : null;
}
