import { errorMessage } from '../core/errors.js';
import type { SpoolInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { EventIdJournal } from './event-id-journal.js';
import type { FileSystem } from './file-system.js';
import { errorCode, readWhole, withFile } from './file-system.js';
import { scanLog } from './log-scan.js';
import type { PositionJournal } from './position-journal.js';
import type { Position, PositionTable } from './position-table.js';
import { writeQuarantineNote } from './quarantine-note.js';
import type { BatchRecord } from './segment-log.js';
import { eventIdsOf, forEachFrame } from './segment-log.js';
import { segmentPath } from './segment-paths.js';

/** Positions appended to the journal at once: bounds memory and the time the loop is held. */
const positionsPerAppend = 8_192;

export type QuarantineReason = 'corrupt' | 'store_rejected' | 'by_hand';

/**
 * How a segment leaves the spool. Its positions and event ids go to their journals first; then its files are deleted
 * or renamed. The steps and what a crash between them leaves are specified in `spool.ts`. One call at a time.
 */
export class SegmentRetirement {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #journal: PositionJournal;
  readonly #eventIds: EventIdJournal;
  readonly #table: PositionTable;
  readonly #instruments: SpoolInstruments;
  readonly #logger: Logger;
  /** Have files beside their own that go with them. */
  readonly #annotated = new Set<string>();
  /** Released and deleted but for the log, whose positions could not be journalled yet. */
  readonly #uncarried = new Set<string>();

  constructor(
    deps: {
      readonly fileSystem: FileSystem;
      readonly journal: PositionJournal;
      readonly eventIdJournal: EventIdJournal;
      readonly table: PositionTable;
      readonly instruments: SpoolInstruments;
      readonly logger: Logger;
    },
    directory: string,
  ) {
    this.#fileSystem = deps.fileSystem;
    this.#journal = deps.journal;
    this.#eventIds = deps.eventIdJournal;
    this.#table = deps.table;
    this.#instruments = deps.instruments;
    this.#logger = deps.logger;
    this.#directory = directory;
  }

  get uncarried(): number {
    return this.#uncarried.size;
  }

  /** Notes of an earlier quarantine lie beside this segment. */
  annotated(id: string): void {
    this.#annotated.add(id);
  }

  /** The point of no return: from here on the segment is never delivered again. Repeatable until it resolves. */
  async release(id: string): Promise<void> {
    await this.#renameOnce(this.#path(id, 'log'), this.#path(id, 'released'));
    await this.#fileSystem.syncDirectory(this.#directory);
    this.#uncarried.add(id);
  }

  /** Deletes what released segments have left, carrying their positions forward. Repeatable. */
  async finish(id?: string): Promise<void> {
    if (id !== undefined) this.#uncarried.add(id);
    // Space first: the journal may need it.
    for (const each of this.#uncarried) await this.#fileSystem.remove(this.#path(each, 'data'));
    for (const each of this.#uncarried) await this.#carryReleased(each);
  }

  async #carryReleased(id: string): Promise<void> {
    await this.#carryLog(id, 'released');
    if (this.#annotated.delete(id)) {
      for (const suffix of ['restored', 'arrived', 'quarantine.json'] as const)
        await this.#fileSystem.remove(this.#path(id, suffix));
    }
    // The data's deletion must not be undone by a crash once the log is gone: it would look like a lost log.
    await this.#fileSystem.syncDirectory(this.#directory);
    await this.#fileSystem.remove(this.#path(id, 'released'));
    this.#uncarried.delete(id);
  }

  /** What the store has of a segment that is put aside, durable before that. */
  async keepArrived(id: string, arrived: string): Promise<void> {
    const path = this.#path(id, 'arrived');
    await this.#fileSystem.remove(path);
    await withFile(this.#fileSystem.open(path, 'create'), async (file) => {
      await file.write([Buffer.from(arrived, 'utf8')], 0);
      await file.datasync();
    });
  }

  /** Renames both files, or the one there is. `readable`: its log and what of it holds, read again when not given. */
  async quarantine(
    segment: { readonly id: string; readonly rows: number; readonly hasData: boolean; readonly hasLog: boolean },
    reason: QuarantineReason,
    readable?: { readonly log: Buffer; readonly records: readonly BatchRecord[] },
  ): Promise<void> {
    const { id } = segment;
    if (readable !== undefined) await this.carry(readable.log, readable.records);
    else if (segment.hasLog) await this.#carryLog(id, 'log');
    await this.#tryNote(id, reason);
    if (segment.hasData) await this.#renameOnce(this.#path(id, 'data'), this.#path(id, 'data.quarantined'));
    if (segment.hasLog) await this.#renameOnce(this.#path(id, 'log'), this.#path(id, 'log.quarantined'));
    await this.#fileSystem.syncDirectory(this.#directory);
    this.#instruments.segmentsQuarantined.inc({ reason });
    this.#instruments.eventsQuarantined.inc(segment.rows);
  }

  async #carryLog(id: string, suffix: 'log' | 'released'): Promise<void> {
    const log = await withFile(this.#fileSystem.open(this.#path(id, suffix), 'read'), readWhole);
    const scan = scanLog(log, id, null);
    if (scan.status !== 'unborn') await this.carry(log, scan.records);
  }

  /** A note helps who looks at it; a disk that has no room for it must not keep the segment in the queue. */
  async #tryNote(id: string, reason: QuarantineReason): Promise<void> {
    try {
      await writeQuarantineNote(this.#fileSystem, { directory: this.#directory, id }, { reason });
    } catch (error) {
      const context = { segment: id, reason, cause: errorMessage(error) };
      this.#logger.warn(context, 'cannot write why a segment is quarantined beside it');
    }
  }

  /** Makes the positions and event ids of `records` durable in the journals. */
  async carry(log: Buffer, records: readonly BatchRecord[]): Promise<void> {
    // Before the positions, whose journal notes which file of ids is the last.
    await this.#eventIds.append(records.flatMap((record) => eventIdsOf(log, record) ?? []));
    const latest = new Map<string, { seq: number; usedS: number }>();
    let receivedMs = 0;
    for (const record of records) {
      receivedMs = Math.max(receivedMs, record.receivedMs);
      const usedS = Math.floor(record.receivedMs / 1_000);
      forEachFrame(log, record, ({ tenant, producer, seq }) => {
        if (producer !== '') latest.set(`${tenant}\0${producer}`, { seq, usedS });
      });
      if (latest.size >= positionsPerAppend) await this.#append(latest, receivedMs);
    }
    await this.#append(latest, receivedMs);
  }

  async #append(latest: Map<string, { seq: number; usedS: number }>, receivedMs: number): Promise<void> {
    const { hash } = this.#journal;
    const entries: Position[] = [];
    for (const [name, { seq, usedS }] of latest) {
      hash.hash(name);
      const { low, high } = hash;
      // A producer that was forgotten meanwhile (and counted) stays forgotten.
      if (this.#table.carry(low, high, seq)) entries.push({ low, high, seq, usedS });
    }
    latest.clear();
    await this.#journal.append(entries, { receivedMs, eventIdFile: this.#eventIds.lastFile });
  }

  /** A rename that an earlier try has done already is not an error. */
  async #renameOnce(from: string, to: string): Promise<void> {
    try {
      await this.#fileSystem.rename(from, to);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }

  #path(id: string, suffix: Parameters<typeof segmentPath>[2]): string {
    return segmentPath(this.#directory, id, suffix);
  }
}
