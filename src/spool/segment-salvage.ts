import type { SpoolInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { ClosedSegment } from './closed-segments.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { errorCode, readWhole, withFile } from './file-system.js';
import type { DamagedScan } from './log-scan.js';
import { scanLog } from './log-scan.js';
import type { DamageNote, QuarantineNote } from './quarantine-note.js';
import { describeDamage, writeQuarantineNote } from './quarantine-note.js';
import { segmentOf } from './recovered-segment.js';
import { copyRange, rangeOf } from './row-check.js';
import type { DamagedPart, SalvagePlan } from './salvage-plan.js';
import { planSalvage } from './salvage-plan.js';
import type { BatchRecord } from './segment-log.js';
import { LogEncoder, parseHeader, segmentTag } from './segment-log.js';
import type { SegmentSuffix } from './segment-paths.js';
import { segmentPath, successorOf } from './segment-paths.js';
import type { SegmentRetirement } from './segment-retirement.js';

export interface Salvaged {
  /** Takes the place of the damaged one in the queue; on the disk and checked. */
  readonly closed: ClosedSegment;
  /** Rows that lie aside now, as far as they are known. */
  readonly damagedRows: number;
  readonly tornBytes: number;
}

/** Parts whose places a log line tells; the note tells of all. */
const partsLogged = 3;
/** Bounds the log of a salvaged segment: more parts than this are no damage but another file. */
const partsMax = 10_000;

/**
 * Takes the intact records of a damaged segment to a new one, under an id of the same age, and puts the damaged ones
 * aside. Only for a segment of which the store has seen nothing: its id is the token of its insert. The steps, and what
 * a crash between them leaves, are specified in `spool.ts`.
 */
export class SegmentSalvage {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #retirement: SegmentRetirement;
  readonly #instruments: SpoolInstruments;
  readonly #logger: Logger;
  /** Written in full, by the id of the damaged one: these can only be finished. */
  readonly #written = new Map<string, Salvaged>();

  constructor(
    deps: {
      readonly fileSystem: FileSystem;
      readonly retirement: SegmentRetirement;
      readonly instruments: SpoolInstruments;
      readonly logger: Logger;
    },
    directory: string,
  ) {
    this.#fileSystem = deps.fileSystem;
    this.#retirement = deps.retirement;
    this.#instruments = deps.instruments;
    this.#logger = deps.logger;
    this.#directory = directory;
  }

  /** Of the damaged segment nothing can be changed any more: the salvage can only be finished. */
  isWritten(id: string): boolean {
    return this.#written.has(id);
  }

  /** Null when nothing of the segment can be kept; it is then as it was. After a rejection it is called again. */
  async run(id: string, log: Buffer, scan: DamagedScan): Promise<Salvaged | null> {
    const plan = await withFile(this.#open(id, 'data'), (data) => planSalvage(scan, data, log.length));
    if (plan === null || plan.parts.length > partsMax) return null;
    await this.discard(id);
    const salvaged = await this.#write(id, log, plan);
    this.#written.set(id, salvaged);
    return await this.#finishWritten(id);
  }

  /** As `run`, for a segment that has been in the queue: its log is read again. Finishes what is written. */
  async runQueued(id: string): Promise<Salvaged | null> {
    if (this.#written.has(id)) return await this.#finishWritten(id);
    const log = await withFile(this.#open(id, 'log'), readWhole);
    const scan = scanLog(log, id, null);
    return scan.status === 'unborn' ? null : await this.run(id, log, scan);
  }

  /** Puts what is written in the place of the damaged segment. Repeatable. */
  async #finishWritten(id: string): Promise<Salvaged> {
    const salvaged = this.#written.get(id)!;
    await this.#renameOnce(id, 'log', this.#path(id, 'log.replaced'));
    await this.#fileSystem.syncDirectory(this.#directory);
    await this.#replace(id, salvaged.closed.segment.id);
    this.#written.delete(id);
    this.#instruments.segmentsQuarantined.inc({ reason: 'damaged' });
    this.#instruments.eventsQuarantined.inc(salvaged.damagedRows);
    return salvaged;
  }

  /** After a crash: the damaged segment has been given up (`log.replaced`), its successor is on the disk. */
  async resume(id: string, suffixes: ReadonlySet<SegmentSuffix>): Promise<void> {
    // Without it the successor has its own name already.
    if (!suffixes.has('log.salvaged')) return await this.#replace(id, null);
    const log = await withFile(this.#open(id, 'log.salvaged'), readWhole);
    const successor = parseHeader(log)?.header.id;
    if (successor !== undefined) return await this.#replace(id, successor);
    this.#logger.error({ segment: id }, 'what was salvaged of a segment cannot be read; it is quarantined as a whole');
    await this.#renameOnce(id, 'data', this.#path(id, 'data.quarantined'));
    await this.#renameOnce(id, 'log.replaced', this.#path(id, 'log.quarantined'));
    await this.#fileSystem.syncDirectory(this.#directory);
  }

  /** Removes what an unfinished salvage left beside the damaged segment. */
  async discard(id: string): Promise<void> {
    for (const suffix of ['data.salvaged', 'log.salvaged', 'damaged.quarantined', 'quarantine.json'] as const)
      await this.#fileSystem.remove(this.#path(id, suffix));
  }

  async #write(id: string, log: Buffer, plan: SalvagePlan): Promise<Salvaged> {
    const successor = successorOf(id);
    await this.#retirement.carry(
      log,
      plan.parts.flatMap(({ record }) => record ?? []),
    );
    const note = await withFile(this.#open(id, 'data'), async (data) => {
      const keptAt = await this.#writeDamaged(id, log, { data, parts: plan.parts });
      await this.#writeData(id, data, plan.kept);
      return describeDamage(log, plan, { salvagedAs: successor, keptAt });
    });
    await writeQuarantineNote(this.#fileSystem, { directory: this.#directory, id }, note);
    const dataBytes = plan.kept.reduce((sum, { dataLength }) => sum + dataLength, 0);
    const logBytes = await this.#writeLog(id, log, { successor, plan, dataBytes });
    await this.#fileSystem.syncDirectory(this.#directory);
    this.#report(id, note);
    const place = { directory: this.#directory, id: successor };
    const segment = segmentOf(place, { header: plan.header, records: plan.kept, dataBytes });
    const { damagedRows, tornBytes } = plan;
    return { closed: { segment, logBytes, verified: true }, damagedRows, tornBytes };
  }

  /** The bytes of every part, those of the log first; returns where each part begins. */
  async #writeDamaged(
    id: string,
    log: Buffer,
    { data, parts }: { readonly data: OpenFile; readonly parts: readonly DamagedPart[] },
  ): Promise<number[]> {
    const keptAt: number[] = [];
    await this.#create(id, 'damaged.quarantined', async (file) => {
      let bytes = 0;
      for (const part of parts) {
        keptAt.push(bytes);
        const inLog = log.subarray(part.log.offset, part.log.offset + part.log.bytes);
        if (inLog.length > 0) await file.write([inLog], bytes);
        bytes += inLog.length;
        bytes += (await copyRange(data, part.data, { file, bytes })).bytes;
      }
    });
    return keptAt;
  }

  async #writeData(id: string, data: OpenFile, records: readonly BatchRecord[]): Promise<void> {
    await this.#create(id, 'data.salvaged', async (file) => {
      let bytes = 0;
      for (const record of records) {
        const copied = await copyRange(data, rangeOf(record), { file, bytes });
        if (copied.bytes !== record.dataLength || copied.crc !== record.rowsCrc) {
          throw new Error(`cannot copy the rows at ${record.dataOffset} of segment ${id}: they read differently now`);
        }
        bytes += copied.bytes;
      }
    });
  }

  async #writeLog(
    id: string,
    log: Buffer,
    {
      successor,
      plan,
      dataBytes,
    }: { readonly successor: string; readonly plan: SalvagePlan; readonly dataBytes: number },
  ): Promise<number> {
    const tag = segmentTag(successor);
    const encoder = new LogEncoder();
    encoder.header({ ...plan.header, id: successor });
    let dataOffset = 0;
    let groupOffset = 0;
    for (const record of plan.kept) {
      // Every record is a group of its own: all of them are on the disk before the end record promises it.
      encoder.copy(log, record, { tag, groupOffset, dataOffset });
      dataOffset += record.dataLength;
      groupOffset = encoder.length;
    }
    const logBytes = encoder.length;
    const rows = plan.kept.reduce((sum, { rowCount }) => sum + rowCount, 0);
    encoder.end({ tag, logOffset: logBytes, dataBytes, rows });
    await this.#create(id, 'log.salvaged', (file) => file.write([encoder.bytes()], 0));
    return logBytes;
  }

  async #create(id: string, suffix: SegmentSuffix, fill: (file: OpenFile) => Promise<void>): Promise<void> {
    await withFile(this.#fileSystem.open(this.#path(id, suffix), 'create'), async (file) => {
      await fill(file);
      await file.datasync();
    });
  }

  /** The damaged files go, the new ones get their names; the log last, because it makes a segment of them. */
  async #replace(id: string, successor: string | null): Promise<void> {
    await this.#fileSystem.remove(this.#path(id, 'data'));
    if (successor !== null) {
      await this.#renameOnce(id, 'data.salvaged', segmentPath(this.#directory, successor, 'data'));
      await this.#fileSystem.syncDirectory(this.#directory);
      await this.#renameOnce(id, 'log.salvaged', segmentPath(this.#directory, successor, 'log'));
    }
    await this.#fileSystem.syncDirectory(this.#directory);
    await this.#fileSystem.remove(this.#path(id, 'log.replaced'));
  }

  async #renameOnce(id: string, suffix: SegmentSuffix, to: string): Promise<void> {
    try {
      await this.#fileSystem.rename(this.#path(id, suffix), to);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }

  #report(id: string, { salvagedAs, rows, rowsKnown, rowsKept, parts = [], partsTotal }: QuarantineNote): void {
    const shown = parts.slice(0, partsLogged).map(placeOf);
    this.#logger.error(
      { segment: id, salvagedAs, eventsKept: rowsKept, eventsDamaged: rows, rowsKnown, parts: shown, partsTotal },
      `a segment is damaged: its intact records go on as ${salvagedAs}, the rest lies in ${id}.damaged.quarantined`,
    );
  }

  #open(id: string, suffix: SegmentSuffix): Promise<OpenFile> {
    return this.#fileSystem.open(this.#path(id, suffix), 'read');
  }

  #path(id: string, suffix: SegmentSuffix): string {
    return segmentPath(this.#directory, id, suffix);
  }
}

/** Where a part lies and between which frames. */
function placeOf({ log, data, rows, before, after }: DamageNote): object {
  return {
    log,
    data,
    rows,
    after: before?.producers.slice(0, 3) ?? null,
    before: after?.producers.slice(0, 3) ?? null,
  };
}
