import { resolve } from 'node:path';
import { tryLoadFileLock } from '../clickhouse/embedded/sandbox/native-calls.js';
import { optionalInstant } from '../core/time-text.js';
import { DataDirLock } from '../spool/data-dir-lock.js';
import { createFileLocker } from '../spool/file-locker.js';
import { nodeFileSystem } from '../spool/file-system.js';
import type { QuarantinedSegment } from '../spool/quarantine-shelf.js';
import { QuarantineShelf } from '../spool/quarantine-shelf.js';
import type { CommandContext } from './frame/command.js';
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

/** Puts a segment back into the queue, to be delivered by the next start. */
export async function replayQuarantined(
  { env, out }: CommandContext,
  options: SpoolOptions & { readonly id: string },
): Promise<void> {
  const segment = await onShelf(localCollector(env, options).dataDir, (shelf) => shelf.restore(options.id));
  if (options.json) out.json(described(segment));
  else out.line(`segment ${segment.id} (${segment.rows} rows) is delivered after the next start`);
}

async function onShelf<Result>(dataDir: string, work: (shelf: QuarantineShelf) => Promise<Result>): Promise<Result> {
  const directory = resolve(dataDir, 'spool');
  // Before the lock, which would make the data directory.
  await mustExist(directory);
  const lock = new DataDirLock({ locker: createFileLocker({ lock: tryLoadFileLock() }) }, dataDir);
  await lock.start();
  try {
    return await work(new QuarantineShelf({ fileSystem: nodeFileSystem }, directory));
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
