import type { TidemarkEvent } from './event.js';

/** Names once, values in rows; a value that an event does not have is null. */
export function columnsOf(events: readonly TidemarkEvent[]): {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
} {
  const columnIndex = new Map<string, number>();
  const rows: unknown[][] = [];
  for (const event of events) rows.push(rowOf(event, columnIndex));
  for (const row of rows) padRow(row, columnIndex.size);
  return { columns: [...columnIndex.keys()], rows };
}

function rowOf(event: TidemarkEvent, columnIndex: Map<string, number>): unknown[] {
  const row: unknown[] = new Array(columnIndex.size).fill(null);
  for (const name in event) {
    const value = event[name as keyof TidemarkEvent];
    if (value === undefined || value === null) continue;
    let index = columnIndex.get(name);
    if (index === undefined) {
      index = columnIndex.size;
      columnIndex.set(name, index);
    }
    row[index] = value instanceof Date ? value.getTime() : value;
  }
  return row;
}

function padRow(row: unknown[], length: number): void {
  while (row.length < length) row.push(null);
}

/** About what an event takes in a frame, without encoding it: strings by length, anything else 9 bytes. */
export function estimateEventBytes(event: TidemarkEvent): number {
  let bytes = 4;
  for (const name in event) {
    const value: unknown = event[name as keyof TidemarkEvent];
    if (typeof value === 'string') bytes += value.length + 3;
    else if (value !== null && typeof value === 'object' && !(value instanceof Date)) bytes += estimateMapBytes(value);
    else bytes += 9;
  }
  return bytes;
}

function estimateMapBytes(map: object): number {
  let bytes = 3;
  for (const [key, value] of Object.entries(map)) {
    bytes += key.length + 2 + (typeof value === 'string' ? value.length + 3 : 9);
  }
  return bytes;
}
