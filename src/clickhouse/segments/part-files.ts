import { lstat, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Of the files of a part, those that its checksums do not list: they describe it. */
const unlisted: ReadonlySet<string> = new Set([
  'checksums.txt',
  'columns.txt',
  'columns_substreams.txt',
  'default_compression_codec.txt',
  'metadata_version.txt',
  'txn_version.txt',
]);

/**
 * Bytes of the files of a part that its checksums list, or null when the directory or one of its files cannot be read.
 * Next to `bytes_on_disk`, which the engine knows from the checksums, it tells a part whose file was cut or is gone: a
 * write that failed in the engine can pass for a successful insert. A stat a file, nothing is read.
 */
export async function listedBytes(directory: string): Promise<number | null> {
  try {
    const names = (await readdir(directory)).filter((name) => !unlisted.has(name));
    const sizes = await Promise.all(names.map(async (name) => await sizeOf(join(directory, name))));
    return sizes.reduce((sum, bytes) => sum + bytes, 0);
  } catch {
    return null;
  }
}

/**
 * One of those files that is empty, which says nothing about the part: no check of its rows fails, and at its next
 * start the engine sets the part aside. Null when there is none, or when the directory cannot be read.
 */
export async function emptyDescription(directory: string): Promise<string | null> {
  try {
    for (const name of await readdir(directory)) {
      if (unlisted.has(name) && (await lstat(join(directory, name))).size === 0) return name;
    }
  } catch {
    // Merged or removed meanwhile, or not readable: `listedBytes` tells.
  }
  return null;
}

/** A projection is a directory, a part inside the part. */
async function sizeOf(path: string): Promise<number> {
  const stats = await lstat(path);
  if (!stats.isDirectory()) return stats.size;
  const sizes = await Promise.all((await readdir(path)).map(async (name) => await sizeOf(join(path, name))));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** Makes the name of a part, and its files, durable. */
export async function syncPart(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await syncPath(join(directory, name));
  await syncPath(directory);
  await syncPath(dirname(directory));
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
