import { existsSync } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { ClickHouseException } from '../clickhouse-exception.js';

/** A file of the spool that stays open while the engine reads it. */
export interface SpoolFile {
  /** What the engine is told: no path that somebody chose, in which it would take `*?{}` for a pattern. */
  readonly name: string;
  close(): Promise<void>;
}

/**
 * The file that the literal of `FROM INFILE` names, as it is written between its quotes. Throws ACCESS_DENIED unless it
 * is a file of the spool. The engine opens what was checked, wherever the path leads by then.
 */
export async function openSpoolFile(literal: string, spoolDir: string): Promise<SpoolFile> {
  const refused = new ClickHouseException('ACCESS_DENIED', 'INFILE is only allowed for files of the spool.');
  if (!/^(?:[^\\]|\\[\\'])*$/.test(literal)) throw refused;
  const written = literal.replaceAll(/\\([\\'])|''/g, (_, escaped: string | undefined) => escaped ?? "'");
  const path = await realpath(Buffer.from(written, 'latin1').toString('utf8')).catch(() => null);
  const spool = await realpath(spoolDir).catch(() => null);
  if (path === null || spool === null || !path.startsWith(spool + sep)) throw refused;
  const file = await open(path).catch(() => null);
  if (file === null) throw refused;
  const name = await nameOf(file, path);
  return { name, close: () => file.close() };
}

/** Systems without names of open files have the path alone. */
async function nameOf(file: FileHandle, path: string): Promise<string> {
  const name = `/proc/self/fd/${file.fd}`;
  if (existsSync(name)) return name;
  if (!/[*?{}[\]|]/.test(path)) return path;
  await file.close();
  const problem = 'INFILE does not take a path with any of *?{}[]|, which the engine reads as a pattern.';
  throw new ClickHouseException('ACCESS_DENIED', problem);
}
