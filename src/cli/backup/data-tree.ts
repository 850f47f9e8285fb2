import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Something of a data directory; `path` relative to it, with slashes. */
export type TreeEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'link'; readonly path: string; readonly link: string };

/** Of one process, or made anew at its start: the lock, pipes, what statements write meanwhile, images. */
const ofOneProcess = new Set([
  'collector.lock',
  'snapshot',
  'engine/engine.lock',
  'engine/results',
  'engine/inserts',
  'engine/db/shadow',
  'engine/db/status',
  'engine/db/tmp',
]);

/** Everything of a data directory that a start needs, parents first; sockets and pipes are of one process. */
export async function* dataTree(root: string, below = ''): AsyncGenerator<TreeEntry> {
  const names = (await readdir(join(root, below))).sort();
  for (const name of names) {
    const path = below === '' ? name : `${below}/${name}`;
    if (ofOneProcess.has(path)) continue;
    const stats = await lstat(join(root, path));
    if (stats.isSymbolicLink()) yield { kind: 'link', path, link: await readlink(join(root, path)) };
    else if (stats.isFile()) yield { kind: 'file', path, bytes: stats.size };
    else if (stats.isDirectory()) {
      yield { kind: 'directory', path };
      yield* dataTree(root, path);
    }
  }
}
