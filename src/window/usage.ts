import type { SliceDelta } from './slice-delta.js';

/**
 * Model calls, tokens, cost, and tokens without a cost, of events with scope `own`. Exact below 2^53. The cell of the
 * cost is 0 while nobody has reported one and then the cost plus 1, so that a cost of 0 is not taken for none.
 */
export const usageCells = 5;

export interface UsageTotals {
  llmCalls: number;
  tokensIn: number;
  tokensOut: number;
  /** Null: nobody reported one. */
  costMicros: number | null;
  tokensUnpriced: number;
}

export function addUsage(cells: Float64Array, at: number, delta: SliceDelta): void {
  cells[at]! += delta.llmCalls;
  cells[at + 1]! += delta.tokensIn;
  cells[at + 2]! += delta.tokensOut;
  cells[at + 4]! += delta.tokensUnpriced;
  if (delta.costMicros === null) return;
  cells[at + 3]! += cells[at + 3] === 0 ? delta.costMicros + 1 : delta.costMicros;
}

export function emptyUsage(): UsageTotals {
  return { llmCalls: 0, tokensIn: 0, tokensOut: 0, costMicros: null, tokensUnpriced: 0 };
}

export function sumUsage(totals: UsageTotals, cells: Float64Array, at: number): void {
  totals.llmCalls += cells[at]!;
  totals.tokensIn += cells[at + 1]!;
  totals.tokensOut += cells[at + 2]!;
  totals.tokensUnpriced += cells[at + 4]!;
  const cost = cells[at + 3]!;
  if (cost > 0) totals.costMicros = (totals.costMicros ?? 0) + cost - 1;
}
