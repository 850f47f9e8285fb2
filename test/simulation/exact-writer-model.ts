import { CollectorError } from '../../src/core/errors.js';
import type { SegmentWriter } from '../../src/core/ports/segment-writer.js';
import type { SpoolSegment } from '../../src/core/ports/spool-reader.js';
import { readWhole, withFile } from '../../src/spool/file-system.js';
import type { DiskSession } from './simulated-disk.js';
import type { StoreModel, TableName } from './store-model.js';
import { eventsOf, tableNames } from './store-model.js';

interface Note {
  readonly segment: string;
  /** Highest block of each table before the segment's first insert. */
  readonly marks: Readonly<Record<TableName, number>>;
}

export interface WriterFaults {
  /** An insert that is repeated has another token each time. */
  readonly tokenPerAttempt: boolean;
  /** What an insert has left is not looked at. */
  readonly unchecked: boolean;
  /** No note of what was there before: a repeated insert relies on its token. */
  readonly noteless: boolean;
}

const directory = '/spool';
const notePath = `${directory}/insert-note`;

/**
 * The protocol of an exact insert, as a model behind the writer's port: note durably where each table's blocks end,
 * insert, look at what has come. An insert that is repeated, in this process or after a crash, feeds those tables only
 * that have no readable block above the note's mark. The token is for an insert that somebody has given up on and that
 * arrives all the same. A table that drops what it is fed without having it (its part is gone, its memory of the token
 * is not) is fed without token.
 */
export class ExactWriterModel implements SegmentWriter {
  readonly #session: DiskSession;
  readonly #store: StoreModel;
  readonly #faults: WriterFaults;
  #note: Note | null = null;
  #isNoteRead = false;

  constructor(session: DiskSession, store: StoreModel, faults: WriterFaults) {
    this.#session = session;
    this.#store = store;
    this.#faults = faults;
  }

  async insert(segment: SpoolSegment): Promise<void> {
    const events = eventsIn(this.#session.content(segment.dataPath));
    if (events.length !== segment.rows) throw new Error(`segment ${segment.id} holds ${events.length} events`);
    const token = this.#faults.tokenPerAttempt ? `${segment.id} ${this.#session.disk.random()}` : segment.id;
    if (this.#faults.noteless) return await this.#feed(events, tableNames, token);
    const note = await this.#noteOf(segment.id);
    await this.#feed(events, this.#lacking(events, note), token);
    if (this.#faults.unchecked) return;
    await this.#feed(events, this.#lacking(events, note), null);
    const lacking = this.#lacking(events, note);
    if (lacking.length > 0) throw new CollectorError('store_overloaded', `${lacking.join()} still lack the segment`);
  }

  /** No segment of the model is ever refused for good. */
  async giveUp(): Promise<null> {
    return null;
  }

  async #feed(events: readonly string[], tables: readonly TableName[], token: string | null): Promise<void> {
    if (this.#session.ended) await new Promise(() => {});
    if (tables.length > 0) await this.#store.insert(events, tables, token);
    if (this.#session.ended) await new Promise(() => {});
  }

  #lacking(events: readonly string[], { marks }: Note): TableName[] {
    return tableNames.filter(
      (table) => eventsOf(table, events).length > 0 && !this.#store.hasBlockAbove(table, marks[table]),
    );
  }

  async #noteOf(segment: string): Promise<Note> {
    if (!this.#isNoteRead) this.#note = await this.#readNote();
    this.#isNoteRead = true;
    if (this.#note?.segment === segment) {
      // Nothing is looked at while an insert that was given up may still arrive.
      this.#store.landLate();
      return this.#note;
    }
    const marks = Object.fromEntries(tableNames.map((table) => [table, this.#store.highestBlock(table)]));
    const note = { segment, marks: marks as Note['marks'] };
    await this.#writeNote(note);
    this.#note = note;
    return note;
  }

  async #readNote(): Promise<Note | null> {
    if (!this.#session.disk.names.has(notePath)) return null;
    const text = await withFile(this.#session.open(notePath, 'read'), readWhole);
    return JSON.parse(text.toString()) as Note;
  }

  async #writeNote(note: Note): Promise<void> {
    const path = `${notePath}.tmp`;
    await this.#session.remove(path);
    await withFile(this.#session.open(path, 'create'), async (file) => {
      await file.write([Buffer.from(JSON.stringify(note))], 0);
      await file.datasync();
    });
    await this.#session.rename(path, notePath);
    await this.#session.syncDirectory(directory);
  }
}

/** Every event is a row of its own, ended by a semicolon. */
function eventsIn(rows: Buffer): readonly string[] {
  return rows.toString('latin1').split(';').slice(0, -1);
}
