import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BackupItem, type BackupSink, nothing } from './backup-ends.js';
import { dataTree } from './data-tree.js';
import { readFirst, syncPath, writeNew } from './file-copy.js';

/** A backup as a directory, laid out as the data directory is. */
export async function openDirectorySink(path: string): Promise<BackupSink> {
  const partial = `${path}.partial`;
  await mkdir(partial, { mode: 0o700 });
  const directories = [partial];
  return {
    async add(entry, content) {
      const target = join(partial, entry.path);
      if (entry.kind === 'link') return symlink(entry.link, target);
      if (entry.kind === 'file') return writeNew(target, content);
      directories.push(target);
      await mkdir(target, { mode: 0o700 });
    },
    async finish() {
      for (const directory of directories) await syncPath(directory);
      await rename(partial, path);
      await syncPath(dirname(path));
    },
    abandon: () => rm(partial, { recursive: true, force: true }),
  };
}

export async function* directoryItems(path: string): AsyncGenerator<BackupItem> {
  for await (const entry of dataTree(path)) {
    const content = entry.kind === 'file' ? readFirst(join(path, entry.path), entry.bytes) : nothing();
    yield { entry, content };
  }
}
