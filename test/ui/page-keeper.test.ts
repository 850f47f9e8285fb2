import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CursorPage } from '../../src/ui/api/cursor-pages.js';
import { rowAt } from '../../src/ui/api/cursor-pages.js';
import { PageKeeper } from '../../src/ui/api/page-keeper.js';
import { ApiProblem } from '../../src/ui/api/problem.js';

/** A list of numbers, told in pages; each question waits until it is answered. */
class Source {
  readonly asked: { readonly cursor: string | null; readonly signal: AbortSignal; answer(): void }[] = [];
  readonly #total: number;

  constructor(total: number) {
    this.#total = total;
  }

  page(cursor: string | null, signal: AbortSignal): Promise<CursorPage<string>> {
    return new Promise((resolve) => {
      this.asked.push({ cursor, signal, answer: () => resolve(this.at(cursor)) });
    });
  }

  at(cursor: string | null): CursorPage<string> {
    const begin = Number(cursor ?? 0);
    const end = Math.min(this.#total, begin + 100);
    const rows = Array.from({ length: end - begin }, (_, index) => `row-${begin + index}`);
    return { rows, next: end < this.#total ? String(end) : null };
  }

  idOf(row: string): string {
    return row;
  }

  async answerAll(): Promise<void> {
    for (let told = -1; told !== this.asked.length; ) {
      told = this.asked.length;
      for (const { answer } of this.asked) answer();
      await vi.advanceTimersByTimeAsync(100);
    }
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const cursorsOf = (source: Source) => source.asked.map(({ cursor }) => cursor);

async function walked(to: number): Promise<{ readonly keeper: PageKeeper<string>; readonly source: Source }> {
  const source = new Source(10_000);
  const keeper = new PageKeeper<string>();
  keeper.attach(source);
  keeper.takeFirst(source.at(null), { anew: true });
  for (let first = 0; first <= to; first += 100) {
    keeper.see({ first, last: first + 20 });
    await vi.advanceTimersByTimeAsync(100);
    await source.answerAll();
  }
  source.asked.length = 0;
  return { keeper, source };
}

describe('pages that are kept', () => {
  test('what comes into sight next is asked for before it is seen, and nothing that is here', async () => {
    const source = new Source(1_000);
    const keeper = new PageKeeper<string>();
    keeper.attach(source);
    keeper.takeFirst(source.at(null), { anew: true });
    keeper.see({ first: 0, last: 20 });
    await vi.advanceTimersByTimeAsync(100);
    expect(cursorsOf(source)).toEqual(['100']);
    await source.answerAll();
    expect(cursorsOf(source)).toEqual(['100']);
    expect(rowAt(keeper.kept().pages, 150)).toBe('row-150');
  });

  test('rows that fly by are not asked for, and what is asked for in vain is ended', async () => {
    const { keeper, source } = await walked(5_000);
    for (let first = 4_000; first > 2_000; first -= 50) keeper.see({ first, last: first + 20 });
    await vi.advanceTimersByTimeAsync(100);
    expect(cursorsOf(source)).toEqual(['2000', '2100']);
    keeper.see({ first: 1_000, last: 1_020 });
    await vi.advanceTimersByTimeAsync(100);
    expect(source.asked.map(({ signal }) => signal.aborted)).toEqual([true, true, false, false]);
    await source.answerAll();
    expect(rowAt(keeper.kept().pages, 1_010)).toBe('row-1010');
    expect(rowAt(keeper.kept().pages, 2_060)).toBeUndefined();
  });

  test('new rows of the first page wait while one reads below, until they are asked for', async () => {
    const { keeper, source } = await walked(500);
    const first = { rows: ['new', ...source.at(null).rows.slice(0, 99)], next: '99' };
    keeper.takeFirst(first, { anew: false });
    expect(keeper.kept().fresh).toEqual(['new']);
    expect(rowAt(keeper.kept().pages, 0)).toBe('row-0');
    expect(rowAt(keeper.kept().pages, 510)).toBe('row-510');
    keeper.showFirst();
    expect(keeper.kept().fresh).toEqual([]);
    expect(rowAt(keeper.kept().pages, 0)).toBe('new');
    expect(rowAt(keeper.kept().pages, 510)).toBeUndefined();
  });

  test('a list that shares nothing with what is shown is said to have changed, and stays', async () => {
    const { keeper } = await walked(500);
    keeper.takeFirst({ rows: ['other'], next: null }, { anew: false });
    expect(keeper.kept().changed).toBe(true);
    expect(rowAt(keeper.kept().pages, 510)).toBe('row-510');
  });

  test('what is shown again later is asked for anew where one looks, and only there', async () => {
    const { keeper, source } = await walked(500);
    const detach = keeper.attach(source);
    detach();
    keeper.attach(source);
    expect(rowAt(keeper.kept().pages, 210)).toBe('row-210');
    keeper.see({ first: 200, last: 220 });
    await vi.advanceTimersByTimeAsync(100);
    await source.answerAll();
    expect(cursorsOf(source)).toEqual(['200']);
  });

  test('a page that failed for a while is asked for again by itself, though one scrolls meanwhile', async () => {
    vi.stubGlobal('document', { hidden: false });
    const source = new Source(1_000);
    let isAway = true;
    const keeper = new PageKeeper<string>();
    keeper.attach({
      idOf: (row) => row,
      page: (cursor) => {
        if (!isAway) return Promise.resolve(source.at(cursor));
        return Promise.reject(new ApiProblem({ status: 503, code: 'store_unavailable', title: 'The store is away' }));
      },
    });
    keeper.takeFirst(source.at(null), { anew: true });
    keeper.see({ first: 90, last: 110 });
    await vi.advanceTimersByTimeAsync(100);
    expect(keeper.kept().problem?.code).toBe('store_unavailable');
    keeper.see({ first: 95, last: 115 });
    isAway = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(keeper.kept().problem).toBeUndefined();
    expect(rowAt(keeper.kept().pages, 110)).toBe('row-110');
    vi.unstubAllGlobals();
  });
});
