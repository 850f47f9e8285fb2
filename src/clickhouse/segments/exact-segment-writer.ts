import { type Clock, type Random, sleep } from '../../core/clock.js';
import { CollectorError } from '../../core/errors.js';
import { rawTable } from '../../core/event-schema.js';
import type { ExactInsertInstruments } from '../../core/instruments.js';
import type { Logger } from '../../core/logger.js';
import type { InsertNotes } from '../../core/ports/insert-notes.js';
import type { SegmentWriter } from '../../core/ports/segment-writer.js';
import type { SpoolSegment } from '../../core/ports/spool-reader.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { readingAsWriter } from '../maintenance/rollup-repair.js';
import { quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';
import { type FedTable, readFedTables } from './fed-tables.js';
import { type ArrivedPart, type BlockMarks, isWhole, readArrivedParts, readBlockMarks } from './part-census.js';
import { syncPart } from './part-files.js';
import { completeSegment, placeOf } from './segment-completion.js';
import { insertStatement } from './segment-insert.js';

/**
 * Inserts segments into the embedded engine so that each is there exactly once, whatever happened to the insert.
 *
 * The engine's deduplication is not enough for that: its log of tokens is written behind the part it tells of and not
 * synced, so a power cut (or a failed write, or a kill at the wrong moment) leaves the part without its token, and a
 * replay counts it twice. So the store itself is asked. Before an insert the highest block number of each table it
 * reaches is noted durably. Only this collector inserts into those tables, one segment at a time, and whatever else
 * writes to them holds deliveries (`DeliveryHold`). Therefore afterwards a block above the mark, in a part of its own
 * or merged into a larger one, says that the segment has arrived in that partition of that table.
 *
 *   first attempt   marks, note, insert with the segment's id as token, then its parts are looked at: the rows of the
 *                   raw table, and the files of each part
 *   any later one,  what has arrived is read from the parts; those that are not whole are detached. Nothing arrived:
 *   in this process inserted again, and when that adds nothing, because the log of tokens names an insert that was
 *   or the next     lost, under another token. Then the places that lack it are fed from its file
 *                   (`completeSegment`)
 *
 * A segment that an older version may have inserted, which took no notes, goes by its token alone.
 */
export interface ExactWriterDeps {
  readonly store: StoreWriter;
  readonly notes: InsertNotes;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly instruments: ExactInsertInstruments;
}

export interface ExactWriterOptions {
  readonly database: string;
  /** The engine's directory. */
  readonly engineDir: string;
}

/** The content of a note, and of what is kept with a segment that was put aside. */
interface NoteContent {
  readonly marks: BlockMarks;
  /** Places that had their rows when the marks were read. */
  readonly arrived: readonly string[];
  /** The segment may have been inserted without a note. */
  readonly byToken: boolean;
  /** Of a segment that was put aside before, written since. */
  readonly cameBack?: boolean;
  /** The newest segment that was begun before this one, absent when the note's own is newer. */
  readonly newest?: string;
  /** A newer segment that was in doubt when this one came back before it, and the places that had its rows. */
  readonly pending?: { readonly segmentId: string; readonly arrived: readonly string[]; readonly byToken: boolean };
}

/** Where a segment is, as `placeOf` names it, and in which parts. */
interface Arrival {
  readonly places: ReadonlySet<string>;
  readonly parts: readonly ArrivedPart[];
}

const quietPollMs = 250;
const quietPollsMax = 40;

export class ExactSegmentWriter implements SegmentWriter {
  readonly #deps: ExactWriterDeps;
  readonly #options: ExactWriterOptions;
  readonly #reader: StoreReader;
  #tables: readonly FedTable[] | null = null;

  constructor(deps: ExactWriterDeps, options: ExactWriterOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#reader = readingAsWriter(deps.store);
  }

  async insert(segment: SpoolSegment): Promise<void> {
    const note = await this.#deps.notes.read();
    const last = note === null ? null : parseNote(note.content);
    // What came back goes by what was kept with it: others have been inserted since its first note.
    const isOwnNote = segment.arrived === undefined || last?.cameBack === true;
    if (last !== null && note?.segmentId === segment.id && isOwnNote) return await this.#settle(segment, last);
    if (segment.arrived) {
      const { arrived } = parseNote(segment.arrived);
      const content = await this.#note(segment, { arrived, byToken: false, cameBack: true });
      return await this.#settle(segment, content);
    }
    if (segment.arrived === undefined && last?.pending?.segmentId === segment.id) {
      const { arrived, byToken } = last.pending;
      return await this.#settle(segment, await this.#note(segment, { arrived, byToken }));
    }
    // Ids sort by age and segments are inserted oldest first: one that is not newer than all was here before and has
    // come back, put aside or put back.
    const byToken = note === null || segment.arrived === '' || segment.id <= (last?.newest ?? note.segmentId);
    await this.#insertWhole(segment, { token: segment.id, byToken });
  }

  async giveUp(segment: SpoolSegment): Promise<string | null> {
    const note = await this.#deps.notes.read();
    if (note?.segmentId !== segment.id) return segment.arrived ?? null;
    const content = parseNote(note.content);
    if (content.byToken) return null;
    await this.#quiet(segment);
    const { places } = await this.#arrived(content);
    return JSON.stringify({ marks: {}, arrived: [...places], byToken: false } satisfies NoteContent);
  }

  /** Brings a segment to an end whose earlier insert may have arrived, in part or whole. */
  async #settle(segment: SpoolSegment, note: NoteContent): Promise<void> {
    await this.#quiet(segment);
    if (note.byToken) return await this.#insertWhole(segment, { token: segment.id, byToken: true });
    const found = await this.#arrived(note);
    if (found.places.size > 0) return await this.#complete(segment, { note, ...found }, 'complete');
    await this.#insertAgain(segment);
    // A table of a view may remember the token for rows that are lost, and says nothing when it leaves them out.
    const again = parseNote((await this.#deps.notes.read())?.content ?? '');
    await this.#complete(segment, { note: again, ...(await this.#arrived(again)) }, 'repeated');
  }

  /** Feeds the places that lack the segment; `outcome` when none does. */
  async #complete(
    segment: SpoolSegment,
    { note, places, parts }: Arrival & { readonly note: NoteContent },
    outcome: 'complete' | 'repeated',
  ): Promise<void> {
    const hasRaw = [...places].some((place) => place.startsWith(placeOf(rawTable, '')));
    const fed = await completeSegment(this.#deps.store, segment, {
      ...this.#options,
      tables: await this.#fedTables(),
      // A table of a later version was filled from the raw rows there were when it was made.
      hasArrived: (table, partition) => (table in note.marks ? places.has(placeOf(table, partition)) : hasRaw),
      nextToken: () => this.#nextToken(segment),
    });
    const raw = fed.length === 0 ? parts : (await this.#arrived(note)).parts;
    // What is taken over as a part is linked and not synced by the engine.
    for (const part of raw) if (part.table === rawTable && part.isOwn) await syncPart(part.directory);
    if (fed.length > 0) await this.#assertWhole(segment, raw);
    this.#settled(segment, fed.length === 0 ? outcome : 'completed');
  }

  /** Under its own token, by which it is known should its files ever come back; unless that names what was lost. */
  async #insertAgain(segment: SpoolSegment): Promise<void> {
    try {
      await this.#insertWhole(segment, { token: segment.id, byToken: false });
    } catch (error) {
      if (!(error instanceof CollectorError) || error.code !== 'store_failed') throw error;
      const note = await this.#deps.notes.read();
      if (note === null || (await this.#arrived(parseNote(note.content))).places.size > 0) throw error;
      await this.#insertWhole(segment, { token: this.#nextToken(segment), byToken: false });
    }
  }

  async #insertWhole(
    segment: SpoolSegment,
    { token, byToken }: { readonly token: string; readonly byToken: boolean },
  ): Promise<void> {
    const { marks } = await this.#note(segment, { arrived: [], byToken });
    await this.#deps.store.command({
      name: `insert of segment ${segment.id}`,
      sql: insertStatement(segment, { ...this.#options, transport: 'infile' }, { table: rawTable, token }),
    });
    const parts = await this.#readArrived(marks);
    await this.#assertWhole(segment, parts);
    if (!byToken) assertRows(segment, parts);
  }

  /** Reads the marks and makes them durable, before anything of the segment is inserted. */
  async #note(segment: SpoolSegment, rest: Omit<NoteContent, 'marks' | 'newest' | 'pending'>): Promise<NoteContent> {
    const tables = await this.#fedTables();
    const marks = await readBlockMarks(this.#reader, namesOf(tables));
    const content: NoteContent = { marks, ...rest, ...(await this.#behind(segment)) };
    await this.#deps.notes.write({ segmentId: segment.id, content: JSON.stringify(content) });
    return content;
  }

  /** What must be remembered of other segments while this one's note takes the place of theirs. */
  async #behind({ id }: SpoolSegment): Promise<Pick<NoteContent, 'newest' | 'pending'>> {
    const last = await this.#deps.notes.read();
    if (last === null || last.content === '') return {};
    const content = parseNote(last.content);
    const newest = content.newest ?? last.segmentId;
    const behind = newest > id ? { newest } : {};
    if (last.segmentId <= id) {
      const isPending = content.pending !== undefined && content.pending.segmentId > id;
      return isPending ? { ...behind, pending: content.pending } : behind;
    }
    const { places } = await this.#arrived(content);
    return { ...behind, pending: { segmentId: last.segmentId, arrived: [...places], byToken: content.byToken } };
  }

  async #readArrived(marks: BlockMarks): Promise<ArrivedPart[]> {
    // What a table has that was not there when the marks were read says nothing.
    const tables = namesOf(await this.#fedTables()).filter((table) => table in marks);
    return await readArrivedParts(this.#reader, { tables, marks, engineDir: this.#options.engineDir });
  }

  /** Where the segment is, and in which parts. A part of its own that is not whole is detached: it has not arrived. */
  async #arrived(note: NoteContent): Promise<Arrival> {
    const places = new Set(note.arrived);
    const parts: ArrivedPart[] = [];
    const detached: ArrivedPart[] = [];
    for (const part of await this.#readArrived(note.marks)) {
      if (part.isOwn && !(await isWhole(this.#deps.store, part))) {
        await this.#detach(part);
        detached.push(part);
        continue;
      }
      parts.push(part);
      places.add(placeOf(part.table, part.partition));
    }
    if (detached.length > 0) await this.#raiseMarks(detached, [...places]);
    return { places, parts };
  }

  async #detach({ table, name }: ArrivedPart): Promise<void> {
    const { store, logger, instruments } = this.#deps;
    logger.error({ table, part: name }, 'a part of an interrupted insert is broken; it is detached');
    instruments.partsBroken.inc({ found: 'insert' });
    await store.command({
      name: `detaching a part of ${table}`,
      sql: `ALTER TABLE ${table} DETACH PART ${quoteString(name)}`,
    });
  }

  /** The number of a block that was detached may be in a merged part, which has nothing of it. */
  async #raiseMarks(detached: readonly ArrivedPart[], places: readonly string[]): Promise<void> {
    const last = await this.#deps.notes.read();
    if (last === null) return;
    const content = parseNote(last.content);
    const raised = await readBlockMarks(this.#reader, namesOf(await this.#fedTables()));
    const marks = Object.fromEntries(detached.map(({ table }) => [table, raised[table] ?? 0]));
    const isRaised = (place: string) => detached.some(({ table }) => place.startsWith(placeOf(table, '')));
    const arrived = [...new Set([...content.arrived, ...places.filter(isRaised)])];
    const changed: NoteContent = { ...content, marks: { ...content.marks, ...marks }, arrived };
    await this.#deps.notes.write({ segmentId: last.segmentId, content: JSON.stringify(changed) });
  }

  async #assertWhole(segment: SpoolSegment, parts: readonly ArrivedPart[]): Promise<void> {
    for (const part of parts) {
      if (await isWhole(this.#deps.store, part)) continue;
      const what = `part ${part.name} of ${part.table} is not complete on the disk`;
      throw new CollectorError('store_failed', `cannot insert segment ${segment.id}: ${what}`);
    }
  }

  /** Waits until no statement on the segment runs: one whose answer was lost may still be inserting. */
  async #quiet(segment: SpoolSegment): Promise<void> {
    for (let poll = 0; poll < quietPollsMax; poll++) {
      const [row] = await this.#reader.rows<{ count: number | string }>({
        name: 'statements_on_a_segment',
        // This statement names it too.
        sql: `
          SELECT count() AS count FROM system.processes
          WHERE startsWith(trimLeft(query), 'INSERT') AND position(query, {id:String}) > 0`,
        params: { id: segment.id },
      });
      if (Number(row?.count) === 0) return;
      await sleep(this.#deps.clock, quietPollMs);
    }
    const what = 'an earlier insert of it still runs';
    throw new CollectorError('store_overloaded', `cannot insert segment ${segment.id}: ${what}`);
  }

  async #fedTables(): Promise<readonly FedTable[]> {
    this.#tables ??= await readFedTables(this.#reader);
    return this.#tables;
  }

  #nextToken(segment: SpoolSegment): string {
    return `${segment.id}-${Math.floor(this.#deps.random() * 2 ** 48).toString(36)}`;
  }

  #settled(segment: SpoolSegment, outcome: 'complete' | 'completed' | 'repeated'): void {
    this.#deps.instruments.settled.inc({ outcome });
    this.#deps.logger.info({ segment: segment.id, outcome }, 'an interrupted insert is settled');
  }
}

/** The engine can report success for rows it does not have. Merged rows cannot be told from older ones. */
function assertRows(segment: SpoolSegment, parts: readonly ArrivedPart[]): void {
  const raw = parts.filter(({ table }) => table === rawTable);
  const rows = raw.reduce((sum, part) => sum + part.rows, 0);
  if (raw.some(({ isOwn }) => !isOwn) || rows === segment.rows) return;
  const what = `${rows} of its ${segment.rows} rows are in the store`;
  throw new CollectorError('store_failed', `cannot insert segment ${segment.id}: ${what}`);
}

function namesOf(tables: readonly FedTable[]): string[] {
  return tables.map(({ name }) => name);
}

/** The first note of a spool is empty: it says that there was none before. */
function parseNote(content: string): NoteContent {
  if (content === '') return { marks: {}, arrived: [], byToken: false };
  return JSON.parse(content) as NoteContent;
}
