import { errorMessage } from '../core/errors.js';
import type { SpoolInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { ClosedSegment } from './closed-segments.js';
import type { EventIdJournal } from './event-id-journal.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { errorCode, readWhole, withFile } from './file-system.js';
import type { DamagedScan, LogScan } from './log-scan.js';
import { rowsOf, scanLog } from './log-scan.js';
import type { PositionJournal } from './position-journal.js';
import type { PositionTable } from './position-table.js';
import { readQuarantineNote } from './quarantine-note.js';
import { segmentOf } from './recovered-segment.js';
import { firstBadRecord } from './row-check.js';
import type { BatchRecord, SegmentEnd } from './segment-log.js';
import { eventIdsOf, forEachFrame, parseHeader } from './segment-log.js';
import type { SegmentSuffix } from './segment-paths.js';
import { parseSegmentName, segmentPath } from './segment-paths.js';
import { cutAndSeal } from './segment-repair.js';
import type { SegmentRetirement } from './segment-retirement.js';
import type { Salvaged, SegmentSalvage } from './segment-salvage.js';

/** Whether the store may have seen something of a segment that never left the queue; null when that is not known. */
export type WasOffered = (id: string) => Promise<boolean | null>;

export interface Recovered {
  /** Oldest first. */
  readonly segments: readonly ClosedSegment[];
  /** Every id found, so that new ones sort after them. */
  readonly ids: readonly string[];
  /** Segments of which the store may have seen something: their content is not to change. */
  readonly offered: ReadonlySet<string>;
  readonly quarantinedSegments: number;
  readonly quarantinedEvents: number;
}

/** Enough of a log to hold its header. */
const headerBytesMax = 64 * 1024;

/** What lies beside a segment that was put aside once. */
const besides = ['restored', 'arrived', 'quarantine.json'] as const;

type ValidScan = Extract<LogScan, { readonly status: 'valid' }>;

/** Brings a directory that a process has left in any state to one with closed segments only. */
export class SpoolRecovery {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #journal: PositionJournal;
  readonly #eventIds: EventIdJournal;
  readonly #table: PositionTable;
  readonly #retirement: SegmentRetirement;
  readonly #salvage: SegmentSalvage;
  readonly #wasOffered: WasOffered | undefined;
  readonly #instruments: SpoolInstruments;
  readonly #logger: Logger;
  readonly #segments: ClosedSegment[] = [];
  readonly #offered = new Set<string>();
  /** Have files beside them that are not the spool's. */
  readonly #remarked = new Set<string>();
  #headFound = false;
  #newest = '';
  readonly #restored = new Set<string>();
  #quarantinedSegments = 0;
  #quarantinedEvents = 0;

  constructor(
    deps: {
      readonly fileSystem: FileSystem;
      readonly journal: PositionJournal;
      readonly eventIdJournal: EventIdJournal;
      readonly table: PositionTable;
      readonly retirement: SegmentRetirement;
      readonly salvage: SegmentSalvage;
      readonly wasOffered?: WasOffered | undefined;
      readonly instruments: SpoolInstruments;
      readonly logger: Logger;
    },
    directory: string,
  ) {
    this.#fileSystem = deps.fileSystem;
    this.#journal = deps.journal;
    this.#eventIds = deps.eventIdJournal;
    this.#table = deps.table;
    this.#retirement = deps.retirement;
    this.#salvage = deps.salvage;
    this.#wasOffered = deps.wasOffered;
    this.#instruments = deps.instruments;
    this.#logger = deps.logger;
    this.#directory = directory;
  }

  /** Reads one log at a time, and of the data only what a crash may have torn; the rest is checked later. */
  async run(): Promise<Recovered> {
    const files = await this.#finishedSalvages();
    const ends = await this.#readEnds(files);
    this.#newest = [...files.keys()].at(-1) ?? '';
    for (const [id, suffixes] of files) {
      if (besides.some((suffix) => suffixes.has(suffix))) this.#retirement.annotated(id);
      if (suffixes.has('restored')) this.#restored.add(id);
      if (suffixes.has('damaged.quarantined')) await this.#damagedBefore(id);
      if (suffixes.has('data.quarantined') || suffixes.has('log.quarantined'))
        await this.#quarantinedBefore(id, suffixes);
      else if (suffixes.has('released')) await this.#releasedBefore(id);
      else if (suffixes.has('log')) await this.#recoverQueued(id, suffixes, ends.get(id) ?? null);
      else if (suffixes.has('data')) await this.#strayData(id);
      else if (suffixes.has('arrived')) await this.#fileSystem.remove(segmentPath(this.#directory, id, 'arrived'));
    }
    return {
      segments: this.#segments,
      ids: [...files.keys()],
      offered: this.#offered,
      quarantinedSegments: this.#quarantinedSegments,
      quarantinedEvents: this.#quarantinedEvents,
    };
  }

  /** Finishes or undoes the salvages that a crash interrupted, then lists what there is. */
  async #finishedSalvages(): Promise<Map<string, Set<SegmentSuffix>>> {
    let changed = false;
    const files = await this.#listFiles();
    for (const [id, suffixes] of files) {
      if (suffixes.has('log.replaced')) await this.#salvage.resume(id, suffixes);
      else if (suffixes.has('data.salvaged') || suffixes.has('log.salvaged') || suffixes.has('damaged.quarantined')) {
        // With its own log still there the damaged segment is as it was.
        if (!suffixes.has('log')) continue;
        await this.#salvage.discard(id);
      } else continue;
      changed = true;
    }
    return changed ? await this.#listFiles() : files;
  }

  /**
   * Delivery goes from the oldest to the newest, one at a time: of the segments with rows that never left the queue
   * only the first can have been offered. `wasOffered` may know better. What came back from quarantine, or has files of
   * others beside it, was offered once.
   */
  async #recoverQueued(id: string, suffixes: ReadonlySet<SegmentSuffix>, end: SegmentEnd | null): Promise<void> {
    const leftBefore = suffixes.has('restored') || suffixes.has('arrived') || this.#remarked.has(id);
    if (leftBefore || ((await this.#wasOffered?.(id)) ?? !this.#headFound)) this.#offered.add(id);
    const found = this.#segments.length + this.#quarantinedSegments;
    await this.#recover(id, suffixes.has('data'), end);
    if (!leftBefore && this.#segments.length + this.#quarantinedSegments > found) this.#headFound = true;
  }

  /** Segment ids in the order of their age, with the files each has. */
  async #listFiles(): Promise<Map<string, Set<SegmentSuffix>>> {
    const files = new Map<string, Set<SegmentSuffix>>();
    for (const name of (await this.#fileSystem.list(this.#directory)).sort()) {
      const parsed = parseSegmentName(name);
      if (parsed === null) continue;
      const suffixes = files.get(parsed.id) ?? new Set();
      files.set(parsed.id, suffixes);
      if (parsed.suffix === null) this.#remarked.add(parsed.id);
      else suffixes.add(parsed.suffix);
    }
    return files;
  }

  /** Where segments end, as the headers of later ones remember it. */
  async #readEnds(files: ReadonlyMap<string, ReadonlySet<SegmentSuffix>>): Promise<Map<string, SegmentEnd>> {
    const ends = new Map<string, SegmentEnd>();
    let head: Buffer | null = null;
    for (const [id, suffixes] of files) {
      if (!suffixes.has('log')) continue;
      head ??= Buffer.allocUnsafe(headerBytesMax);
      const count = await withFile(this.#open(id, 'log', 'read'), (log) => log.read(head!, 0));
      for (const end of parseHeader(head.subarray(0, count))?.header.ends ?? []) ends.set(end.id, end);
    }
    return ends;
  }

  async #recover(id: string, hasData: boolean, end: SegmentEnd | null): Promise<void> {
    const log = await withFile(this.#open(id, 'log', 'read'), readWhole);
    const scan = scanLog(log, id, end);
    if (scan.status === 'unborn') return await this.#removeUnborn(id, hasData, { log, end });
    if (scan.status === 'corrupt') return await this.#damaged(id, hasData, log, scan);
    if (!hasData && scan.dataBytes > 0) {
      // All of one group: the directory was never synced with the data file in it, so nothing was acknowledged.
      if (!scan.sealed && scan.unsureFrom === 0) return await this.#removeTorn(id, false, log.length);
      return await this.#corrupt(id, false, log, scan.records);
    }
    if (scan.sealed) await this.#recoverSealed(id, log, scan);
    else await this.#recoverUnsealed(id, log, scan, hasData);
  }

  async #recoverSealed(id: string, log: Buffer, scan: ValidScan): Promise<void> {
    const dataBytes = scan.dataBytes === 0 ? 0 : await withFile(this.#open(id, 'data', 'read'), (data) => data.size());
    if (dataBytes !== scan.dataBytes) return await this.#damaged(id, true, log, scan);
    await this.#keep(id, log, scan, scan.records, false);
  }

  /** The segment that was being written when the process ended: its last group may be torn. */
  async #recoverUnsealed(id: string, log: Buffer, scan: ValidScan, hasData: boolean): Promise<void> {
    const dataSize = hasData ? await withFile(this.#open(id, 'data', 'read'), (data) => data.size()) : 0;
    const bad = hasData
      ? await withFile(this.#open(id, 'data', 'read'), (data) => firstBadRecord(data, scan.records))
      : -1;
    const firstBad = scan.records[bad];
    if (firstBad !== undefined && firstBad.groupOffset < scan.unsureFrom) {
      return await this.#damaged(id, hasData, log, scan);
    }
    const records = firstBad === undefined ? scan.records : scan.records.slice(0, bad);
    if (records.length === 0) return await this.#removeTorn(id, hasData, log.length + dataSize);
    const logBytes = firstBad?.logOffset ?? scan.logBytes;
    const dataBytes = firstBad?.dataOffset ?? scan.dataBytes;
    this.#countTorn(id, log.length - logBytes + dataSize - dataBytes);
    const unsure = records.find((record) => record.groupOffset >= scan.unsureFrom);
    if (hasData) {
      await cutAndSeal(this.#fileSystem, this.#directory, {
        id,
        dataBytes,
        logBytes,
        rows: rowsOf(records),
        unsureData: unsure?.dataOffset ?? dataBytes,
        unsureLog: unsure === undefined ? logBytes : scan.unsureFrom,
      });
    }
    await this.#keep(id, log, { ...scan, dataBytes, logBytes }, records, true);
  }

  async #keep(
    id: string,
    log: Buffer,
    scan: ValidScan,
    records: readonly BatchRecord[],
    verified: boolean,
  ): Promise<void> {
    const rows = rowsOf(records);
    this.#advance(log, records);
    if (rows === 0) {
      await this.#retirement.release(id);
      return await this.#retirement.finish();
    }
    const { header, dataBytes } = scan;
    const arrived = await this.#readArrived(id);
    const told = segmentOf({ directory: this.#directory, id }, { header, records, dataBytes });
    const segment = arrived === null ? told : { ...told, arrived };
    this.#instruments.eventsRecovered.inc(rows);
    this.#segments.push({ segment, logBytes: scan.logBytes, verified });
  }

  /** What the store had of it when it was put aside, empty when that was not told; null when it was not put aside. */
  async #readArrived(id: string): Promise<string | null> {
    try {
      return (await withFile(this.#open(id, 'arrived', 'read'), readWhole)).toString('utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return this.#restored.has(id) ? '' : null;
      throw error;
    }
  }

  #advance(log: Buffer, records: readonly BatchRecord[]): void {
    const { hash } = this.#journal;
    for (const record of records) {
      const usedS = Math.floor(record.receivedMs / 1_000);
      forEachFrame(log, record, ({ tenant, producer, seq }) => {
        if (producer === '') return;
        hash.hash(`${tenant}\0${producer}`);
        this.#table.advance(hash.low, hash.high, seq, usedS);
      });
      const ids = eventIdsOf(log, record);
      if (ids !== null) this.#eventIds.remember(ids);
    }
  }

  /** Bytes that were acknowledged are bad: what is intact goes on, unless the store may have seen the segment. */
  async #damaged(id: string, hasData: boolean, log: Buffer, scan: DamagedScan): Promise<void> {
    const salvaged = hasData && !this.#offered.has(id) ? await this.#trySalvage(id, log, scan) : null;
    if (salvaged === null) return await this.#corrupt(id, hasData, log, scan.records);
    const { closed, damagedRows, tornBytes } = salvaged;
    this.#advance(log, scan.records);
    this.#countTorn(id, tornBytes);
    this.#instruments.eventsRecovered.inc(closed.segment.rows + damagedRows);
    this.#segments.push(closed);
    this.#quarantinedSegments++;
    this.#quarantinedEvents += damagedRows;
  }

  /** Null when nothing can be kept, or when the disk does not let us: the segment is then whole and as it was. */
  async #trySalvage(id: string, log: Buffer, scan: DamagedScan): Promise<Salvaged | null> {
    try {
      return await this.#salvage.run(id, log, scan);
    } catch (error) {
      if (this.#salvage.isWritten(id)) throw error;
      this.#logger.error({ segment: id, cause: errorMessage(error) }, 'cannot salvage a damaged segment');
      await this.#salvage.discard(id);
      return null;
    }
  }

  async #corrupt(id: string, hasData: boolean, log: Buffer, records: readonly BatchRecord[]): Promise<void> {
    const rows = rowsOf(records);
    this.#logger.error({ segment: id, readableEvents: rows, data: hasData }, 'a segment is corrupt; it is quarantined');
    this.#advance(log, records);
    this.#instruments.eventsRecovered.inc(rows);
    await this.#retirement.quarantine({ id, rows, hasData, hasLog: true }, 'corrupt', { log, records });
    this.#quarantinedSegments++;
    this.#quarantinedEvents += rows;
  }

  /** An earlier process has put a part of it aside. */
  async #damagedBefore(id: string): Promise<void> {
    const note = await readQuarantineNote(this.#fileSystem, { directory: this.#directory, id });
    this.#quarantinedSegments++;
    this.#quarantinedEvents += note?.rows ?? 0;
  }

  /**
   * A log in which nothing can be read. Only the newest segment can have been in creation, or one that a later header
   * says was never written: of any other it is damage.
   */
  async #removeUnborn(
    id: string,
    hasData: boolean,
    { log, end }: { readonly log: Buffer; readonly end: SegmentEnd | null },
  ): Promise<void> {
    const dataBytes = hasData ? await withFile(this.#open(id, 'data', 'read'), (data) => data.size()) : 0;
    if (end === null && dataBytes > 0 && id !== this.#newest) return await this.#corrupt(id, true, log, []);
    await this.#removeTorn(id, hasData, log.length + dataBytes);
  }

  /** A data file whose log is gone: what is in it cannot be told, so it is kept aside unless it is empty. */
  async #strayData(id: string): Promise<void> {
    const bytes = await withFile(this.#open(id, 'data', 'read'), (data) => data.size());
    if (bytes === 0) return await this.#fileSystem.remove(segmentPath(this.#directory, id, 'data'));
    this.#logger.error({ segment: id, bytes }, 'a data file has no log; it is quarantined');
    await this.#retirement.quarantine({ id, rows: 0, hasData: true, hasLog: false }, 'corrupt');
    this.#quarantinedSegments++;
  }

  async #removeTorn(id: string, hasData: boolean, bytes: number): Promise<void> {
    this.#countTorn(id, bytes);
    if (hasData) await this.#fileSystem.remove(segmentPath(this.#directory, id, 'data'));
    await this.#fileSystem.syncDirectory(this.#directory);
    await this.#fileSystem.remove(segmentPath(this.#directory, id, 'log'));
  }

  #countTorn(id: string, bytes: number): void {
    if (bytes <= 0) return;
    this.#instruments.tornBytes.inc(bytes);
    this.#logger.warn(
      { segment: id, bytes },
      'a crash left unacknowledged bytes at the end of a segment; they are cut',
    );
  }

  async #releasedBefore(id: string): Promise<void> {
    const log = await withFile(this.#open(id, 'released', 'read'), readWhole);
    const scan = scanLog(log, id, null);
    if (scan.status !== 'unborn') this.#advance(log, scan.records);
    await this.#retirement.finish(id);
  }

  /** Quarantined by an earlier process, perhaps with one rename left to do. */
  async #quarantinedBefore(id: string, suffixes: ReadonlySet<SegmentSuffix>): Promise<void> {
    for (const suffix of ['data', 'log'] as const) {
      if (!suffixes.has(suffix)) continue;
      const path = segmentPath(this.#directory, id, suffix);
      await this.#fileSystem.rename(path, `${path}.quarantined`);
    }
    this.#quarantinedSegments++;
    if (!suffixes.has('log') && !suffixes.has('log.quarantined')) return;
    const log = await withFile(this.#open(id, 'log.quarantined', 'read'), readWhole);
    const scan = scanLog(log, id, null);
    if (scan.status !== 'unborn') this.#quarantinedEvents += rowsOf(scan.records);
  }

  #open(id: string, suffix: SegmentSuffix, mode: 'read'): Promise<OpenFile> {
    return this.#fileSystem.open(segmentPath(this.#directory, id, suffix), mode);
  }
}
