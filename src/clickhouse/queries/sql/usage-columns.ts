import type { z } from 'zod';
import { integer64, optionalInteger64 } from './column-types.js';

/** Model calls, tokens and cost of some work, as the tables name them and rows carry them. */
export const usageRow = {
  llm_calls: integer64,
  tokens_in: integer64,
  tokens_out: integer64,
  /** Null: nobody reported one. */
  cost_micros: optionalInteger64,
  /** Tokens, in and out, of what has no cost. */
  tokens_unpriced: integer64,
};

/** With the parts of the tokens, which are never added to them; of single work, and of runs. */
export const detailedUsageRow = {
  ...usageRow,
  tokens_cache_read: integer64,
  tokens_cache_write: integer64,
  tokens_reasoning: integer64,
};

export type UsageRow = Readonly<z.output<z.ZodObject<typeof usageRow>>>;

export type DetailedUsageRow = Readonly<z.output<z.ZodObject<typeof detailedUsageRow>>>;

type UsageColumn = keyof typeof detailedUsageRow;

const names = Object.keys(usageRow) as UsageColumn[];
const detailedNames = Object.keys(detailedUsageRow) as UsageColumn[];

/** All of `usageRow`, as a list of columns. */
export const usageColumns = names.join(', ');

/** The same of single work, which has no column of what is not priced. */
export const workUsageColumns = columnsOfWork(names);
export const detailedWorkUsageColumns = columnsOfWork(detailedNames);

function columnsOfWork(columns: readonly UsageColumn[]): string {
  const unpriced = 'if(isNull(cost_micros), tokens_in + tokens_out, 0) AS tokens_unpriced';
  return columns.map((column) => (column === 'tokens_unpriced' ? unpriced : column)).join(', ');
}

/** The sum of one, exact beyond what UInt64 holds (see `integer64`). The source is named: the sum has its name too. */
export function usageSum(source: string, column: UsageColumn): string {
  return `sum(toFloat64(${source}.${column}))`;
}

/** All sums, under the names of their columns. */
export function usageSums(source: string): string {
  return sums(source, names);
}

export function detailedUsageSums(source: string): string {
  return sums(source, detailedNames);
}

function sums(source: string, columns: readonly UsageColumn[]): string {
  return columns.map((column) => `${usageSum(source, column)} AS ${column}`).join(', ');
}
