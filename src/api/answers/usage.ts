import { z } from 'zod';
import type { DetailedUsageRow, UsageRow } from '../../clickhouse/queries/sql/usage-columns.js';
import { costCentsSchema, countSchema, tokensSchema, tokensUnpricedSchema } from './answer-schema.js';
import { costCents } from './answer-units.js';

export const noUsage: DetailedUsageRow = {
  llm_calls: 0,
  tokens_in: 0,
  tokens_out: 0,
  cost_micros: null,
  tokens_unpriced: 0,
  tokens_cache_read: 0,
  tokens_cache_write: 0,
  tokens_reasoning: 0,
};

export function addedUsage(a: UsageRow, b: UsageRow): UsageRow {
  return {
    llm_calls: a.llm_calls + b.llm_calls,
    tokens_in: a.tokens_in + b.tokens_in,
    tokens_out: a.tokens_out + b.tokens_out,
    cost_micros: addedCost(a.cost_micros, b.cost_micros),
    tokens_unpriced: a.tokens_unpriced + b.tokens_unpriced,
  };
}

/** Written out, it makes one object. */
export function addedDetailedUsage(a: DetailedUsageRow, b: DetailedUsageRow): DetailedUsageRow {
  return {
    llm_calls: a.llm_calls + b.llm_calls,
    tokens_in: a.tokens_in + b.tokens_in,
    tokens_out: a.tokens_out + b.tokens_out,
    cost_micros: addedCost(a.cost_micros, b.cost_micros),
    tokens_unpriced: a.tokens_unpriced + b.tokens_unpriced,
    tokens_cache_read: a.tokens_cache_read + b.tokens_cache_read,
    tokens_cache_write: a.tokens_cache_write + b.tokens_cache_write,
    tokens_reasoning: a.tokens_reasoning + b.tokens_reasoning,
  };
}

/** A cost that is not known adds nothing to one that is. */
function addedCost(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : a + b;
}

export const usageShape = {
  llm_calls: countSchema,
  tokens: tokensSchema,
  cost_cents: costCentsSchema,
  tokens_unpriced: tokensUnpricedSchema,
};

export const detailedUsageShape = {
  ...usageShape,
  tokens_cache_read: countSchema.meta({ description: 'Part of tokens.in, never added to it.' }),
  tokens_cache_write: countSchema.meta({ description: 'Part of tokens.in, never added to it.' }),
  tokens_reasoning: countSchema.meta({ description: 'Part of tokens.out, never added to it.' }),
};
export const usageSchema = z.strictObject(detailedUsageShape).meta({ id: 'Usage' });

/** As answers tell it: the tokens together, the cost in cents. */
export function usageAnswer({ llm_calls, tokens_in, tokens_out, cost_micros, tokens_unpriced }: UsageRow) {
  return {
    llm_calls,
    tokens: { in: tokens_in, out: tokens_out, total: tokens_in + tokens_out },
    cost_cents: costCents(cost_micros),
    tokens_unpriced,
  };
}

export function detailedUsageAnswer(usage: DetailedUsageRow) {
  const { tokens_cache_read, tokens_cache_write, tokens_reasoning } = usage;
  return { ...usageAnswer(usage), tokens_cache_read, tokens_cache_write, tokens_reasoning };
}
