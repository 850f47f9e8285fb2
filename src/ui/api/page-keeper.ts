import { retryAfterMs, whenSeen } from './asking-again.js';
import {
  type CursorPage,
  type CursorPages,
  noPages,
  pageAt,
  pagesSeen,
  pagesWanted,
  type RowRange,
  withFirstPageAgain,
  withoutFarPages,
  withPage,
} from './cursor-pages.js';
import { type ApiProblem, asProblem } from './problem.js';

export interface KeptPages<Row> {
  readonly pages: CursorPages<Row>;
  /** Rows of the first page as it is now that are not shown yet. */
  readonly fresh: readonly Row[];
  /** The list has changed so much that it can only be shown anew. */
  readonly changed: boolean;
  /** Of a page further down. */
  readonly problem: ApiProblem | undefined;
}

export interface PageSource<Row> {
  page(cursor: string | null, signal: AbortSignal): Promise<CursorPage<Row>>;
  idOf(row: Row): string;
}

/** Rows that flew by are not asked for: only what one rests at so long. */
const restMs = 60;
const askingMax = 2;

/**
 * The pages of one list, which are asked for as they come into sight and outlive the page of the UI that shows them.
 * The list never moves by itself while somebody reads below its top.
 */
export class PageKeeper<Row> {
  /** Pixels; where one was. */
  scrollOffset = 0;
  #kept: KeptPages<Row> = { pages: noPages(), fresh: [], changed: false, problem: undefined };
  #first: CursorPage<Row> | null = null;
  #source: PageSource<Row> | null = null;
  #range: RowRange = { first: 0, last: 0 };
  #stale = new Set<number>();
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retrying = new AbortController();
  readonly #asking = new Map<number, AbortController>();
  readonly #listeners = new Set<() => void>();

  readonly kept = (): KeptPages<Row> => this.#kept;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Ends with the function it gives: what is shown again later is asked for anew where one looks. */
  attach(source: PageSource<Row>): () => void {
    this.#source = source;
    this.#stale = new Set([...this.#kept.pages.held.keys()].filter((page) => page > 0));
    return () => {
      this.#source = null;
      this.#endAll();
    };
  }

  /** The first page as it is now; `anew` shows it though somebody reads further down. */
  takeFirst(first: CursorPage<Row>, { anew }: { readonly anew: boolean }): void {
    if (first === this.#first || this.#source === null) return;
    this.#first = first;
    const { pages } = this.#kept;
    if (anew || pagesSeen(pages) === 0) {
      this.showFirst();
      return;
    }
    const again = withFirstPageAgain(pages, first.rows, this.#source.idOf);
    if (again === null) this.#change({ changed: true });
    else if (again.fresh.length === 0 && first.next === (pages.cursors[1] ?? null))
      this.#change({ pages: withPage(pages, 0, first), fresh: [], changed: false });
    else this.#change({ ...again, changed: false });
  }

  /** Begins with the first page as it was told last. */
  showFirst(): void {
    if (this.#first === null) return;
    this.#endAll();
    this.#stale.clear();
    this.#change({ pages: withPage(noPages(), 0, this.#first), fresh: [], changed: false, problem: undefined });
    this.see(this.#range);
  }

  /** The rows that are seen now. */
  see(range: RowRange): void {
    this.#range = range;
    if (this.#source === null) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#rest(), restMs);
  }

  askAgain(): void {
    this.#retrying.abort();
    this.#change({ problem: undefined });
    this.#rest();
  }

  #rest(): void {
    const pages = withoutFarPages(this.#kept.pages, this.#range);
    if (pages !== this.#kept.pages) this.#change({ pages });
    const wanted = this.#wanted();
    for (const [page, controller] of this.#asking) {
      if (!wanted.includes(page)) this.#end(page, controller);
    }
    if (this.#kept.problem !== undefined) return;
    for (const page of wanted) {
      if (this.#asking.size >= askingMax) return;
      if (!this.#asking.has(page)) void this.#ask(page);
    }
  }

  #wanted(): readonly number[] {
    const { pages } = this.#kept;
    if (pagesSeen(pages) === 0) return [];
    const from = pageAt(pages, this.#range.first);
    const to = pageAt(pages, Math.max(this.#range.first, this.#range.last));
    const stale = [...this.#stale].filter((page) => page >= from && page <= to && page < pagesSeen(pages));
    return [...pagesWanted(pages, this.#range), ...stale];
  }

  async #ask(page: number): Promise<void> {
    const controller = new AbortController();
    const cursor = this.#kept.pages.cursors[page] ?? null;
    this.#asking.set(page, controller);
    try {
      const came = await this.#source!.page(cursor, controller.signal);
      if (controller.signal.aborted) return;
      this.#asking.delete(page);
      this.#failures = 0;
      this.#stale.delete(page);
      // A page before it may have made its cursor void meanwhile.
      if (this.#kept.pages.cursors[page] === cursor) this.#change({ pages: withPage(this.#kept.pages, page, came) });
      this.#rest();
    } catch (error) {
      if (controller.signal.aborted) return;
      this.#asking.delete(page);
      const problem = asProblem(error);
      this.#change({ problem });
      if (problem.passes) this.#retryLater();
    }
  }

  #retryLater(): void {
    this.#retrying.abort();
    this.#retrying = new AbortController();
    const { signal } = this.#retrying;
    const timer = setTimeout(() => whenSeen(signal, () => this.askAgain()), retryAfterMs(this.#failures++));
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  }

  #endAll(): void {
    clearTimeout(this.#timer);
    this.#retrying.abort();
    for (const [page, controller] of this.#asking) this.#end(page, controller);
  }

  #end(page: number, controller: AbortController): void {
    this.#asking.delete(page);
    controller.abort();
  }

  #change(changes: Partial<KeptPages<Row>>): void {
    this.#kept = { ...this.#kept, ...changes };
    for (const listener of this.#listeners) listener();
  }
}
