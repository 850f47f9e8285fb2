import type { Output } from './output.js';
import { printable } from './printable-text.js';
import { fitted, widthOf } from './text-width.js';

type Style = Parameters<Output['paint']>[0];

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'right';
  /** On a terminal that is too narrow the columns of the highest rank go first; one without a rank stays. */
  readonly rank?: number;
  /** It may be cut down to so many columns. */
  readonly columnsMin?: number;
  readonly style?: (row: Row) => Style | null;
  readonly text: (row: Row) => string;
}

const gap = '  ';

/** Rows under titles, as wide as the terminal allows: columns are left out first, then texts are cut. */
export function printTable<Row>(out: Output, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  const measured = columns.map((column) => {
    const cells = rows.map((row) => printable(column.text(row)));
    return { column, cells, width: Math.max(widthOf(column.title), ...cells.map(widthOf)) };
  });
  const shown = narrowed(measured, out.columns);
  const line = (part: (each: Shown<Row>, isLast: boolean) => string): void => {
    out.line(
      shown
        .map((each, index) => part(each, index === shown.length - 1))
        .join(gap)
        .trimEnd(),
    );
  };
  line(({ column, width }, isLast) => {
    const title = isLast && column.align === undefined ? column.title : fitted(column.title, width, column.align);
    return out.paint('dim', title);
  });
  rows.forEach((row, index) => {
    line(({ column, cells, width }) => {
      const cell = fitted(cells[index] ?? '', width, column.align);
      const style = column.style?.(row) ?? null;
      return style === null ? cell : out.paint(style, cell);
    });
  });
}

interface Shown<Row> {
  readonly column: Column<Row>;
  readonly cells: readonly string[];
  readonly width: number;
}

function narrowed<Row>(measured: readonly Shown<Row>[], columnsMax: number): readonly Shown<Row>[] {
  const widthAtLeast = (each: Shown<Row>): number => Math.min(each.width, each.column.columnsMin ?? each.width);
  let kept = measured;
  while (total(kept.map(widthAtLeast)) > columnsMax) {
    const highest = Math.max(0, ...kept.map(({ column }) => column.rank ?? 0));
    if (highest === 0) break;
    kept = kept.filter(({ column }) => column.rank !== highest);
  }
  let widths = kept.map(({ width }) => width);
  while (total(widths) > columnsMax) {
    // The widest of those that may be cut gives one.
    const spare = kept.map((each, index) => ((widths[index] ?? 0) > widthAtLeast(each) ? (widths[index] ?? 0) : 0));
    const widest = Math.max(...spare);
    if (widest === 0) break;
    const at = spare.indexOf(widest);
    widths = widths.map((width, index) => (index === at ? width - 1 : width));
  }
  return kept.map((each, index) => ({ ...each, width: widths[index] ?? each.width }));
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, gap.length * Math.max(0, widths.length - 1));
}

/** Names and values, one pair a line. */
export function printPairs(out: Output, pairs: readonly (readonly [name: string, value: string])[]): void {
  const width = Math.max(0, ...pairs.map(([name]) => widthOf(name)));
  for (const [name, value] of pairs) {
    const room = out.columns - width - gap.length;
    const shown = printable(value);
    const cut = Number.isFinite(room) && widthOf(shown) > room ? fitted(shown, Math.max(8, room)) : shown;
    out.line(`${out.paint('dim', fitted(name, width))}${gap}${cut}`);
  }
}
