import { z } from 'zod';
import { costCentsSchema, countSchema, tokensSchema } from './answer-schema.js';
import { costCents } from './answer-units.js';

/** Model calls, tokens and cost of some work. */
export interface Usage {
  readonly llmCalls: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  /** Null: nobody reported one. */
  readonly costMicros: number | null;
}

export const noUsage: Usage = { llmCalls: 0, tokensIn: 0, tokensOut: 0, costMicros: null };

export function addedUsage(a: Usage, b: Usage): Usage {
  return {
    llmCalls: a.llmCalls + b.llmCalls,
    tokensIn: a.tokensIn + b.tokensIn,
    tokensOut: a.tokensOut + b.tokensOut,
    costMicros: addedCost(a.costMicros, b.costMicros),
  };
}

/** A cost that is not known adds nothing to one that is. */
export function addedCost(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : a + b;
}

export const usageShape = { llm_calls: countSchema, tokens: tokensSchema, cost_cents: costCentsSchema };
export const usageSchema = z.strictObject(usageShape).meta({ id: 'Usage' });

export function usageAnswer({ llmCalls, tokensIn, tokensOut, costMicros }: Usage) {
  return {
    llm_calls: llmCalls,
    tokens: { in: tokensIn, out: tokensOut, total: tokensIn + tokensOut },
    cost_cents: costCents(costMicros),
  };
}
