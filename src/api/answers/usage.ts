import { z } from 'zod';
import type { UsageRow } from '../../clickhouse/queries/sql/usage-columns.js';
import { costCentsSchema, countSchema, tokensSchema } from './answer-schema.js';
import { costCents } from './answer-units.js';

export const noUsage: UsageRow = { llm_calls: 0, tokens_in: 0, tokens_out: 0, cost_micros: null };

export function addedUsage(a: UsageRow, b: UsageRow): UsageRow {
  return {
    llm_calls: a.llm_calls + b.llm_calls,
    tokens_in: a.tokens_in + b.tokens_in,
    tokens_out: a.tokens_out + b.tokens_out,
    cost_micros: addedCost(a.cost_micros, b.cost_micros),
  };
}

/** A cost that is not known adds nothing to one that is. */
function addedCost(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : a + b;
}

export const usageShape = { llm_calls: countSchema, tokens: tokensSchema, cost_cents: costCentsSchema };
export const usageSchema = z.strictObject(usageShape).meta({ id: 'Usage' });

/** As answers tell it: the tokens together, the cost in cents. */
export function usageAnswer({ llm_calls, tokens_in, tokens_out, cost_micros }: UsageRow) {
  return {
    llm_calls,
    tokens: { in: tokens_in, out: tokens_out, total: tokens_in + tokens_out },
    cost_cents: costCents(cost_micros),
  };
}
