import { type ReactNode, type RefObject, useEffect, useRef } from 'react';
import type { CursorList } from '../api/use-cursor-pages.js';
import { ProblemNote } from '../parts/notes.js';
import { type RowScroller, VirtualRows } from '../parts/virtual-rows.js';
import { cameBack } from '../routing/came-back.js';

/** A list of cursor pages in a box that fills what is left of the page. It begins where one was when one comes back. */
export function CursorRows<Row>({
  label,
  list,
  rowHeight,
  header,
  headerHeight,
  scroller,
  empty,
  children,
}: {
  readonly label: string;
  readonly list: CursorList<Row, unknown>;
  /** Pixels. */
  readonly rowHeight: number;
  readonly header: ReactNode;
  /** Pixels. */
  readonly headerHeight: number;
  readonly scroller: RefObject<RowScroller | null>;
  readonly empty: ReactNode;
  readonly children: (row: Row | undefined, index: number) => ReactNode;
}) {
  const initialOffset = useRef(cameBack() ? list.scrollOffset : 0).current;
  useScrollOfQuestion(list, scroller);
  if (list.length === 0) return empty;
  return (
    <>
      <VirtualRows
        label={label}
        isTable
        count={list.length}
        rowHeight={rowHeight}
        header={header}
        headerHeight={headerHeight}
        scroller={scroller}
        initialOffset={initialOffset}
        onRange={list.see}
        onScroll={list.scrolled}
        className="flex-1 overscroll-contain"
      >
        {(index) => children(list.rowAt(index), index)}
      </VirtualRows>
      {list.problem !== undefined && <ProblemNote problem={list.problem} onRetry={list.askAgain} />}
    </>
  );
}

/** Another list begins at its top, or where one was when one comes back to it. */
function useScrollOfQuestion(list: CursorList<unknown, unknown>, scroller: RefObject<RowScroller | null>): void {
  const { shown, scrolled, scrollOffset } = list;
  const before = useRef(shown);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another list is begun
  useEffect(() => {
    if (before.current === shown) {
      if (!cameBack()) scrolled(0);
      return;
    }
    before.current = shown;
    const offset = cameBack() ? scrollOffset : 0;
    scrolled(offset);
    scroller.current?.scrollToOffset(offset);
  }, [shown]);
}
