import { createHash, type Hash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { tryLoadFileLock } from '../../clickhouse/embedded/sandbox/native-calls.js';
import { systemClock } from '../../core/clock.js';
import { CollectorError, errorMessage } from '../../core/errors.js';
import type { FileLocker, HeldLock } from '../../core/file-lock.js';
import { instant } from '../../core/time-text.js';
import type { TlsOptions } from '../../sdk/tls-options.js';
import { DataDirLock } from '../../spool/data-dir-lock.js';
import { holdSnapshot, snapshotFolder } from '../../spool/data-dir-snapshots.js';
import { createFileLocker } from '../../spool/file-locker.js';
import { ApiClient } from '../frame/api-client.js';
import { collectorAddress } from '../frame/collector-address.js';
import type { CommandContext } from '../frame/command.js';
import { CommandError, misused } from '../frame/command-error.js';
import { exitCodes } from '../frame/exit-codes.js';
import { count } from '../frame/told-values.js';
import { localCollector } from '../local-collector.js';
import { packageVersion } from '../package-version.js';
import { openDirectorySink } from './backup-directory.js';
import { type BackupSink, nothing } from './backup-ends.js';
import { BackupWatch, mustFit } from './backup-limits.js';
import { type ManifestEntry, manifestName, manifestText } from './backup-manifest.js';
import { openTarSink } from './backup-tar.js';
import { dataTree } from './data-tree.js';
import { readFirst } from './file-copy.js';

interface BackupOptions extends TlsOptions {
  readonly bytesMax: number;
  readonly secondsMax: number;
  readonly json: boolean;
  readonly config: string | undefined;
  readonly dataDir: string | undefined;
  readonly url: string | undefined;
  readonly key: string | undefined;
}

/**
 * Writes a backup of the data directory into `target`: a directory when its name ends with a slash, else a tar file.
 * Nobody has the directory: it is copied as it lies there. A collector has it: that takes an image of it, which is
 * copied and dropped.
 */
export async function backUp(context: CommandContext, options: BackupOptions, target: string): Promise<void> {
  const { config, dataDir } = localCollector(context.env, options);
  const path = resolve(target);
  if (`${path}/`.startsWith(`${dataDir}/`)) throw misused(`cannot write ${path}: it lies in the data directory`);
  for (const taken of [path, `${path}.partial`]) {
    if (await isThere(taken)) throw misused(`cannot write ${taken}: it exists; choose another name, or remove it`);
  }
  if (!(await isThere(join(dataDir, 'format.json')))) {
    throw new CommandError(exitCodes.failed, `cannot back up ${dataDir}: it is no data directory of a collector`);
  }
  const locker = createFileLocker({ lock: tryLoadFileLock() });
  const lock = new DataDirLock({ locker }, dataDir);
  const isRunning = !(await tryLock(lock));
  const watch = new BackupWatch(systemClock, context.interruption(), options.secondsMax);
  const limits = { ...options, diskUsedRatioMax: config.spool.diskUsedRatioMax };
  const write = async (image: Image) => {
    await mustFit({ root: image.root, dataDir, path }, limits);
    return await writeBackup(image, { path, isDirectory: target.endsWith('/') }, watch);
  };
  let written: Written;
  if (isRunning) {
    if (config.clickhouse.url !== null) throw serverStore(dataDir);
    const api = new ApiClient(collectorAddress({ ...context.env, TIDEMARK_DATA_DIR: dataDir }, options));
    written = await ofRunning(api, { dataDir, locker }, write);
  } else {
    try {
      written = await write({ root: dataDir, takenAt: instant(systemClock.nowMs()) });
    } finally {
      await lock.stop();
    }
  }
  const { files, bytes, takenAt } = written;
  const from = isRunning ? 'a running collector' : 'a stopped collector';
  if (options.json) context.out.json({ path, files, bytes, taken_at: takenAt, collector_runs: isRunning });
  else context.out.line(`${path}: ${count(files)} files, ${count(bytes)} bytes of ${from}, as of ${takenAt}`);
}

interface Image {
  readonly root: string;
  readonly takenAt: string;
}

interface Written {
  readonly files: number;
  readonly bytes: number;
  readonly takenAt: string;
}

async function ofRunning(
  api: ApiClient,
  { dataDir, locker }: { readonly dataDir: string; readonly locker: FileLocker },
  write: (image: Image) => Promise<Written>,
): Promise<Written> {
  const { snapshot_id: id, taken_at: takenAt } = await api.post('/api/v1/maintenance/snapshots', {});
  const root = join(dataDir, snapshotFolder, id);
  let held: HeldLock | null = null;
  try {
    if (!(await isThere(root))) {
      const what = `the collector that answers has another data directory than ${dataDir}`;
      throw new CommandError(exitCodes.failed, `cannot back up: ${what}; give --url, or --data-dir`);
    }
    // From then on the collector drops it when this process is killed.
    held = await holdSnapshot(locker, dataDir, id);
    return await write({ root, takenAt });
  } finally {
    // Its disk space comes back with the end of this process, the next backup or start in any case.
    await api.delete('/api/v1/maintenance/snapshots/{snapshot_id}', { path: { snapshot_id: id } }).catch(() => null);
    held?.release();
  }
}

/** Throws CommandError, and then leaves nothing. */
export async function writeBackup(
  { root, takenAt }: Image,
  { path, isDirectory }: { readonly path: string; readonly isDirectory: boolean },
  watch: BackupWatch,
): Promise<Written> {
  const sink = await (isDirectory ? openDirectorySink(path) : openTarSink(path));
  try {
    const entries = await copyTree(root, sink, watch);
    const files = entries.filter(({ bytes }) => bytes !== undefined);
    const text = manifestText({ version: packageVersion(), taken_at: takenAt }, entries);
    const manifest = Buffer.from(text);
    await sink.add({ kind: 'file', path: manifestName, bytes: manifest.length }, of(manifest));
    await sink.finish();
    return { files: files.length, bytes: files.reduce((sum, { bytes = 0 }) => sum + bytes, 0), takenAt };
  } catch (error) {
    await sink.abandon().catch(() => undefined);
    if (error instanceof CommandError) throw error;
    throw new CommandError(exitCodes.failed, `cannot write ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

async function copyTree(root: string, sink: BackupSink, watch: BackupWatch): Promise<ManifestEntry[]> {
  const entries: ManifestEntry[] = [];
  for await (const entry of dataTree(root)) {
    watch.check();
    if (entry.kind !== 'file') {
      await sink.add(entry, nothing());
      entries.push(entry.kind === 'link' ? { path: entry.path, link: entry.link } : { path: entry.path });
      continue;
    }
    const hash = createHash('sha256');
    await sink.add(entry, hashed(watch.watched(readFirst(join(root, entry.path), entry.bytes)), hash));
    entries.push({ path: entry.path, bytes: entry.bytes, sha256: hash.digest('hex') });
  }
  return entries;
}

export async function* hashed(content: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
}

async function* of(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function tryLock(lock: DataDirLock): Promise<boolean> {
  try {
    await lock.start();
    return true;
  } catch (error) {
    if (error instanceof CollectorError && error.code === 'data_dir_locked') return false;
    throw error;
  }
}

export function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function serverStore(dataDir: string): CommandError {
  const what = 'its rows are on a ClickHouse server: back that up with BACKUP there';
  return new CommandError(exitCodes.failed, `cannot back up the collector of ${dataDir}: ${what}`);
}
