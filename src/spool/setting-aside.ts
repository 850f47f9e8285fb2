import { CollectorError } from '../core/errors.js';
import type { SpoolInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { FileSystem } from './file-system.js';
import { InsertNoteFile } from './insert-note-file.js';
import { openSpool } from './opened-spool.js';
import { PositionTable } from './position-table.js';
import { isSegmentId, parseSegmentName } from './segment-paths.js';
import type { SpoolOptions } from './spool-options.js';

export interface SettingAsideDeps {
  readonly fileSystem: FileSystem;
  /** Is told what else is found in the spool. */
  readonly logger: Logger;
}

export type SettingAsideOptions = Pick<SpoolOptions, 'directory' | 'producersMax' | 'eventIdsMax'>;

/**
 * Puts a segment of the queue aside at the word of an operator, while no collector runs (the caller holds the lock of
 * the data directory): the directory is brought in order as a start does it, so that what a crash left is settled
 * first; the positions and event ids of the segment go to the journals; then it is quarantined.
 *
 * One of which an insert has begun is refused. What of it is in the store only the store can tell, and only by the note
 * that is the last one now; once others are inserted, nobody could put the segment back without counting rows twice.
 *
 * Answers its rows. Rejects with `config_invalid` when it does not wait or may not go, `segment_corrupt` when it turns
 * out to be damaged, and as the file system does.
 */
export async function setAside(deps: SettingAsideDeps, options: SettingAsideOptions, id: string): Promise<number> {
  const { fileSystem } = deps;
  const { directory } = options;
  const queue = await queued(fileSystem, directory);
  if (!isSegmentId(id) || !queue.includes(id)) throw refused(id, 'no such segment waits for the store');
  const notes = new InsertNoteFile({ fileSystem }, directory);
  try {
    // Where nothing was ever noted nobody can tell.
    const mayBeInStore = (await notes.wasNoted(id)) ?? true;
    if (mayBeInStore) throw refused(id, 'its insert may have begun; a collector that runs ends it or gives it up');
    return await quarantined(deps, options, { id, wasOffered: (each) => notes.wasNoted(each) });
  } finally {
    await notes.stop();
  }
}

/** Segments that have not left, oldest first. */
async function queued(fileSystem: FileSystem, directory: string): Promise<string[]> {
  const names = (await fileSystem.list(directory)).sort();
  return names.flatMap((name) => {
    const parsed = parseSegmentName(name);
    return parsed?.suffix === 'log' ? [parsed.id] : [];
  });
}

interface Asked {
  readonly id: string;
  readonly wasOffered: (id: string) => Promise<boolean | null>;
}

async function quarantined(
  { fileSystem, logger }: SettingAsideDeps,
  { directory, producersMax, eventIdsMax }: SettingAsideOptions,
  { id, wasOffered }: Asked,
): Promise<number> {
  const table = new PositionTable(producersMax, () => undefined);
  const eventIds = { restore: () => 0, forgotten: () => undefined };
  const deps = { fileSystem, table, eventIds, wasOffered, instruments: noInstruments, logger };
  const { recovered, retirement, journal, eventIdJournal } = await openSpool(deps, { directory, eventIdsMax });
  try {
    const found = recovered.segments.find(({ segment }) => segment.id === id);
    if (found === undefined)
      throw new CollectorError('segment_corrupt', `cannot set aside segment ${id}: it is damaged`);
    const { rows } = found.segment;
    await retirement.quarantine({ id, rows, hasData: true, hasLog: true }, 'by_hand');
    return rows;
  } finally {
    await journal.close();
    await eventIdJournal.close();
  }
}

function refused(id: string, cause: string): CollectorError {
  return new CollectorError('config_invalid', `cannot set aside segment ${id}: ${cause}`);
}

const counter = { inc: () => undefined };
const histogram = { observe: () => undefined };
/** Nobody reads figures of a process that ends with this. */
const noInstruments: SpoolInstruments = {
  eventsRecovered: counter,
  bytesWritten: counter,
  syncSeconds: histogram,
  syncFailures: counter,
  syncGroupBatches: histogram,
  segmentsClosed: counter,
  segmentsQuarantined: counter,
  eventsQuarantined: counter,
  tornBytes: counter,
  producersForgotten: counter,
  eventIdsRestored: counter,
};
