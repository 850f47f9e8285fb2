import type { SliceDelta } from './slice-delta.js';

/** Confidence (sum and count, for the average) and peak memory in MB, 0 where no execution reported it. */
export const qualityCells = 3;

export interface QualityTotals {
  confidenceSum: number;
  confidenceCount: number;
  memoryMbMax: number;
}

export function addQuality(cells: Float64Array, at: number, delta: SliceDelta): void {
  cells[at]! += delta.confidenceSum;
  cells[at + 1]! += delta.confidenceCount;
  if (delta.memoryMbMax > cells[at + 2]!) cells[at + 2] = delta.memoryMbMax;
}

export function emptyQuality(): QualityTotals {
  return { confidenceSum: 0, confidenceCount: 0, memoryMbMax: 0 };
}

export function sumQuality(totals: QualityTotals, cells: Float64Array, at: number): void {
  totals.confidenceSum += cells[at]!;
  totals.confidenceCount += cells[at + 1]!;
  if (cells[at + 2]! > totals.memoryMbMax) totals.memoryMbMax = cells[at + 2]!;
}
