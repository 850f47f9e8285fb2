import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';

export type RowScroller = Pick<Virtualizer<HTMLDivElement, Element>, 'scrollToIndex' | 'scrollToOffset'>;

/** A list of any length, of rows of one height: only what is seen is in the document, and some rows around it. */
export function VirtualRows({
  label,
  count,
  rowHeight,
  header,
  children,
  onRange,
  scroller,
  className = '',
}: {
  readonly label: string;
  readonly count: number;
  /** Pixels. */
  readonly rowHeight: number;
  /** Stays above the rows. */
  readonly header?: ReactNode;
  readonly children: (index: number) => ReactNode;
  /** The rows that are drawn now. */
  readonly onRange?: (range: { readonly first: number; readonly last: number }) => void;
  /** Is given what scrolls the list. */
  readonly scroller?: { current: RowScroller | null };
  readonly className?: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer<HTMLDivElement, Element>({
    count,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (scroller !== undefined) scroller.current = virtualizer;
  });
  const told = useRef(onRange);
  told.current = onRange;
  useEffect(() => told.current?.({ first, last }), [first, last]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section ref={box} aria-label={label} tabIndex={0} className={`min-h-0 overflow-auto ${className}`}>
      {header}
      <div className="relative" style={{ height: virtualizer.getTotalSize() }}>
        {items.map(({ index, start }) => (
          <div
            key={index}
            className="absolute inset-x-0 top-0"
            style={{ height: rowHeight, transform: `translateY(${start}px)` }}
          >
            {children(index)}
          </div>
        ))}
      </div>
    </section>
  );
}
