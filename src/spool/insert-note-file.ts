import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { invariant } from '../core/invariant.js';
import type { InsertNote, InsertNotes } from '../core/ports/insert-notes.js';
import type { Stage } from '../core/stage.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { errorCode } from './file-system.js';

/**
 * The last note of whoever inserts segments, in `insert-note` beside them. Numbers are little-endian.
 *
 *   file   two slots of 128 KiB
 *   slot   u32 magic ("TMIN"), u32 payload bytes, u32 CRC of serial and payload, f64 serial, payload (JSON)
 *
 * A note goes to the slot that does not hold the last one and is fdatasynced; the slot with the higher serial counts.
 * A slot that is torn is a note whose insert has not begun. The file is made whole, so that a note changes no length.
 */
const fileName = 'insert-note';
const slotBytes = 128 * 1024;
const headBytes = 20;
const magic = 0x4e494d54;

export class InsertNoteFile implements Stage, InsertNotes {
  readonly name = 'insert-notes';
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #foundSegments: () => number;
  readonly #path: string;
  #file: OpenFile | null = null;
  #serial = 0;
  #note: InsertNote | null = null;

  /** `foundSegments`: how many lay in the spool when it was started. */
  constructor(deps: { readonly fileSystem: FileSystem; readonly foundSegments?: () => number }, directory: string) {
    this.#foundSegments = deps.foundSegments ?? (() => 1);
    this.#fileSystem = deps.fileSystem;
    this.#directory = directory;
    this.#path = join(directory, fileName);
  }

  async read(): Promise<InsertNote | null> {
    if (this.#file === null) await this.#open();
    return this.#note;
  }

  /**
   * Whether an insert of this segment has begun and may not have ended: the last note is its own or still speaks of it.
   * Null: nothing was ever noted, or the notes cannot be read now.
   */
  async wasNoted(segmentId: string): Promise<boolean | null> {
    const note = await this.read().catch(() => null);
    return note === null ? null : note.segmentId === segmentId || note.content.includes(segmentId);
  }

  /** With nothing in the spool that can have been inserted without a note, every insert has one from now on. */
  async start(): Promise<void> {
    if (this.#foundSegments() === 0 && (await this.read()) === null) await this.write({ segmentId: '', content: '' });
  }

  async write(note: InsertNote): Promise<void> {
    const file = this.#file ?? (await this.#open());
    const payload = Buffer.from(JSON.stringify(note), 'utf8');
    invariant(payload.length <= slotBytes - headBytes, `a note of ${payload.length} bytes is too long`);
    const slot = Buffer.alloc(headBytes);
    const serial = this.#serial + 1;
    slot.writeUInt32LE(magic, 0);
    slot.writeUInt32LE(payload.length, 4);
    slot.writeDoubleLE(serial, 12);
    slot.writeUInt32LE(crc32(payload, crc32(slot.subarray(12, headBytes))), 8);
    try {
      await file.write([slot, payload], (serial % 2) * slotBytes);
      await file.datasync();
    } catch (error) {
      // A descriptor whose sync failed says nothing any more; what is on the disk is read again.
      this.#file = null;
      await file.close().catch(() => undefined);
      throw error;
    }
    this.#serial = serial;
    this.#note = note;
  }

  async stop(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #open(): Promise<OpenFile> {
    const file = (await this.#tryOpen()) ?? (await this.#create());
    try {
      const bytes = Buffer.alloc(2 * slotBytes);
      await file.read(bytes, 0);
      const slots = [0, slotBytes].map((at) => parseSlot(bytes.subarray(at, at + slotBytes)));
      for (const slot of slots) {
        if (slot === null || slot.serial <= this.#serial) continue;
        this.#serial = slot.serial;
        this.#note = slot.note;
      }
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    this.#file = file;
    return file;
  }

  async #tryOpen(): Promise<OpenFile | null> {
    try {
      const file = await this.#fileSystem.open(this.#path, 'update');
      if ((await file.size()) === 2 * slotBytes) return file;
      // Made by a process that ended before the first note.
      await file.close();
      await this.#fileSystem.remove(this.#path);
      return null;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null;
      throw error;
    }
  }

  async #create(): Promise<OpenFile> {
    const file = await this.#fileSystem.open(this.#path, 'create');
    try {
      await file.write([Buffer.alloc(2 * slotBytes)], 0);
      await file.datasync();
      await this.#fileSystem.syncDirectory(this.#directory);
      return file;
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
  }
}

function parseSlot(slot: Buffer): { readonly serial: number; readonly note: InsertNote } | null {
  if (slot.readUInt32LE(0) !== magic) return null;
  const bytes = slot.readUInt32LE(4);
  if (bytes > slotBytes - headBytes) return null;
  const payload = slot.subarray(headBytes, headBytes + bytes);
  if (slot.readUInt32LE(8) !== crc32(payload, crc32(slot.subarray(12, headBytes)))) return null;
  return { serial: slot.readDoubleLE(12), note: JSON.parse(payload.toString('utf8')) as InsertNote };
}
