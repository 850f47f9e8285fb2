import { isUtf8 } from 'node:buffer';
import { ClickHouseException } from '../clickhouse-exception.js';
import { PrintedStatement, type PrintedToken } from './printed-statement.js';

/**
 * A printed statement with bytes that are no UTF-8, as clients send files within a statement: its literals with these
 * bytes as `\xNN`, which mean the same and go through every string on the way. The engine prints a whole escape or
 * none, so that no byte stands behind a backslash of its own. Throws BAD_ARGUMENTS for such bytes elsewhere.
 */
export function escapeLiteralBytes(printed: Buffer, tokens: readonly PrintedToken[]): PrintedStatement {
  const pieces: string[] = [];
  const moved: PrintedToken[] = [];
  let at = 0;
  let length = 0;
  const take = (text: string) => {
    pieces.push(text);
    length += Buffer.byteLength(text);
  };
  for (const [start, end, kind] of tokens) {
    take(' '.repeat(start - at));
    const from = length;
    const bytes = printed.subarray(start, end);
    if (isUtf8(bytes)) take(bytes.toString('utf8'));
    else if (kind === 'StringLiteral') take(escaped(bytes));
    else throw new ClickHouseException('BAD_ARGUMENTS', 'The SQL is not valid UTF-8 outside of its literals.');
    moved.push([from, length, kind]);
    at = end;
  }
  return new PrintedStatement(pieces.join(''), moved);
}

function escaped(literal: Buffer): string {
  return literal.toString('latin1').replaceAll(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}
