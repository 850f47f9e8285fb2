import { lastHeredocTags } from '../../sql-lexer.js';
import { ClickHouseException } from '../clickhouse-exception.js';

/**
 * Keeps from the engine's parser what it would work on out of all proportion: nothing stops a parser once it runs.
 * All that was tried is linear or has a limit of the engine's, but one: its lexer looks through the rest of the text
 * for the end of a heredoc, again for each that has none. 178 KB of them took 27 s (chdb 3.4.0). What has no end is at
 * most each tag once, wherever it stands.
 *
 * Throws QUERY_IS_TOO_LARGE for more than 0.1 s of that.
 */
export function guardParserWork(text: Buffer): void {
  const tags = lastHeredocTags(text.toString('latin1')).size;
  if (tags * text.length <= searchedBytesMax) return;
  const problem = `${tags} different heredocs in ${text.length} bytes are too many`;
  throw new ClickHouseException('QUERY_IS_TOO_LARGE', `Query is too large: ${problem}.`);
}

/** Sixteen heredocs in a mebibyte, any number in four kilobytes. */
const searchedBytesMax = 16 * 1_048_576;
