import type { SliceDelta } from './slice-delta.js';

/** Executions by outcome: completed, failed, cancelled. Exact. */
export const countsCells = 3;

export interface CountTotals {
  completed: number;
  failed: number;
  cancelled: number;
}

export function addCounts(cells: Float64Array, at: number, delta: SliceDelta): void {
  cells[at]! += delta.completed;
  cells[at + 1]! += delta.failed;
  cells[at + 2]! += delta.cancelled;
}

export function emptyCounts(): CountTotals {
  return { completed: 0, failed: 0, cancelled: 0 };
}

export function sumCounts(totals: CountTotals, cells: Float64Array, at: number): void {
  totals.completed += cells[at]!;
  totals.failed += cells[at + 1]!;
  totals.cancelled += cells[at + 2]!;
}

/** completed / (completed + failed); a cancelled execution is neither. */
export function successRateOf(totals: CountTotals): number | null {
  const decided = totals.completed + totals.failed;
  return decided === 0 ? null : totals.completed / decided;
}
