import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';

/**
 * Removes what an end of the engine, or a disk that failed for a while, has left and at which the engine refuses to
 * start. `directory` is the engine's, and nobody has it open. Answers what was removed.
 *
 *   tables   beside others (`agent_events_raw_v1_beside_segment`), whose creation may have stopped half-way: who wants
 *            one makes it anew. Their names
 *   files    a mutation or the format of a table's parts that is empty, because its write failed and the engine took it
 *            for done. The format is written anew by the start; what a mutation has not done yet is asked for again by
 *            whoever waits for it. Their paths
 */
export function removeUnfinished(directory: string): { readonly tables: string[]; readonly files: string[] } {
  const store = join(directory, 'store');
  // A database has its definitions in a directory of the same kind as those in which tables have their parts.
  const places = foldersIn(store).flatMap((folder) => foldersIn(folder));
  const found = places.flatMap((place) => readdirSync(place).map((name) => join(place, name)));
  const empty = found.filter((path) => needed.test(path) && statSync(path).size === 0);
  for (const path of empty) rmSync(path);
  const unfinished = found.filter((path) => besideDefinition.test(path));
  for (const path of unfinished) {
    const [uuid] = /(?<=UUID ')[-\da-f]{36}(?=')/.exec(readFileSync(path, 'utf8')) ?? [];
    rmSync(path);
    if (uuid !== undefined) rmSync(join(store, uuid.slice(0, 3), uuid), { recursive: true, force: true });
  }
  return {
    tables: unfinished.map((path) => basename(path, '.sql')),
    files: empty.map((path) => relative(directory, path)),
  };
}

const needed = /\/(?:mutation_\d+|format_version)\.txt$/;
/** Of a table beside others. */
export const besideDefinition = /_beside_(?:segment|held_\w+)\.sql$/;

export function foldersIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name));
}
