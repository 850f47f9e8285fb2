/** A page as it came; `next` asks for the one after it, null on the last. */
export interface CursorPage<Row> {
  readonly rows: readonly Row[];
  readonly next: string | null;
}

/** Rows that are seen, by their place in the list. */
export interface RowRange {
  readonly first: number;
  readonly last: number;
}

/**
 * What is known of a list that is told page by page: the cursors of all pages that were seen, and the rows of those
 * near to where one looks. Dropped rows are asked for again, by the same cursor.
 */
export interface CursorPages<Row> {
  /** That of each page seen, and of the next one while there are more. */
  readonly cursors: readonly (string | null)[];
  /** Place of the first row of each page seen, and behind the last of them the number of rows known. */
  readonly starts: readonly number[];
  readonly held: ReadonlyMap<number, readonly Row[]>;
}

export const rowsOfPage = 100;
/** Pages held on each side of what is seen: 1,800 rows at most, however long the list is. */
const pagesBeside = 8;

export function noPages<Row>(): CursorPages<Row> {
  return { cursors: [null], starts: [0], held: new Map() };
}

export function pagesSeen({ starts }: CursorPages<unknown>): number {
  return starts.length - 1;
}

export function rowsKnown({ starts }: CursorPages<unknown>): number {
  return starts.at(-1) ?? 0;
}

export function hasMore({ cursors, starts }: CursorPages<unknown>): boolean {
  return cursors.length === starts.length;
}

/**
 * With a page that came. One that ends elsewhere than when it was seen before, because rows came or went in between,
 * makes the cursors behind it void: what follows is found anew. A page that nothing leads to is left out.
 */
export function withPage<Row>(pages: CursorPages<Row>, index: number, page: CursorPage<Row>): CursorPages<Row> {
  const seen = pagesSeen(pages);
  if (index > seen || index >= pages.cursors.length) return pages;
  const endsAsBefore = index < seen && (pages.cursors[index + 1] ?? null) === page.next;
  const cursors = endsAsBefore ? pages.cursors : pages.cursors.slice(0, index + 1);
  const starts = endsAsBefore ? [...pages.starts] : pages.starts.slice(0, index + 1);
  const shift = (starts[index] ?? 0) + page.rows.length - (starts[index + 1] ?? Number.NaN);
  if (!endsAsBefore) starts.push((starts[index] ?? 0) + page.rows.length);
  else if (shift !== 0) for (let at = index + 1; at < starts.length; at++) starts[at] = (starts[at] ?? 0) + shift;
  const held = new Map([...pages.held].filter(([at]) => endsAsBefore || at < index));
  held.set(index, page.rows);
  return { cursors: endsAsBefore || page.next === null ? cursors : [...cursors, page.next], starts, held };
}

/** As long as is known: a list that goes on is at least a page longer than what was seen of it. */
export function lengthOf(
  pages: CursorPages<unknown>,
  told: { readonly total: number; readonly isExact: boolean } | undefined,
): number {
  const known = rowsKnown(pages);
  if (!hasMore(pages)) return known;
  if (told?.isExact) return Math.max(known + 1, told.total);
  return Math.max(known + rowsOfPage, told?.total ?? 0);
}

/** The page that has a row; behind those seen it is the next to be asked for. */
export function pageAt({ starts }: CursorPages<unknown>, index: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle + 1] ?? Number.POSITIVE_INFINITY) > index) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function rowAt<Row>(pages: CursorPages<Row>, index: number): Row | undefined {
  const page = pageAt(pages, index);
  return pages.held.get(page)?.[index - (pages.starts[page] ?? 0)];
}

/** The places of the rows that are held, by their ids. */
export function placesOf<Row>(pages: CursorPages<Row>, idOf: (row: Row) => string): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (const [page, rows] of pages.held) {
    for (const [at, row] of rows.entries()) places.set(idOf(row), (pages.starts[page] ?? 0) + at);
  }
  return places;
}

/** Pages to ask for, the most urgent first: what is seen, then what comes into sight next. */
export function pagesWanted(pages: CursorPages<unknown>, { first, last }: RowRange): readonly number[] {
  const seen = pagesSeen(pages);
  const wanted = new Set<number>();
  const from = pageAt(pages, first);
  const to = pageAt(pages, Math.max(first, last));
  for (let page = from; page <= to; page++) wanted.add(page);
  wanted.add(pageAt(pages, last + rowsOfPage));
  if (from > 0) wanted.add(pageAt(pages, Math.max(0, first - rowsOfPage)));
  const lastAskable = hasMore(pages) ? seen : seen - 1;
  return [...wanted].filter((page) => page <= lastAskable && !pages.held.has(page));
}

/** Without the rows of pages far from what is seen. The first page stays: nothing leads to it but the question. */
export function withoutFarPages<Row>(pages: CursorPages<Row>, { first, last }: RowRange): CursorPages<Row> {
  const from = pageAt(pages, first) - pagesBeside;
  const to = pageAt(pages, Math.max(first, last)) + pagesBeside;
  const near = [...pages.held].filter(([page]) => page === 0 || (page >= from && page <= to));
  return near.length === pages.held.size ? pages : { ...pages, held: new Map(near) };
}

/**
 * The first page asked for once more while one reads further down: rows that are known are told as they are now, in
 * their places; `fresh` are those above them. Null when none of the rows known is among those that came.
 */
export function withFirstPageAgain<Row>(
  pages: CursorPages<Row>,
  rows: readonly Row[],
  idOf: (row: Row) => string,
): { readonly pages: CursorPages<Row>; readonly fresh: readonly Row[] } | null {
  const known = pages.held.get(0) ?? [];
  const byId = new Map(rows.map((row) => [idOf(row), row]));
  const place = rows.findIndex((row) => known[0] !== undefined && idOf(row) === idOf(known[0]));
  if (place < 0) return null;
  const held = new Map(pages.held);
  held.set(
    0,
    known.map((row) => byId.get(idOf(row)) ?? row),
  );
  return { pages: { ...pages, held }, fresh: rows.slice(0, place) };
}
