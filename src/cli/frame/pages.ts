import { integer, text, toggle } from './command.js';
import { misused } from './command-error.js';
import type { Output } from './output.js';

/** Rows that `--all` brings at most. */
const allRowsMax = 10_000;
const pageRowsMax = 100;

export const pageOptions = {
  limit: integer('ROWS', { min: 1, max: pageRowsMax, fallback: 20, says: 'rows of the page' }),
  cursor: text('CURSOR', 'of the page before: go on from there'),
  all: toggle(`all pages, up to ${allRowsMax.toLocaleString('en-US')} rows`),
};

interface PageChoice {
  readonly limit: number;
  readonly cursor: string | undefined;
  readonly all: boolean;
}

interface Page {
  readonly next_cursor: string | null;
}

/**
 * One page, or with `all` the rows of all pages beside the first.
 */
export async function readPages<Body extends Page, Row>(
  choice: PageChoice,
  list: {
    readonly read: (page: { readonly limit: number; readonly cursor: string | undefined }) => Promise<Body>;
    readonly rowsOf: (page: Body) => readonly Row[];
  },
): Promise<{ readonly first: Body; readonly rows: readonly Row[]; readonly nextCursor: string | null }> {
  if (choice.all && choice.cursor !== undefined) throw misused('cannot use --cursor together with --all');
  const first = await list.read({ limit: choice.all ? pageRowsMax : choice.limit, cursor: choice.cursor });
  const rows = [...list.rowsOf(first)];
  let nextCursor = first.next_cursor;
  while (choice.all && nextCursor !== null && rows.length < allRowsMax) {
    const page = await list.read({ limit: pageRowsMax, cursor: nextCursor });
    rows.push(...list.rowsOf(page));
    nextCursor = page.next_cursor;
  }
  return { first, rows, nextCursor };
}

/** On stderr, so that a pipe has rows only. */
export function tellNextPage(
  err: Output,
  page: { readonly rows: number; readonly total?: number; readonly nextCursor: string | null },
): void {
  const { rows, total, nextCursor } = page;
  if (nextCursor === null) return;
  const of = total === undefined ? '' : ` of ${total.toLocaleString('en-US')}`;
  err.line(`${rows.toLocaleString('en-US')}${of} shown; the next with --cursor ${nextCursor}, or with --all`);
}
