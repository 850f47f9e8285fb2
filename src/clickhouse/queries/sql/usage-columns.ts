import type { z } from 'zod';
import { integer64, optionalInteger64 } from './column-types.js';

/** Model calls, tokens and cost of some work, as the tables name them and rows carry them. */
export const usageRow = {
  llm_calls: integer64,
  tokens_in: integer64,
  tokens_out: integer64,
  /** Null: nobody reported one. */
  cost_micros: optionalInteger64,
};

export type UsageRow = Readonly<z.output<z.ZodObject<typeof usageRow>>>;

export type UsageColumn = keyof typeof usageRow;

const names = Object.keys(usageRow) as UsageColumn[];

/** All of them, as a list of columns. */
export const usageColumns = names.join(', ');

/** The sum of one, exact beyond what UInt64 holds (see `integer64`). The source is named: the sum has its name too. */
export function usageSum(source: string, column: UsageColumn): string {
  return `sum(toFloat64(${source}.${column}))`;
}

/** All sums, under the names of their columns. */
export function usageSums(source: string): string {
  return names.map((column) => `${usageSum(source, column)} AS ${column}`).join(', ');
}
