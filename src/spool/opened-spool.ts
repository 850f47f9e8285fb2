import type { SpoolInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { EventIdSink } from '../core/ports/event-id-sink.js';
import { EventIdJournal } from './event-id-journal.js';
import type { FileSystem } from './file-system.js';
import { PositionJournal } from './position-journal.js';
import type { PositionTable } from './position-table.js';
import { type Recovered, SpoolRecovery, type WasOffered } from './recovery.js';
import { SegmentRetirement } from './segment-retirement.js';
import { SegmentSalvage } from './segment-salvage.js';

export interface OpenedSpoolDeps {
  readonly fileSystem: FileSystem;
  /** Filled with the positions that are found. */
  readonly table: PositionTable;
  readonly eventIds: EventIdSink;
  readonly wasOffered: WasOffered | undefined;
  readonly instruments: SpoolInstruments;
  readonly logger: Logger;
}

/** A spool whose directory is in order: closed segments only, and the journals are open. */
export interface OpenedSpool {
  readonly journal: PositionJournal;
  readonly eventIdJournal: EventIdJournal;
  readonly retirement: SegmentRetirement;
  readonly salvage: SegmentSalvage;
  readonly recovered: Recovered;
}

/** The journals are open, and are to be closed, unless it rejects; it does as the file system does. */
export async function openSpool(
  deps: OpenedSpoolDeps,
  { directory, eventIdsMax }: { readonly directory: string; readonly eventIdsMax: number },
): Promise<OpenedSpool> {
  await deps.fileSystem.makeDirectory(directory);
  const journal = await PositionJournal.open(deps, { directory, bytesMin: journalBytesMin });
  let eventIdJournal: EventIdJournal | null = null;
  try {
    const place = { directory, idsMax: eventIdsMax, lastFile: journal.notes.eventIdFile };
    eventIdJournal = await EventIdJournal.open(deps, place);
    const retirement = new SegmentRetirement({ ...deps, journal, eventIdJournal }, directory);
    const salvage = new SegmentSalvage({ ...deps, retirement }, directory);
    const parts = { journal, eventIdJournal, retirement, salvage };
    return { ...parts, recovered: await new SpoolRecovery({ ...deps, ...parts }, directory).run() };
  } catch (error) {
    await journal.close();
    await eventIdJournal?.close();
    throw error;
  }
}

/** The journal of positions is not written anew below this size. */
const journalBytesMin = 1024 * 1024;
