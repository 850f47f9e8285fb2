import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { type Api, dataOf, type Reply } from './client.js';
import { type CursorPage, lengthOf, placesOf, type RowRange, rowAt } from './cursor-pages.js';
import { PageKeeper } from './page-keeper.js';
import type { ApiProblem } from './problem.js';
import { type Session, useSession } from './session.js';
import { type Answer, useAnswer } from './use-answer.js';

/** An answer of the API that is a page of a list. */
export interface PageAnswer {
  readonly next_cursor: string | null;
  readonly total?: number;
  readonly total_is_exact?: boolean;
}

export interface CursorListOptions<Row, Head extends PageAnswer> {
  /** Everything the list depends on, see `useAnswer`; null asks nothing. */
  readonly question: readonly unknown[] | null;
  readonly ask: (api: Api, cursor: string | undefined, signal: AbortSignal) => Promise<Reply<Head>>;
  readonly rowsOf: (head: Head) => readonly Row[];
  readonly idOf: (row: Row) => string;
}

/** A list that is told page by page, to be shown by `VirtualRows`. */
export interface CursorList<Row, Head> {
  /** The answer of the first page, with what it says of the whole list. */
  readonly head: Answer<Head>;
  /** The question of the rows that are shown: the one before while the first page of the next is on its way. */
  readonly shown: string | null;
  readonly length: number;
  /** False: there are at least so many. */
  readonly lengthIsExact: boolean;
  /** Undefined while it is not here. */
  rowAt(index: number): Row | undefined;
  /** The place of a row that is held. */
  placeOf(id: string): number | undefined;
  /** Tells which rows are seen: they are asked for, and those far away are let go. */
  see(range: RowRange): void;
  /** Where the list was when it was last left. */
  readonly scrollOffset: number;
  scrolled(offset: number): void;
  /** Rows that came on top since and wait to be shown, and whether the list is another one by now. */
  readonly fresh: readonly Row[];
  readonly changed: boolean;
  /** Asks for the first page and begins with it. */
  showFirst(): void;
  /** Of a page further down. */
  readonly problem: ApiProblem | undefined;
  askAgain(): void;
}

/** Rows move by themselves only while the top of the list is in sight. */
const topPixels = 8;

export function useCursorPages<Row, Head extends PageAnswer>(
  options: CursorListOptions<Row, Head>,
): CursorList<Row, Head> {
  const session = useSession();
  const name = options.question === null ? null : JSON.stringify(options.question);
  const latest = useRef(options);
  latest.current = options;
  const head = useAnswer(options.question, (api, signal) => latest.current.ask(api, undefined, signal));
  const keeper = useMemo(() => keeperOf<Row>(session, name), [session, name]);
  useEffect(
    () =>
      keeper.attach({
        page: async (cursor, signal) =>
          pageOf(latest.current, await dataOf(latest.current.ask(session.api, cursor ?? undefined, signal))),
        idOf: (row) => latest.current.idOf(row),
      }),
    [keeper, session],
  );
  const anew = useRef(false);
  const { data, outdated } = head;
  useEffect(() => {
    if (data === undefined || outdated) return;
    keeper.takeFirst(firstOf(latest.current, data), { anew: anew.current || keeper.scrollOffset < topPixels });
    anew.current = false;
  }, [keeper, data, outdated]);
  const showFirst = useCallback(() => {
    anew.current = true;
    head.retry();
  }, [head.retry]);
  return { ...useShown({ name, keeper, head, idOf: options.idOf }), showFirst };
}

/** The list of the question before stays until there is a page of the one that is asked. */
function useShown<Row, Head extends PageAnswer>({
  name,
  keeper,
  head,
  idOf,
}: {
  readonly name: string | null;
  readonly keeper: PageKeeper<Row>;
  readonly head: Answer<Head>;
  readonly idOf: (row: Row) => string;
}): Omit<CursorList<Row, Head>, 'showFirst'> {
  const kept = useSyncExternalStore(keeper.subscribe, keeper.kept);
  const isHere = kept.pages.starts.length > 1;
  const shown = useRef({ name, pages: kept.pages });
  if (isHere) shown.current = { name, pages: kept.pages };
  const { pages } = shown.current;
  const places = useRef<{ readonly of: object; readonly at: ReadonlyMap<string, number> }>(null);
  const { total, total_is_exact: isExact = true } = head.data ?? {};
  return {
    head,
    shown: shown.current.name,
    length: head.data === undefined ? 0 : lengthOf(pages, total === undefined ? undefined : { total, isExact }),
    lengthIsExact: pages.cursors.length < pages.starts.length || (total !== undefined && isExact),
    rowAt: (index) => rowAt(pages, index),
    placeOf: (id) => {
      if (places.current?.of !== pages) places.current = { of: pages, at: placesOf(pages, idOf) };
      return places.current.at.get(id);
    },
    see: (range) => keeper.see(range),
    scrollOffset: keeper.scrollOffset,
    scrolled: (offset) => {
      if (isHere) keeper.scrollOffset = offset;
    },
    fresh: kept.fresh,
    changed: kept.changed,
    problem: kept.problem,
    askAgain: () => keeper.askAgain(),
  };
}

function pageOf<Row, Head extends PageAnswer>({ rowsOf }: CursorListOptions<Row, Head>, head: Head): CursorPage<Row> {
  return { rows: rowsOf(head), next: head.next_cursor };
}

/** One page object an answer, so that an answer that was taken is known again. */
const firstPages = new WeakMap<object, CursorPage<unknown>>();

function firstOf<Row, Head extends PageAnswer>(options: CursorListOptions<Row, Head>, head: Head): CursorPage<Row> {
  const known = firstPages.get(head) ?? pageOf(options, head);
  firstPages.set(head, known);
  return known as CursorPage<Row>;
}

/** The last lists, so that going back shows them where they were. */
const listsMax = 8;
const lists = new WeakMap<Session, Map<string, PageKeeper<unknown>>>();

function keeperOf<Row>(session: Session, name: string | null): PageKeeper<Row> {
  if (name === null) return new PageKeeper<Row>();
  const of = lists.get(session) ?? new Map<string, PageKeeper<unknown>>();
  lists.set(session, of);
  const keeper = (of.get(name) ?? new PageKeeper<unknown>()) as PageKeeper<Row>;
  of.delete(name);
  of.set(name, keeper as PageKeeper<unknown>);
  const [oldest] = of.keys();
  if (of.size > listsMax && oldest !== undefined) of.delete(oldest);
  return keeper;
}
