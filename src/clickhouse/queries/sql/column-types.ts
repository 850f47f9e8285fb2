import { z } from 'zod';

/**
 * How column values arrive in a JSON row. A 64-bit integer is a number or, with
 * `output_format_json_quote_64bit_integers`, a string of digits; NaN and infinity are null. Empty strings
 * are how the tables say "absent".
 */

/**
 * UInt64 or Int64 as a number; exact up to 2^53, beyond it the nearest there is: an answer that could not be given
 * would take everything else of the tenant along. Sums over many rows are made with `sum(toFloat64(…))`, which is as
 * exact below 2^53 and goes on beyond 2^64, where the sum of UInt64 begins anew at 0. One step instead of a
 * union of two types, which took twice as long, 0.1 us a value.
 */
export const integer64 = z.transform((value, context): number => {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'string' && digits.test(value)) return Number(value);
  context.issues.push({ code: 'custom', message: 'expected an integer', input: value });
  return z.NEVER;
});

const digits = /^-?\d{1,20}$/;

/** The same, null where nobody reported one. */
export const optionalInteger64 = integer64.nullable();

/** A time the query returns with `toUnixTimestamp64Milli`: ms since the epoch. */
export const epochMs = integer64;

export const optionalMs = optionalInteger64;

/** A float that is null when nothing was aggregated. */
export const optionalFloat = z.number().nullable();

/** Text whose empty string means absent. */
export const optionalText = z.string().transform((text) => (text === '' ? null : text));

export const stringMap = z.record(z.string(), z.string());
