import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { foldersIn } from './unfinished-writes.js';

/**
 * Whether the engine merges or mutates: what it makes of a table's parts lies in a directory of such a name until it is
 * complete, and is removed when it fails. `directory` is the engine's. For when it answers nothing about itself.
 */
export function areMergesUnderWay(directory: string): boolean {
  const places = foldersIn(join(directory, 'store')).flatMap((folder) => foldersIn(folder));
  return places.some((place) => namesIn(place).some((name) => /^tmp_(?:merge|mut)_/.test(name)));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // The table has been dropped.
    return [];
  }
}
