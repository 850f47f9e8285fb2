import { type ErrorCategory, errorCategories } from '../core/event-types.js';
import { type CellArena, cellOffset } from './cell-arena.js';
import type { SliceDelta } from './slice-delta.js';

/** Failures by category. Most slices have none, so the slice holds only a reference to a block of counters, or 0. */
export const errorsCells = 1;

const categories = Object.keys(errorCategories).filter((name): name is ErrorCategory => name !== '');

export type ErrorTotals = Partial<Record<ErrorCategory, number>>;

export function addErrors(arena: CellArena, cells: Float64Array, at: number, delta: SliceDelta): void {
  for (const category in delta.errors) {
    const count = delta.errors[category as ErrorCategory] ?? 0;
    if (count > 0) addError(arena, cells, at, { index: errorCategories[category as ErrorCategory] - 1, count });
  }
}

export function sumErrors(totals: ErrorTotals, arena: CellArena, ref: number): void {
  if (ref === 0) return;
  const cells = arena.chunk(ref).f64;
  const first = cellOffset(ref);
  for (let index = 0; index < categories.length; index++) {
    const count = cells[first + index]!;
    const category = categories[index]!;
    if (count > 0) totals[category] = (totals[category] ?? 0) + count;
  }
}

function addError(
  arena: CellArena,
  cells: Float64Array,
  at: number,
  error: { readonly index: number; readonly count: number },
): void {
  let ref = cells[at]!;
  if (ref === 0) {
    ref = arena.allocate(categories.length);
    arena.chunk(ref).f64.fill(0, cellOffset(ref), cellOffset(ref) + categories.length);
    cells[at] = ref;
  }
  arena.chunk(ref).f64[cellOffset(ref) + error.index]! += error.count;
}
