import { describe, expect, test } from 'vitest';
import {
  type CursorPages,
  hasMore,
  lengthOf,
  noPages,
  pageAt,
  pagesSeen,
  pagesWanted,
  placesOf,
  rowAt,
  rowsKnown,
  withFirstPageAgain,
  withoutFarPages,
  withPage,
} from '../../src/ui/api/cursor-pages.js';

/** A list of `total` rows, told as a collector would: a cursor is the last row before the page. */
function pageOf(list: readonly string[], cursor: string | null, limit = 100) {
  const begin = cursor === null ? 0 : list.indexOf(cursor) + 1;
  const rows = list.slice(begin, begin + limit);
  return { rows, next: begin + limit < list.length ? rows.at(-1)! : null };
}

function listOf(total: number): string[] {
  return Array.from({ length: total }, (_, index) => `row-${index}`);
}

function walked(list: readonly string[], pages: number): CursorPages<string> {
  let known = noPages<string>();
  for (let index = 0; index < pages; index++) known = withPage(known, index, pageOf(list, known.cursors[index]!));
  return known;
}

describe('a list told page by page', () => {
  test('every row is at its place, and the end is known when it is reached', () => {
    const list = listOf(250);
    const pages = walked(list, 3);
    expect(list.map((_, index) => rowAt(pages, index))).toEqual(list);
    expect([hasMore(pages), rowsKnown(pages), rowAt(pages, 250)]).toEqual([false, 250, undefined]);
    expect(lengthOf(pages, { total: 1_000, isExact: false })).toBe(250);
  });

  test('a list that goes on is as long as is told, or a page longer than what was seen', () => {
    const list = listOf(5_000);
    expect(lengthOf(walked(list, 1), { total: 534, isExact: true })).toBe(534);
    expect(lengthOf(walked(list, 1), { total: 1_000, isExact: false })).toBe(1_000);
    expect(lengthOf(walked(list, 12), { total: 1_000, isExact: false })).toBe(1_300);
    expect(lengthOf(walked(list, 3), { total: 300, isExact: true })).toBe(301);
    expect(lengthOf(noPages(), undefined)).toBe(100);
  });

  test('pages of fewer rows than asked for, and of none, keep every row at its place', () => {
    let pages = withPage(noPages<string>(), 0, { rows: ['a', 'b'], next: 'b' });
    pages = withPage(pages, 1, { rows: [], next: 'x' });
    pages = withPage(pages, 2, { rows: ['c'], next: null });
    expect([0, 1, 2, 3].map((index) => rowAt(pages, index))).toEqual(['a', 'b', 'c', undefined]);
    expect([0, 1, 2, 3].map((index) => pageAt(pages, index))).toEqual([0, 0, 2, 3]);
    expect([...placesOf(pages, (row) => row)]).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ]);
  });

  test('what is seen is asked for first, then what comes into sight; nothing that is there already', () => {
    const pages = walked(listOf(5_000), 4);
    expect(pagesWanted(pages, { first: 0, last: 40 })).toEqual([]);
    expect(pagesWanted(pages, { first: 350, last: 390 })).toEqual([4]);
    expect(pagesWanted(pages, { first: 900, last: 940 })).toEqual([4]);
    const far = { ...pages, held: new Map([[0, pages.held.get(0)!]]) };
    expect(pagesWanted(far, { first: 290, last: 310 })).toEqual([2, 3, 4, 1]);
    expect(pagesWanted(walked(listOf(250), 3), { first: 200, last: 249 })).toEqual([]);
  });
});

describe('rows of a list that come and go', () => {
  test('rows far away are dropped and found again by their cursor; the first page stays', () => {
    const list = listOf(100_000);
    let pages = walked(list, 900);
    pages = withoutFarPages(pages, { first: 50_000, last: 50_040 });
    expect([...pages.held.keys()].toSorted((one, other) => one - other)).toEqual([
      0,
      ...Array.from({ length: 17 }, (_, index) => 492 + index),
    ]);
    expect(rowAt(pages, 10_000)).toBeUndefined();
    expect(pagesSeen(pages)).toBe(900);
    const page = pageAt(pages, 10_000);
    pages = withPage(pages, page, pageOf(list, pages.cursors[page]!));
    expect(rowAt(pages, 10_000)).toBe('row-10000');
    expect(rowAt(pages, 50_000)).toBe('row-50000');
    expect(withoutFarPages(pages, { first: 10_000, last: 10_040 }).held.size).toBe(2);
  });

  test('a page that ends elsewhere than before makes what follows it void, and no row is lost or told twice', () => {
    const list = listOf(400);
    let pages = walked(list, 3);
    const late = [...list.slice(0, 150), 'late', ...list.slice(150)];
    pages = withPage(pages, 1, pageOf(late, pages.cursors[1]!));
    expect([pagesSeen(pages), rowsKnown(pages), hasMore(pages)]).toEqual([2, 200, true]);
    while (hasMore(pages)) pages = withPage(pages, pagesSeen(pages), pageOf(late, pages.cursors[pagesSeen(pages)]!));
    expect(late.map((_, index) => rowAt(pages, index))).toEqual(late);
  });

  test('a page that has lost rows and ends where it did moves the rows behind it up', () => {
    const list = listOf(300);
    let pages = walked(list, 3);
    pages = withPage(pages, 1, { rows: list.slice(110, 200), next: pages.cursors[2]! });
    expect([rowAt(pages, 99), rowAt(pages, 100), rowAt(pages, 190), rowsKnown(pages)]).toEqual([
      'row-99',
      'row-110',
      'row-200',
      290,
    ]);
  });

  test('an answer that nothing leads to any more is left out', () => {
    const pages = walked(listOf(500), 2);
    expect(withPage(pages, 4, { rows: ['stray'], next: null })).toBe(pages);
    const ended = walked(listOf(150), 2);
    expect(withPage(ended, 2, { rows: ['stray'], next: null })).toBe(ended);
  });

  test('new rows of the first page wait above, and those known are told anew in their places', () => {
    interface Row {
      readonly id: string;
      readonly state: string;
    }
    const row = (id: string, state: string): Row => ({ id, state });
    const pages = withPage(noPages<Row>(), 0, { rows: [row('b', 'open'), row('a', 'open')], next: null });
    const again = withFirstPageAgain(pages, [row('d', 'open'), row('c', 'open'), row('b', 'done')], ({ id }) => id);
    expect(again?.fresh.map(({ id }) => id)).toEqual(['d', 'c']);
    expect(again?.pages.held.get(0)).toEqual([row('b', 'done'), row('a', 'open')]);
    expect(withFirstPageAgain(pages, [row('z', 'open')], ({ id }) => id)).toBeNull();
  });
});
