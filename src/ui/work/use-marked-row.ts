import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import type { CursorList } from '../api/use-cursor-pages.js';
import { useShortcuts } from '../keyboard/shortcuts.js';
import type { RowScroller } from '../parts/virtual-rows.js';
import { cameBack } from '../routing/came-back.js';
import { useUrlState } from '../routing/use-url-state.js';

export interface MarkedRow {
  isMarked(id: string | undefined, index: number): boolean;
  /** Marks it, and puts it into the address at once. */
  set(id: string, index: number): void;
}

interface Mark {
  /** Null while the row is not here. */
  readonly id: string | null;
  readonly index: number | null;
}

/** Moving on quickly, a browser lets no address be written for each row. */
const settleMs = 250;

/** The row that keys work on, `row=` of the address: `j` and `k` move it and bring it into view, Enter opens it. */
export function useMarkedRow<Row>({
  list,
  idOf,
  scroller,
  open,
}: {
  readonly list: CursorList<Row, unknown>;
  readonly idOf: (row: Row) => string;
  readonly scroller: RefObject<RowScroller | null>;
  readonly open: (row: Row) => void;
}): MarkedRow {
  const [mark, setMark] = useMarkOfAddress();
  const place = mark.id === null ? mark.index : (list.placeOf(mark.id) ?? mark.index);
  const row = place === null ? undefined : list.rowAt(place);
  useFollowing({ list, mark, scroller });
  useEffect(() => {
    if (mark.id === null && mark.index !== null && row !== undefined) setMark({ id: idOf(row), index: mark.index });
  }, [mark, row, idOf, setMark]);
  const move = (by: 1 | -1) => {
    const { first, last } = scroller.current?.seen() ?? { first: 0, last: 0 };
    const isNear = place !== null && place >= first - 1 && place <= last + 1;
    const next = isNear ? place + by : by > 0 ? first : last;
    const index = Math.max(0, Math.min(list.length - 1, next));
    const at = list.rowAt(index);
    setMark({ id: at === undefined ? null : idOf(at), index });
    scroller.current?.show(index);
  };
  useShortcuts([
    { keys: 'j', says: 'Mark the next row', run: () => move(1) },
    { keys: 'k', says: 'Mark the row before', run: () => move(-1) },
    {
      keys: 'Enter',
      says: 'Open the marked row',
      run: () => {
        if (row === undefined) return;
        setMark({ id: idOf(row), index: place }, true);
        open(row);
      },
    },
  ]);
  const set = useCallback((id: string, index: number) => setMark({ id, index }, true), [setMark]);
  return {
    isMarked: (id, index) => (mark.id === null ? mark.index === index : mark.id === id),
    set,
  };
}

function useMarkOfAddress() {
  const url = useUrlState();
  const ofAddress = url.get('row');
  const [mark, setMark] = useState<Mark>({ id: ofAddress || null, index: null });
  const written = useRef(ofAddress);
  const timer = useRef(0);
  useEffect(() => {
    if (ofAddress === written.current) return;
    written.current = ofAddress;
    setMark({ id: ofAddress || null, index: null });
  }, [ofAddress]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const set = useRef((next: Mark, atOnce = false) => {
    setMark(next);
    clearTimeout(timer.current);
    if (next.id === null) return;
    const write = () => {
      written.current = next.id ?? '';
      url.set({ row: next.id }, { replace: true });
    };
    if (atOnce) write();
    else timer.current = window.setTimeout(write, settleMs);
  }).current;
  return [mark, set] as const;
}

/** A row that an address names is looked for once, on the pages that are here. */
function useFollowing({
  list,
  mark,
  scroller,
}: {
  readonly list: CursorList<unknown, unknown>;
  readonly mark: Mark;
  readonly scroller: RefObject<RowScroller | null>;
}): void {
  // Of the moment it is shown: who opens a row before all is here has gone on by then.
  const followed = useRef(cameBack());
  useEffect(() => {
    if (followed.current || list.rowAt(0) === undefined) return;
    followed.current = true;
    const place = mark.id === null ? undefined : list.placeOf(mark.id);
    if (place !== undefined) scroller.current?.scrollToIndex(place, { align: 'center' });
  });
}
