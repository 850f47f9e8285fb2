import { z } from 'zod';
import { RequestProblem } from '../../core/problem.js';

/** Characters of a cursor: a key of two ids, as JSON with every character of them escaped, in base64url. */
const cursorCharactersMax = 8_192;

const cursorExpected = 'expected the next_cursor of an earlier answer of this endpoint';

export const cursorParameter = z
  .string()
  .max(cursorCharactersMax, cursorExpected)
  .regex(/^[A-Za-z0-9_-]+$/, cursorExpected);

/** A time in the key of a cursor, ms since the epoch: what a column of the store can hold. */
export const cursorTime = z
  .int()
  .min(Date.UTC(1900, 0, 1))
  .max(Date.UTC(2300, 0, 1) - 1);

/** A position in a list as clients see it: opaque text, base64url of a JSON array. It selects nothing by itself. */
export function encodePageCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/**
 * The key of a cursor that `cursorParameter` let through, undefined when none was given. Throws `parameter_invalid` for
 * what this API did not make.
 */
export function decodePageCursor<Key extends z.ZodType>(
  key: Key,
  cursor: string | undefined,
): z.output<Key> | undefined {
  if (cursor === undefined) return undefined;
  const parsed = key.safeParse(decodedJson(cursor));
  if (parsed.success) return parsed.data;
  const items = [{ path: 'cursor', code: 'parameter_invalid', message: cursorExpected }];
  throw new RequestProblem('parameter_invalid', `cannot use the query parameters: "cursor": ${cursorExpected}`, items);
}

function decodedJson(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
