import { z } from 'zod';

/** Parts that answers have in common, as the description of the API shows them. */

export const instantSchema = z.iso.datetime().meta({ description: 'RFC 3339 with milliseconds, in UTC.' });
export const optionalInstantSchema = instantSchema.nullable();
export const textSchema = z.string();
export const optionalTextSchema = z.string().nullable();
/** Sums may pass 2^53, where `z.int()` ends. */
export const countSchema = z.number().nonnegative().refine(Number.isInteger).meta({ type: 'integer' });
export const optionalNumberSchema = z.number().nullable();
export const stringMapSchema = z.record(z.string(), z.string());

export const tokensSchema = z
  .strictObject({ in: countSchema, out: countSchema, total: countSchema })
  .meta({ id: 'Tokens' });

/** Absent where no attempt was reported. */
export const attemptSchema = z.int().positive().nullable();

export const costCentsSchema = z
  .number()
  .nonnegative()
  .nullable()
  .meta({ description: 'US cents; null where nobody reported a cost.' });

/** Beside each sum of costs: how much of it is not known. */
export const tokensUnpricedSchema = countSchema.meta({
  description: 'Tokens, in and out, of work that reported no cost: the cost is not that of these.',
});

/** A mean of doubles: what is behind the 12th digit depends on the order of adding. Null of nothing. */
export const meanSchema = z.number().nullable().meta({ description: 'A mean, to 12 significant digits.' });

/** Null where nothing is counted in. */
export const percentSchema = z.number().min(0).max(100).nullable().meta({ description: 'Percent, to two decimals.' });

/** Percent to two decimals; 0 where nothing is counted in. */
export const rateSchema = z.number().min(0).max(100).meta({ description: 'Percent, to two decimals.' });

export const millisecondsSchema = z.number().nonnegative().nullable().meta({ description: 'Milliseconds.' });

/** Null where no execution reports a duration. */
export const executionTimesSchema = z
  .strictObject({
    avg_ms: millisecondsSchema,
    min_ms: millisecondsSchema,
    max_ms: millisecondsSchema,
    p50_ms: millisecondsSchema,
    p95_ms: millisecondsSchema,
    p99_ms: millisecondsSchema,
  })
  .meta({ id: 'ExecutionTimes' });

/** Beside the rows of a page. */
export const pageShape = {
  limit: countSchema,
  next_cursor: optionalTextSchema.meta({ description: 'Null on the last page.' }),
};
