import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rawColumns } from '../../src/core/event-schema.js';
import type { SpoolSegment } from '../../src/core/ports/spool-reader.js';
import type { EngineStore } from './engine-store.js';

/** Column values by name as JSON of ClickHouse; what is missing is the column's default. */
export type RawRow = Readonly<Record<string, unknown>>;

export const columnNames: readonly string[] = rawColumns.map((column) => column.name);

/** Writes a segment file as the spool does: one Native block for each append, end to end. */
export async function writeSegment(
  store: EngineStore,
  options: { readonly id: string; readonly blocks: readonly (readonly RawRow[])[] },
): Promise<SpoolSegment> {
  const dataPath = join(store.directory, `${options.id}.native`);
  const blocks: Uint8Array[] = [];
  for (const rows of options.blocks) blocks.push(await store.native(blockQuery(rows)));
  writeFileSync(dataPath, Buffer.concat(blocks));
  const rows = options.blocks.flat();
  const received = rows.map((row) => Date.parse(`${String(row.received).replace(' ', 'T')}Z`));
  return {
    id: options.id,
    dataPath,
    bytes: statSync(dataPath).size,
    rows: rows.length,
    columns: columnNames,
    firstReceivedMs: Math.min(...received),
    lastReceivedMs: Math.max(...received),
  };
}

/** One block, since the rows are fewer than any threshold that would split them. */
function blockQuery(rows: readonly RawRow[]): string {
  const structure = rawColumns.map((column) => `${column.name} ${column.column}`).join(', ');
  const json = rows.map((row) => JSON.stringify({ attempt: 1, ...row })).join('\n');
  return `SELECT * FROM format(JSONEachRow, ${literal(structure)}, ${literal(json)}) SETTINGS max_threads = 1`;
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;
}

/** As ClickHouse reads a DateTime64(3). */
export function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 23).replace('T', ' ');
}
