import { join } from 'node:path';
import { eventIdFilePattern, eventIdsDamage } from './event-id-journal.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { readWhole, withFile } from './file-system.js';
import { scanLog } from './log-scan.js';
import { positionsDamage } from './position-journal.js';
import { dataDamage, isAside, type QuarantinedSegment, QuarantineShelf, receivedOf } from './quarantine-shelf.js';
import { firstBadRecord } from './row-check.js';
import { parseHeader, type SegmentEnd } from './segment-log.js';
import { parseSegmentName, type SegmentSuffix, segmentPath } from './segment-paths.js';

/** A segment in the queue, as the files tell it. */
interface SurveyedSegment {
  readonly id: string;
  /** Null when it cannot be told. */
  readonly rows: number | null;
  /** On the disk. */
  readonly bytes: number;
  /** False: a process is writing it, or has left it unfinished. */
  readonly isClosed: boolean;
  readonly firstReceivedMs: number | null;
  readonly lastReceivedMs: number | null;
  /** Whether its rows were read and compared with their checksums; else only the sizes were. */
  readonly rowsRead: boolean;
  /** What a start would find wrong with it; null: nothing. */
  readonly damage: string | null;
}

interface SurveyedJournal {
  readonly path: string;
  readonly damage: string | null;
}

export interface SpoolSurvey {
  /** Oldest first. */
  readonly segments: readonly SurveyedSegment[];
  readonly quarantined: readonly QuarantinedSegment[];
  /** Of positions and of event ids; the first is named, as damaged, when it is missing. */
  readonly journals: readonly SurveyedJournal[];
}

/** A header of a log fits. */
const headerBytesMax = 64 * 1_024;

/**
 * What lies in a spool, read by the rules a start goes by (`spool.ts`), and nothing changed: for a look at the files
 * of a collector that runs as well, whose segments may be gone meanwhile. `rowBytesMax`: so many bytes of rows are
 * read and compared with their checksums, of the oldest segments first. Rejects as the file system does, when a file
 * cannot be read.
 */
export async function surveySpool(
  fileSystem: FileSystem,
  { directory, rowBytesMax }: { readonly directory: string; readonly rowBytesMax: number },
): Promise<SpoolSurvey> {
  const names = (await fileSystem.list(directory)).sort();
  const surveyor = new Surveyor(fileSystem, directory, rowBytesMax);
  return {
    segments: await surveyor.queued(names),
    quarantined: await new QuarantineShelf({ fileSystem }, directory).list(),
    journals: await surveyor.journals(names),
  };
}

class Surveyor {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  #rowBytesLeft: number;

  constructor(fileSystem: FileSystem, directory: string, rowBytesMax: number) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#rowBytesLeft = rowBytesMax;
  }

  async queued(names: readonly string[]): Promise<SurveyedSegment[]> {
    const files = filesBySegment(names);
    const ends = await this.#readEnds(files);
    const newest = [...files.keys()].at(-1);
    const segments: SurveyedSegment[] = [];
    for (const [id, suffixes] of files) {
      if (isAside(suffixes) || suffixes.has('released')) continue;
      if (suffixes.has('log')) {
        const end = ends.get(id) ?? null;
        segments.push(await this.#inspect(id, { hasData: suffixes.has('data'), end, isNewest: id === newest }));
      } else if (suffixes.has('data')) {
        const bytes = await withFile(this.#open(id, 'data'), (data) => data.size());
        if (bytes > 0) segments.push({ ...unknownSegment(id, bytes), damage: 'its log is missing' });
      }
    }
    return segments;
  }

  async journals(names: readonly string[]): Promise<SurveyedJournal[]> {
    const path = (name: string) => join(this.#directory, name);
    const read = (name: string) => withFile(this.#fileSystem.open(path(name), 'read'), readWhole);
    const journals: SurveyedJournal[] = [];
    const positions = 'positions';
    if (names.includes(positions)) {
      journals.push({ path: path(positions), damage: positionsDamage(await read(positions)) });
    } else if (names.length > 0) {
      journals.push({
        path: path(positions),
        damage: 'it is missing; frames that are sent again may be counted again',
      });
    }
    for (const name of names.filter((found) => eventIdFilePattern.test(found))) {
      journals.push({ path: path(name), damage: eventIdsDamage(await read(name)) });
    }
    return journals;
  }

  async #inspect(
    id: string,
    known: { readonly hasData: boolean; readonly end: SegmentEnd | null; readonly isNewest: boolean },
  ): Promise<SurveyedSegment> {
    const log = await withFile(this.#open(id, 'log'), readWhole);
    const scan = scanLog(log, id, known.end);
    const size = known.hasData ? await withFile(this.#open(id, 'data'), (data) => data.size()) : null;
    const bytes = log.length + (size ?? 0);
    if (scan.status === 'unborn') {
      // Only the newest can have been in creation, or one of which a later header says that it was never written.
      const isTorn = known.isNewest || known.end !== null || (size ?? 0) === 0;
      return { ...unknownSegment(id, bytes), rows: 0, damage: isTorn ? null : 'its log is damaged' };
    }
    const rowsRead = size !== null && size <= this.#rowBytesLeft;
    const bad =
      rowsRead && scan.status === 'valid'
        ? await withFile(this.#open(id, 'data'), (data) => firstBadRecord(data, scan.records))
        : -1;
    if (rowsRead) this.#rowBytesLeft -= size;
    const segment = {
      id,
      rows: scan.rowsTotal ?? scan.rows,
      bytes,
      isClosed: scan.sealed,
      ...receivedOf(scan.records.map(({ receivedMs }) => receivedMs)),
      rowsRead,
    };
    if (scan.status === 'corrupt') return { ...segment, damage: 'its log is damaged' };
    const firstBad = scan.records[bad];
    if (scan.sealed) {
      const found = size === null ? null : { bytes: size, badOffset: firstBad?.dataOffset ?? null };
      return { ...segment, damage: dataDamage(scan, found) };
    }
    // Of the last group of an unfinished segment everything may be torn.
    const isTorn = firstBad === undefined || firstBad.groupOffset >= scan.unsureFrom;
    const isGone = size === null && scan.dataBytes > 0 && scan.unsureFrom > 0;
    const damage = isGone ? 'its data file is missing' : `the rows at byte ${firstBad?.dataOffset} are damaged`;
    return { ...segment, damage: isTorn && !isGone ? null : damage };
  }

  /** Where segments end, as the headers of later ones remember it. */
  async #readEnds(files: ReadonlyMap<string, ReadonlySet<SegmentSuffix>>): Promise<Map<string, SegmentEnd>> {
    const ends = new Map<string, SegmentEnd>();
    const head = Buffer.allocUnsafe(headerBytesMax);
    for (const [id, suffixes] of files) {
      if (!suffixes.has('log')) continue;
      const count = await withFile(this.#open(id, 'log'), (log) => log.read(head, 0));
      for (const end of parseHeader(head.subarray(0, count))?.header.ends ?? []) ends.set(end.id, end);
    }
    return ends;
  }

  #open(id: string, suffix: SegmentSuffix): Promise<OpenFile> {
    return this.#fileSystem.open(segmentPath(this.#directory, id, suffix), 'read');
  }
}

function filesBySegment(names: readonly string[]): Map<string, Set<SegmentSuffix>> {
  const files = new Map<string, Set<SegmentSuffix>>();
  for (const name of names) {
    const parsed = parseSegmentName(name);
    if (parsed === null || parsed.suffix === null) continue;
    files.set(parsed.id, (files.get(parsed.id) ?? new Set()).add(parsed.suffix));
  }
  return files;
}

function unknownSegment(id: string, bytes: number): SurveyedSegment {
  const times = { firstReceivedMs: null, lastReceivedMs: null };
  return { id, rows: null, bytes, isClosed: false, ...times, rowsRead: false, damage: null };
}
