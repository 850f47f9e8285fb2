import { z } from 'zod';

/** Parts that answers have in common, as the description of the API shows them. */

export const instantSchema = z.iso.datetime().meta({ description: 'RFC 3339 with milliseconds, in UTC.' });
export const optionalInstantSchema = instantSchema.nullable();
export const textSchema = z.string();
export const optionalTextSchema = z.string().nullable();
export const countSchema = z.int().nonnegative();
export const optionalNumberSchema = z.number().nullable();
export const stringMapSchema = z.record(z.string(), z.string());

export const tokensSchema = z.strictObject({ in: countSchema, out: countSchema, total: countSchema });

/** Absent where no attempt was reported. */
export const attemptSchema = z.int().positive().nullable();

export const costCentsSchema = z.number().nonnegative().meta({ description: 'US cents.' });

/** Beside the rows of a page. */
export const pageShape = {
  limit: countSchema,
  next_cursor: optionalTextSchema.meta({ description: 'Null on the last page.' }),
};
