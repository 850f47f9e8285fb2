import { writeFile } from 'node:fs/promises';
import { quoteString } from '../../sql-text.js';

/**
 * Tables of `system` that the front tells instead of the engine, which keeps no log and knows statements by ids that no
 * client has seen. One table for all would have to be filtered by user, so a temporary one is made for each statement
 * that names it, of what its user may see.
 */
export const toldTableNames = ['system.processes', 'system.query_log'] as const;

export type ToldTable = (typeof toldTableNames)[number];

/** What stands for each in a statement. */
export const toldTables: ReadonlyMap<string, string> = new Map(toldTableNames.map((name) => [name, temporary(name)]));

export interface ToldRows {
  /** As `file()` takes it. */
  readonly structure: string;
  readonly rows: readonly object[];
}

/** Writes the rows to `path`; answers the statement that makes the table of them. */
export async function toldTable(name: ToldTable, { structure, rows }: ToldRows, path: string): Promise<string> {
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''), { flag: 'wx', mode: 0o600 });
  const from = [path, 'JSONEachRow', structure, 'none'].map(quoteString).join(', ');
  return `CREATE TEMPORARY TABLE ${temporary(name)} AS SELECT * FROM file(${from})`;
}

function temporary(name: ToldTable): string {
  return `\`_${name.slice('system.'.length)}\``;
}
