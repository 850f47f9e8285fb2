import { join } from 'node:path';
import { CollectorError } from '../core/errors.js';
import { fileFailure } from '../core/file-remedy.js';
import type { Stage } from '../core/stage.js';
import { errorCode, type FileSystem, readWhole, withFile } from './file-system.js';

/**
 * Which version used a data directory last, and whether another can read what it left there:
 *
 *   format.json   {"format": 1, "version": "0.1.0"}
 *
 * `format` goes up when files are written that the versions before would misread: they would take such a segment for
 * a damaged one, and set it aside. A directory without the file, or with one that cannot be read, has format 1.
 */
const dataDirFormat = 1;
const fileName = 'format.json';

/** What it says while a restore writes into the directory: no version starts on half of one. */
export const unfinishedRestore: DataDirUse = { format: Number.MAX_SAFE_INTEGER, version: 'unfinished-restore' };

export interface DataDirUse {
  readonly format: number;
  readonly version: string;
}

/** Null when nothing says. */
export async function readDataDirUse(
  fileSystem: FileSystem,
  directory: string,
  name = fileName,
): Promise<DataDirUse | null> {
  try {
    const content = await withFile(fileSystem.open(join(directory, name), 'read'), readWhole);
    const { format, version } = JSON.parse(content.toString('utf8')) as Partial<Record<keyof DataDirUse, unknown>>;
    if (!Number.isSafeInteger(format) || typeof version !== 'string' || !versionPattern.test(version)) return null;
    return { format: Number(format), version };
  } catch {
    return null;
  }
}

const versionPattern = /^[\w.+-]{1,64}$/;

/** Why this version leaves a directory alone; null when it can use it. */
export function foreignFormat(directory: string, use: DataDirUse | null, version: string): string | null {
  if (use === null || use.format <= dataDirFormat) return null;
  if (use.version === unfinishedRestore.version) {
    return `cannot use data directory ${directory}: a restore into it was not finished; empty it and restore again`;
  }
  return (
    `cannot use data directory ${directory}: Tidemark ${use.version} wrote it (format ${use.format}), which is newer ` +
    `than this one (${version}, format ${dataDirFormat}); start that version again, or choose another TIDEMARK_DATA_DIR`
  );
}

/** Refuses a directory of a newer version, and says in it which one uses it now. */
export class DataDirFormat implements Stage {
  readonly name = 'data-dir-format';
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #version: string;

  constructor(
    { fileSystem }: { readonly fileSystem: FileSystem },
    { directory, version }: { readonly directory: string; readonly version: string },
  ) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#version = version;
  }

  /** Rejects with `data_dir_unusable`. The caller has the lock. */
  async start(): Promise<void> {
    const use = await readDataDirUse(this.#fileSystem, this.#directory);
    const foreign = foreignFormat(this.#directory, use, this.#version);
    if (foreign !== null) throw new CollectorError('data_dir_unusable', foreign);
    if (use?.format === dataDirFormat && use.version === this.#version) return;
    try {
      await this.#write();
    } catch (error) {
      // What it says of the format is true already; of a directory in its place nothing can be made.
      if (use?.format === dataDirFormat || errorCode(error) === 'EISDIR') return;
      const path = join(this.#directory, fileName);
      const cause = { cause: error };
      throw new CollectorError('data_dir_unusable', `cannot write ${path}: ${fileFailure(error)}`, cause);
    }
  }

  async stop(): Promise<void> {}

  async #write(): Promise<void> {
    const path = join(this.#directory, fileName);
    const temporary = `${path}.new`;
    await this.#fileSystem.remove(temporary);
    const text = `${JSON.stringify({ format: dataDirFormat, version: this.#version } satisfies DataDirUse)}\n`;
    await withFile(this.#fileSystem.open(temporary, 'create'), async (file) => {
      await file.write([Buffer.from(text)], 0);
      await file.datasync();
    });
    await this.#fileSystem.rename(temporary, path);
    await this.#fileSystem.syncDirectory(this.#directory);
  }
}
