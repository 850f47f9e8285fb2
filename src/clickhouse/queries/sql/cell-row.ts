import { z } from 'zod';

/** `number`: a 64-bit integer may come as digits; `optional`: a number, or null for what JSON has no number for. */
export type CellKind = 'number' | 'text' | 'optional';

export type Cell = number | string | null;

/**
 * A row that came as one tuple, of so many cells of these kinds. They are looked at one by one here: for a thousand
 * rows a schema of each cell takes longer than reading them. What a cell is of is told by `numberIn` and `textIn`.
 */
export function cellRow(kinds: readonly CellKind[]) {
  const message = `expected cells of the kinds ${kinds.join(', ')}`;
  return z.object({ r: z.custom<readonly Cell[]>((given) => areCells(given, kinds), message) });
}

/** Whether what was given is a list of cells of these kinds. */
export function areCells(given: unknown, kinds: readonly CellKind[]): given is readonly Cell[] {
  if (!Array.isArray(given) || given.length !== kinds.length) return false;
  for (let at = 0; at < kinds.length; at++) if (!isOfKind(given[at], kinds[at]!)) return false;
  return true;
}

function isOfKind(cell: unknown, kind: CellKind): boolean {
  if (kind === 'text') return typeof cell === 'string';
  if (typeof cell === 'number') return true;
  if (cell === null) return kind === 'optional';
  return typeof cell === 'string' && digits.test(cell);
}

const digits = /^-?\d{1,20}$/;

/** NaN where there is none. */
export function numberIn(cells: readonly Cell[], place: number): number {
  const cell = cells[place];
  return cell === null || cell === undefined ? Number.NaN : Number(cell);
}

export function textIn(cells: readonly Cell[], place: number): string {
  return String(cells[place]);
}
