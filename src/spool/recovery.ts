import type { SpoolInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { SpoolSegment } from '../core/ports.js';
import type { EventIdJournal } from './event-id-journal.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { errorCode, readWhole, withFile } from './file-system.js';
import type { LogScan } from './log-scan.js';
import { rowsOf, scanLog } from './log-scan.js';
import type { PositionJournal } from './position-journal.js';
import type { PositionTable } from './position-table.js';
import { firstBadRecord } from './row-check.js';
import type { BatchRecord, SegmentEnd } from './segment-log.js';
import { eventIdsOf, forEachFrame, parseHeader } from './segment-log.js';
import type { SegmentSuffix } from './segment-paths.js';
import { parseSegmentName, segmentPath } from './segment-paths.js';
import { cutAndSeal } from './segment-repair.js';
import type { SegmentRetirement } from './segment-retirement.js';

export interface RecoveredSegment {
  readonly segment: SpoolSegment;
  readonly logBytes: number;
  /** Its rows have been read and match their CRCs. */
  readonly verified: boolean;
}

export interface Recovered {
  /** Oldest first. */
  readonly segments: readonly RecoveredSegment[];
  /** Every id found, so that new ones sort after them. */
  readonly ids: readonly string[];
  readonly quarantinedSegments: number;
  readonly quarantinedEvents: number;
}

/** Enough of a log to hold its header. */
const headerBytesMax = 64 * 1024;

type ValidScan = Extract<LogScan, { readonly status: 'valid' }>;

/** Brings a directory that a process has left in any state to one with closed segments only. */
export class SpoolRecovery {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #journal: PositionJournal;
  readonly #eventIds: EventIdJournal;
  readonly #table: PositionTable;
  readonly #retirement: SegmentRetirement;
  readonly #instruments: SpoolInstruments;
  readonly #logger: Logger;
  readonly #segments: RecoveredSegment[] = [];
  #quarantinedSegments = 0;
  #quarantinedEvents = 0;

  constructor(
    deps: {
      readonly fileSystem: FileSystem;
      readonly journal: PositionJournal;
      readonly eventIdJournal: EventIdJournal;
      readonly table: PositionTable;
      readonly retirement: SegmentRetirement;
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
    this.#instruments = deps.instruments;
    this.#logger = deps.logger;
    this.#directory = directory;
  }

  /** Reads one log at a time, and of the data only what a crash may have torn; the rest is checked later. */
  async run(): Promise<Recovered> {
    const files = await this.#listFiles();
    const ends = await this.#readEnds(files);
    for (const [id, suffixes] of files) {
      if (suffixes.has('data.quarantined') || suffixes.has('log.quarantined'))
        await this.#quarantinedBefore(id, suffixes);
      else if (suffixes.has('released')) await this.#releasedBefore(id);
      else if (suffixes.has('log')) await this.#recover(id, suffixes.has('data'), ends.get(id) ?? null);
      else if (suffixes.has('data')) await this.#strayData(id);
      else await this.#fileSystem.remove(segmentPath(this.#directory, id, 'arrived'));
    }
    return {
      segments: this.#segments,
      ids: [...files.keys()],
      quarantinedSegments: this.#quarantinedSegments,
      quarantinedEvents: this.#quarantinedEvents,
    };
  }

  /** Segment ids in the order of their age, with the files each has. */
  async #listFiles(): Promise<Map<string, Set<SegmentSuffix>>> {
    const files = new Map<string, Set<SegmentSuffix>>();
    for (const name of (await this.#fileSystem.list(this.#directory)).sort()) {
      const parsed = parseSegmentName(name);
      if (parsed === null) continue;
      const suffixes = files.get(parsed.id) ?? new Set();
      files.set(parsed.id, suffixes.add(parsed.suffix));
    }
    return files;
  }

  /** Where segments end, as the headers of later ones remember it. */
  async #readEnds(files: ReadonlyMap<string, ReadonlySet<SegmentSuffix>>): Promise<Map<string, SegmentEnd>> {
    const ends = new Map<string, SegmentEnd>();
    const head = Buffer.allocUnsafe(headerBytesMax);
    for (const [id, suffixes] of files) {
      if (!suffixes.has('log')) continue;
      const count = await withFile(this.#open(id, 'log', 'read'), (log) => log.read(head, 0));
      for (const end of parseHeader(head.subarray(0, count))?.header.ends ?? []) ends.set(end.id, end);
    }
    return ends;
  }

  async #recover(id: string, hasData: boolean, end: SegmentEnd | null): Promise<void> {
    const log = await withFile(this.#open(id, 'log', 'read'), readWhole);
    const scan = scanLog(log, id, end);
    if (scan.status === 'unborn') return await this.#removeTorn(id, hasData, log.length);
    if (scan.status === 'corrupt') return await this.#corrupt(id, hasData, log, scan.records);
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
    if (dataBytes !== scan.dataBytes) return await this.#corrupt(id, true, log, scan.records);
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
      return await this.#corrupt(id, hasData, log, scan.records);
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
    const times = records.map((record) => record.receivedMs);
    const arrived = await this.#readArrived(id);
    const segment: SpoolSegment = {
      id,
      dataPath: segmentPath(this.#directory, id, 'data'),
      bytes: scan.dataBytes,
      rows,
      columns: scan.header.columns.map(({ name }) => name),
      firstReceivedMs: times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY),
      lastReceivedMs: times.reduce((most, time) => Math.max(most, time), 0),
      ...(arrived === null ? {} : { arrived }),
    };
    this.#instruments.eventsRecovered.inc(rows);
    this.#segments.push({ segment, logBytes: scan.logBytes, verified });
  }

  /** What the store had of it when it was put aside; null when it was not. */
  async #readArrived(id: string): Promise<string | null> {
    try {
      return (await withFile(this.#open(id, 'arrived', 'read'), readWhole)).toString('utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null;
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

  async #corrupt(id: string, hasData: boolean, log: Buffer, records: readonly BatchRecord[]): Promise<void> {
    const rows = rowsOf(records);
    this.#logger.error({ segment: id, readableEvents: rows, data: hasData }, 'a segment is corrupt; it is quarantined');
    this.#advance(log, records);
    this.#instruments.eventsRecovered.inc(rows);
    await this.#retirement.quarantine({ id, rows, hasData, hasLog: true }, 'corrupt', { log, records });
    this.#quarantinedSegments++;
    this.#quarantinedEvents += rows;
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
