import { CollectorError } from '../core/errors.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { errorCode, readWhole, withFile } from './file-system.js';
import type { LogExtent } from './log-scan.js';
import { scanLog } from './log-scan.js';
import type { QuarantineNote } from './quarantine-note.js';
import { readQuarantineNote } from './quarantine-note.js';
import { firstBadRecord } from './row-check.js';
import type { SegmentSuffix } from './segment-paths.js';
import { isSegmentId, parseSegmentName, segmentPath } from './segment-paths.js';

export interface QuarantinedSegment {
  readonly id: string;
  /** Null when it was quarantined by a version that did not note it. */
  readonly reason: QuarantineNote['reason'] | null;
  /** Null when it cannot be told. Of a damaged segment: those that lie aside. */
  readonly rows: number | null;
  /** On the disk. */
  readonly bytes: number;
  /** Time of receipt of its first and last batch, ms since the epoch; null when no record can be read. */
  readonly firstReceivedMs: number | null;
  readonly lastReceivedMs: number | null;
  /** What is wrong with its bytes; null: nothing, it can go back into the queue. */
  readonly damage: string | null;
  readonly note: QuarantineNote | null;
}

/**
 * What lies aside in a spool, for an operator, while no collector runs (the caller holds the lock of the data
 * directory). A segment that goes back keeps its id: what the store has seen of it is tied to that. The steps are
 * specified in `spool.ts`.
 */
export class QuarantineShelf {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;

  constructor(deps: { readonly fileSystem: FileSystem }, directory: string) {
    this.#fileSystem = deps.fileSystem;
    this.#directory = directory;
  }

  /** Oldest first. Reads every file. */
  async list(): Promise<QuarantinedSegment[]> {
    const segments: QuarantinedSegment[] = [];
    for (const [id, suffixes] of await this.#files()) segments.push(await this.#inspect(id, suffixes));
    return segments;
  }

  /**
   * Puts a segment back into the queue: the next start of the collector delivers it. Repeatable after a crash. Rejects
   * with `segment_corrupt` when it is damaged, `config_invalid` when there is no such segment.
   */
  async restore(id: string): Promise<QuarantinedSegment> {
    const suffixes = isSegmentId(id) ? (await this.#files()).get(id) : undefined;
    if (suffixes === undefined) {
      throw new CollectorError('config_invalid', `cannot restore segment ${id}: no such segment is quarantined`);
    }
    const segment = await this.#inspect(id, suffixes);
    if (segment.damage !== null) {
      throw new CollectorError('segment_corrupt', `cannot restore segment ${id}: ${segment.damage}`);
    }
    await this.#mark(id);
    // The log last: without it the next start takes the segment for one that is being quarantined.
    for (const suffix of ['data', 'log'] as const) {
      const path = segmentPath(this.#directory, id, suffix);
      if (suffixes.has(`${suffix}.quarantined`)) await this.#fileSystem.rename(`${path}.quarantined`, path);
      await this.#fileSystem.syncDirectory(this.#directory);
    }
    return segment;
  }

  /** Says, before anything changes, that the store may have seen the segment. */
  async #mark(id: string): Promise<void> {
    const path = segmentPath(this.#directory, id, 'restored');
    try {
      await withFile(this.#fileSystem.open(path, 'create'), (file) => file.datasync());
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    await this.#fileSystem.syncDirectory(this.#directory);
  }

  /** The files of each segment that lies aside, whole or in part. */
  async #files(): Promise<Map<string, ReadonlySet<SegmentSuffix>>> {
    const files = new Map<string, Set<SegmentSuffix>>();
    for (const name of (await this.#fileSystem.list(this.#directory)).sort()) {
      const parsed = parseSegmentName(name);
      if (parsed === null || parsed.suffix === null) continue;
      files.set(parsed.id, (files.get(parsed.id) ?? new Set()).add(parsed.suffix));
    }
    return new Map([...files].filter(([, suffixes]) => isAside(suffixes)));
  }

  async #inspect(id: string, suffixes: ReadonlySet<SegmentSuffix>): Promise<QuarantinedSegment> {
    const note = await readQuarantineNote(this.#fileSystem, { directory: this.#directory, id });
    if (suffixes.has('damaged.quarantined')) return await this.#inspectPart(id, note);
    // A crash between two renames leaves one of them with its old name.
    const logSuffix = suffixes.has('log.quarantined') ? 'log.quarantined' : 'log';
    const dataSuffix = suffixes.has('data.quarantined') ? 'data.quarantined' : 'data';
    const log = suffixes.has(logSuffix) ? await withFile(this.#open(id, logSuffix), readWhole) : null;
    const data = suffixes.has(dataSuffix) ? this.#open(id, dataSuffix) : null;
    const scan = log === null ? null : scanLog(log, id, null);
    const extent = scan === null || scan.status === 'unborn' ? null : scan;
    const found = data === null ? null : await withFile(data, (file) => inspectData(file, extent));
    const times = extent?.records.map(({ receivedMs }) => receivedMs) ?? [];
    const isWhole = scan?.status === 'valid';
    return {
      id,
      reason: note?.reason ?? null,
      rows: extent?.rowsTotal ?? extent?.rows ?? null,
      bytes: (log?.length ?? 0) + (found?.bytes ?? 0),
      ...receivedOf(times),
      damage: log === null ? 'its log is missing' : isWhole ? dataDamage(extent, found) : 'its log is damaged',
      note,
    };
  }

  async #inspectPart(id: string, note: QuarantineNote | null): Promise<QuarantinedSegment> {
    const bytes = await withFile(this.#open(id, 'damaged.quarantined'), (file) => file.size());
    const times = note?.parts?.flatMap(({ record }) => (record === null ? [] : [Date.parse(record.received)])) ?? [];
    const parts =
      note?.partsTotal === 1 ? 'one damaged part of it is' : `${note?.partsTotal ?? 'some'} parts of it are`;
    return {
      id,
      reason: 'damaged',
      rows: note?.rows ?? null,
      bytes,
      ...receivedOf(times),
      damage: `only ${parts} here; its intact records went on as ${note?.salvagedAs ?? 'another segment'}`,
      note,
    };
  }

  #open(id: string, suffix: SegmentSuffix): Promise<OpenFile> {
    return this.#fileSystem.open(segmentPath(this.#directory, id, suffix), 'read');
  }
}

export function isAside(suffixes: ReadonlySet<SegmentSuffix>): boolean {
  if (suffixes.has('data.quarantined') || suffixes.has('log.quarantined')) return true;
  // With its own log beside it the part belongs to a salvage that the next start will begin anew.
  return suffixes.has('damaged.quarantined') && !suffixes.has('log') && !suffixes.has('log.replaced');
}

interface FoundData {
  readonly bytes: number;
  /** Of the first record whose rows do not match. */
  readonly badOffset: number | null;
}

async function inspectData(data: OpenFile, extent: LogExtent | null): Promise<FoundData> {
  const bytes = await data.size();
  const bad = extent === null ? -1 : await firstBadRecord(data, extent.records);
  return { bytes, badOffset: extent?.records[bad]?.dataOffset ?? null };
}

export function dataDamage(extent: LogExtent | null, data: FoundData | null): string | null {
  const expected = extent?.dataBytes ?? 0;
  if (data === null) return expected === 0 ? null : 'its data file is missing';
  if (data.bytes < expected || (extent?.sealed === true && data.bytes > expected)) {
    return `its data file has ${data.bytes} bytes instead of ${expected}`;
  }
  return data.badOffset === null ? null : `the rows at byte ${data.badOffset} of its data file are damaged`;
}

export function receivedOf(times: readonly number[]): Pick<QuarantinedSegment, 'firstReceivedMs' | 'lastReceivedMs'> {
  if (times.length === 0) return { firstReceivedMs: null, lastReceivedMs: null };
  return {
    firstReceivedMs: times.reduce((least, time) => Math.min(least, time)),
    lastReceivedMs: times.reduce((most, time) => Math.max(most, time)),
  };
}
