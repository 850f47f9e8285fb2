import { resolve } from 'node:path';
import { tryLoadFileLock } from '../clickhouse/embedded/sandbox/native-calls.js';
import { silentLogger } from '../core/logger.js';
import { optionalInstant } from '../core/time-text.js';
import { DataDirLock } from '../spool/data-dir-lock.js';
import { createFileLocker } from '../spool/file-locker.js';
import { nodeFileSystem } from '../spool/file-system.js';
import type { QuarantinedSegment } from '../spool/quarantine-shelf.js';
import { QuarantineShelf } from '../spool/quarantine-shelf.js';
import { isSegmentId } from '../spool/segment-paths.js';
import { setAside } from '../spool/setting-aside.js';
import type { CommandContext } from './frame/command.js';
import { misused } from './frame/command-error.js';
import { printable } from './frame/printable-text.js';
import { localCollector } from './local-collector.js';
import { mustExist } from './spool-files.js';

interface SpoolOptions {
  readonly json: boolean;
  readonly config: string | undefined;
  readonly dataDir: string | undefined;
}

/** What lies aside, in full. Like what changes a spool, only while no collector has the data directory. */
export async function listQuarantined({ env, out }: CommandContext, options: SpoolOptions): Promise<void> {
  const segments = await onShelf(localCollector(env, options).dataDir, (shelf) => shelf.list());
  if (options.json) out.json(segments.map(described));
  else for (const segment of segments) out.line(lineOf(segment));
}

/** Puts a segment of the queue aside; what a start of the spool finds beside it is told on stderr. */
export async function setSegmentAside(
  { env, out, err }: CommandContext,
  options: SpoolOptions & { readonly id: string },
): Promise<void> {
  const { id } = options;
  if (!isSegmentId(id)) throw misused(`cannot use ID ${printable(id)}: it is not that of a segment`);
  const { config, dataDir } = localCollector(env, options);
  const tell = (_context: object, message: string) => err.line(printable(message));
  const logger = { ...silentLogger, warn: tell, error: tell };
  const directory = spoolOf(dataDir);
  const given = { directory, ...config.spool, eventIdsMax: config.ingest.eventIdsMax };
  const deps = { fileSystem: nodeFileSystem, logger };
  const rows = await alone(dataDir, () => setAside(deps, given, id));
  if (options.json) out.json({ id, rows });
  else out.line(`segment ${id} (${rows} rows) is set aside; tidemark spool replay ${id} puts it back`);
}

/** Puts a segment back into the queue, to be delivered by the next start. */
export async function replayQuarantined(
  { env, out }: CommandContext,
  options: SpoolOptions & { readonly id: string },
): Promise<void> {
  const segment = await onShelf(localCollector(env, options).dataDir, (shelf) => shelf.restore(options.id));
  if (options.json) out.json(described(segment));
  else out.line(`segment ${segment.id} (${segment.rows} rows) is delivered after the next start`);
}

function spoolOf(dataDir: string): string {
  return resolve(dataDir, 'spool');
}

function onShelf<Result>(dataDir: string, work: (shelf: QuarantineShelf) => Promise<Result>): Promise<Result> {
  return alone(dataDir, () => work(new QuarantineShelf({ fileSystem: nodeFileSystem }, spoolOf(dataDir))));
}

async function alone<Result>(dataDir: string, work: () => Promise<Result>): Promise<Result> {
  // Before the lock, which would make the data directory.
  await mustExist(spoolOf(dataDir));
  const lock = new DataDirLock({ locker: createFileLocker({ lock: tryLoadFileLock() }) }, dataDir);
  await lock.start();
  try {
    return await work();
  } finally {
    await lock.stop();
  }
}

function lineOf(segment: QuarantinedSegment): string {
  const { id, reason, rows, bytes, damage } = segment;
  const { first_received: first, last_received: last } = described(segment);
  const received = first === null ? 'received unknown' : `received ${first} to ${last}`;
  return `${id}  ${reason ?? 'unknown'}  ${rows ?? 'unknown'} rows  ${bytes} bytes  ${received}  ${damage ?? 'intact'}`;
}

function described({ firstReceivedMs, lastReceivedMs, note, ...segment }: QuarantinedSegment) {
  return {
    ...segment,
    first_received: optionalInstant(firstReceivedMs),
    last_received: optionalInstant(lastReceivedMs),
    salvaged_as: note?.salvagedAs ?? null,
    parts: note?.parts ?? [],
  };
}
