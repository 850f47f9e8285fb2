import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';

export interface RowScroller extends Pick<Virtualizer<HTMLDivElement, Element>, 'scrollToIndex' | 'scrollToOffset'> {
  /** Rows that are seen whole, as the box stands now: what is drawn may be a frame behind. */
  seen(): { readonly first: number; readonly last: number };
  /** Moves no further than it must for a row to be seen whole. */
  show(index: number): void;
}

export interface VirtualRowsOptions {
  readonly label: string;
  readonly count: number;
  /** Pixels. */
  readonly rowHeight: number;
  /** Stays above the rows. */
  readonly header?: ReactNode;
  /** Pixels. */
  readonly headerHeight?: number;
  readonly children: (index: number) => ReactNode;
  /** The rows that are drawn now. */
  readonly onRange?: (range: { readonly first: number; readonly last: number }) => void;
  readonly onScroll?: (offset: number) => void;
  /** Pixels; where it begins. */
  readonly initialOffset?: number;
  /** Is given what scrolls the list. */
  readonly scroller?: { current: RowScroller | null };
  /** Header and rows have the roles of a table's. */
  readonly isTable?: boolean;
  readonly className?: string;
}

/** A list of any length, of rows of one height: only what is seen is in the document, and some rows around it. */
export function VirtualRows({
  label,
  count,
  rowHeight,
  header,
  headerHeight = 0,
  children,
  onRange,
  onScroll,
  initialOffset = 0,
  scroller,
  isTable = false,
  className = '',
}: VirtualRowsOptions) {
  const box = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer<HTMLDivElement, Element>({
    count,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollMargin: headerHeight,
    scrollPaddingStart: headerHeight,
    initialOffset,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height have other places
  useEffect(() => virtualizer.measure(), [rowHeight, virtualizer]);
  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (scroller === undefined || box.current === null) return;
    scroller.current = {
      scrollToIndex: virtualizer.scrollToIndex,
      scrollToOffset: virtualizer.scrollToOffset,
      ...placesIn(box.current, rowHeight, headerHeight),
    };
  });
  const told = useRef(onRange);
  told.current = onRange;
  useEffect(() => told.current?.({ first, last }), [first, last]);
  const Box = isTable ? 'div' : 'section';
  return (
    <Box
      ref={box}
      aria-label={label}
      {...(isTable ? { role: 'table', 'aria-rowcount': count + 1 } : {})}
      tabIndex={0}
      onScroll={(event) => onScroll?.(event.currentTarget.scrollTop)}
      className={`min-h-0 overflow-auto ${className}`}
    >
      {header}
      <div className="relative" style={{ height: virtualizer.getTotalSize() }}>
        {items.map(({ index, start }) => (
          <div
            key={index}
            className="absolute inset-x-0 top-0"
            style={{ height: rowHeight, transform: `translateY(${start - headerHeight}px)` }}
          >
            {children(index)}
          </div>
        ))}
      </div>
    </Box>
  );
}

function placesIn(box: HTMLElement, rowHeight: number, headerHeight: number): Pick<RowScroller, 'seen' | 'show'> {
  const height = () => box.clientHeight - headerHeight;
  return {
    seen: () => ({
      first: Math.ceil(box.scrollTop / rowHeight),
      last: Math.floor((box.scrollTop + height()) / rowHeight) - 1,
    }),
    show: (index) => {
      const top = index * rowHeight;
      if (top < box.scrollTop) box.scrollTop = top;
      else if (top + rowHeight > box.scrollTop + height()) box.scrollTop = top + rowHeight - height();
    },
  };
}
