import { Buffer, isUtf8 } from 'node:buffer';

const escapes = /(?:%[0-9a-f]{2})+/gi;
const pastAscii = /[\x80-\xff]/;

/**
 * Whether a query, read as Latin-1, holds or names bytes that are no UTF-8, half a surrogate pair among them:
 * `URLSearchParams` would put U+FFFD in their place, and a filter would look for an id that nobody sent.
 */
export function hasBrokenText(query: string): boolean {
  if (pastAscii.test(query) && !isUtf8(Buffer.from(query, 'latin1'))) return true;
  for (const [run] of query.matchAll(escapes)) {
    if (!isUtf8(Buffer.from(run.replaceAll('%', ''), 'hex'))) return true;
  }
  return false;
}
