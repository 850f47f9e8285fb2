import type { SliceDelta } from './slice-delta.js';

/** Model calls, tokens and cost of events with scope `own`. Exact below 2^53. */
export const usageCells = 4;

export interface UsageTotals {
  llmCalls: number;
  tokensIn: number;
  tokensOut: number;
  costMicros: number;
}

export function addUsage(cells: Float64Array, at: number, delta: SliceDelta): void {
  cells[at]! += delta.llmCalls;
  cells[at + 1]! += delta.tokensIn;
  cells[at + 2]! += delta.tokensOut;
  cells[at + 3]! += delta.costMicros;
}

export function emptyUsage(): UsageTotals {
  return { llmCalls: 0, tokensIn: 0, tokensOut: 0, costMicros: 0 };
}

export function sumUsage(totals: UsageTotals, cells: Float64Array, at: number): void {
  totals.llmCalls += cells[at]!;
  totals.tokensIn += cells[at + 1]!;
  totals.tokensOut += cells[at + 2]!;
  totals.costMicros += cells[at + 3]!;
}
