/** Columns of many rows that come as one row: a list each, of the same length. */
export type ColumnLists<Cell> = readonly (readonly Cell[])[];

/** `cellsMax`: of each list at most so many. */
export function listsOf(columns: readonly string[], cellsMax?: number): string {
  const most = cellsMax === undefined ? '' : `(${cellsMax})`;
  return `tuple(${columns.map((column) => `groupArray${most}(${column})`).join(', ')})`;
}

/** Whether what was given is a list of so many lists of such cells. */
export function areLists(given: unknown, count: number, isCell: (cell: unknown) => boolean): boolean {
  if (!Array.isArray(given) || given.length !== count) return false;
  return given.every((list) => Array.isArray(list) && list.every(isCell));
}

export function isText(cell: unknown): boolean {
  return typeof cell === 'string';
}

export function isNumber(cell: unknown): boolean {
  return typeof cell === 'number';
}
