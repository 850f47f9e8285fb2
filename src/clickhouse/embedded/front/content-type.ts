import type { ChdbEngine } from '../chdb-engine.js';

/**
 * The Content-Type of a result in that format, as the engine says it (`system.formats`); of an answer without a result,
 * such as that to an INSERT, a server's.
 */
export function contentTypeOf({ contentTypes }: Pick<ChdbEngine, 'contentTypes'>, format: string | null): string {
  return (format === null ? undefined : contentTypes.get(format.toLowerCase())) ?? plainText;
}

export const plainText = 'text/plain; charset=UTF-8';
