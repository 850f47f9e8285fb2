import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { tryLoadFileLock } from '../../clickhouse/embedded/sandbox/native-calls.js';
import { errorMessage } from '../../core/errors.js';
import { foreignFormat, readDataDirUse, unfinishedRestore } from '../../spool/data-dir-format.js';
import { DataDirLock } from '../../spool/data-dir-lock.js';
import { createFileLocker } from '../../spool/file-locker.js';
import { nodeFileSystem } from '../../spool/file-system.js';
import type { CommandContext } from '../frame/command.js';
import { CommandError, misused } from '../frame/command-error.js';
import { exitCodes } from '../frame/exit-codes.js';
import { count } from '../frame/told-values.js';
import { localCollector } from '../local-collector.js';
import { packageVersion } from '../package-version.js';
import { hashed, isThere } from './backup.js';
import { directoryItems } from './backup-directory.js';
import type { BackupItem } from './backup-ends.js';
import {
  damaged,
  isInside,
  type Manifest,
  type ManifestEntry,
  manifestName,
  parseManifest,
} from './backup-manifest.js';
import { tarItems } from './backup-tar.js';
import { syncPath, writeNew } from './file-copy.js';

interface RestoreOptions {
  readonly json: boolean;
  readonly config: string | undefined;
  readonly dataDir: string | undefined;
}

/**
 * Puts a backup into a data directory that is empty or not there. Every file is compared with its checksum; when one
 * is not as it was, nothing is left. `format.json` comes last: until then a start leaves the directory alone.
 */
export async function restore(context: CommandContext, options: RestoreOptions, source: string): Promise<void> {
  const { dataDir } = localCollector(context.env, options);
  const path = resolve(source);
  if (!(await isThere(path))) throw misused(`cannot read ${path}: it does not exist`);
  const left = (await readdir(dataDir).catch(() => [])).filter((name) => name !== 'collector.lock');
  if (left.length > 0) {
    const what = `it is not empty (${left.slice(0, 3).join(', ')})`;
    throw misused(`cannot restore into ${dataDir}: ${what}; choose another --data-dir, or move it away`);
  }
  const lock = new DataDirLock({ locker: createFileLocker({ lock: tryLoadFileLock() }) }, dataDir);
  await lock.start();
  try {
    const { head, entries } = await restoreAll(path, dataDir);
    const files = [...entries.values()].filter(({ bytes }) => bytes !== undefined);
    const bytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
    const told = { data_dir: dataDir, files: files.length, bytes, ...head };
    if (options.json) context.out.json(told);
    else context.out.line(`${dataDir}: ${count(told.files)} files, ${count(bytes)} bytes, as of ${head.taken_at}`);
  } finally {
    await lock.stop();
  }
}

async function restoreAll(path: string, dataDir: string): Promise<Manifest> {
  const isDirectory = (await stat(path)).isDirectory();
  const written = new Writing(dataDir);
  try {
    await written.begin();
    for await (const item of isDirectory ? directoryItems(path) : tarItems(path)) await written.take(item);
    return await written.end();
  } catch (error) {
    await written.abandon();
    if (error instanceof CommandError) throw error;
    throw damaged(`${path}: ${errorMessage(error)}`);
  }
}

/** The name of `format.json` until everything else is on the disk. */
const heldBack = 'format.json.restored';

class Writing {
  readonly #dataDir: string;
  readonly #found = new Map<string, ManifestEntry>();
  #manifest: Manifest | null = null;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  async begin(): Promise<void> {
    await writeNew(join(this.#dataDir, 'format.json'), once(Buffer.from(JSON.stringify(unfinishedRestore))));
  }

  async take({ entry, content }: BackupItem): Promise<void> {
    const { path } = entry;
    if (path === manifestName) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk);
      this.#manifest = parseManifest(Buffer.concat(chunks).toString('utf8'), packageVersion());
      return;
    }
    if (!isInside(path, entry.kind === 'link' ? entry.link : undefined)) throw damaged(`it names ${path}`);
    if (entry.kind === 'file') {
      const hash = createHash('sha256');
      await writeNew(join(this.#dataDir, path === 'format.json' ? heldBack : path), hashed(content, hash));
      this.#found.set(path, { path, bytes: entry.bytes, sha256: hash.digest('hex') });
      return;
    }
    for await (const _ of content);
    // Links are made at the end: nothing is written through one.
    if (entry.kind === 'directory') await mkdir(join(this.#dataDir, path), { recursive: true, mode: 0o700 });
    this.#found.set(path, entry.kind === 'link' ? { path, link: entry.link } : { path });
  }

  async end(): Promise<Manifest> {
    const manifest = this.#manifest;
    if (manifest === null) throw damaged(`it has no ${manifestName}: it was cut, or is no backup`);
    compare(manifest, this.#found);
    const foreign = await this.#foreign();
    if (foreign !== null) throw new CommandError(exitCodes.failed, foreign);
    for (const { path, link } of this.#found.values()) {
      if (link !== undefined) await symlink(link, join(this.#dataDir, path));
    }
    for (const { path, bytes, link } of this.#found.values()) {
      if (bytes === undefined && link === undefined) await syncPath(join(this.#dataDir, path));
    }
    await rename(join(this.#dataDir, heldBack), join(this.#dataDir, 'format.json'));
    await syncPath(this.#dataDir);
    return manifest;
  }

  /** The directory was empty: whatever is in it is ours, the lock aside. */
  async abandon(): Promise<void> {
    for (const name of await readdir(this.#dataDir).catch(() => [])) {
      if (name !== 'collector.lock') await rm(join(this.#dataDir, name), { recursive: true, force: true });
    }
  }

  async #foreign(): Promise<string | null> {
    const use = await readDataDirUse(nodeFileSystem, this.#dataDir, heldBack);
    return foreignFormat(this.#dataDir, use, packageVersion());
  }
}

function compare({ entries }: Manifest, found: ReadonlyMap<string, ManifestEntry>): void {
  for (const { path, bytes, sha256, link } of entries.values()) {
    const there = found.get(path);
    if (there === undefined) throw damaged(`${path} is missing`);
    if (there.bytes !== bytes) throw damaged(`${path} has ${there.bytes} bytes instead of ${bytes}`);
    if (there.sha256 !== sha256 || there.link !== link) throw damaged(`${path} is damaged: its checksum differs`);
  }
  for (const path of found.keys()) if (!entries.has(path)) throw damaged(`${path} is not in its ${manifestName}`);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
