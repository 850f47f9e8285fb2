import type { HTMLAttributes } from 'react';
import { headerHeight } from './row-cells.js';

/** Rows and cells of a table whose rows are not all in the document, which no `<table>` can be. */
type Part = HTMLAttributes<HTMLElement>;

function TableRow(rest: Part) {
  return <div {...{ role: 'row' }} {...rest} />;
}

export function HeadCell({ isNumber = false, className = '', ...rest }: Part & { readonly isNumber?: boolean }) {
  return <span {...{ role: 'columnheader' }} {...rest} className={`truncate ${look(isNumber)} ${className}`} />;
}

export function Cell({ isNumber = false, className = '', ...rest }: Part & { readonly isNumber?: boolean }) {
  return <span {...{ role: 'cell' }} {...rest} className={`min-w-0 ${look(isNumber)} ${className}`} />;
}

function look(isNumber: boolean): string {
  return isNumber ? 'text-end' : '';
}

export interface WorkRowOptions {
  readonly index: number;
  readonly marked: boolean;
  readonly isOneLine: boolean;
}

const line = 'border-b border-line px-3';

/** A row of a list; what `RowLink` links to is opened by a click anywhere in it. */
export function WorkRow({
  index,
  marked,
  isOneLine,
  grid,
  children,
}: WorkRowOptions & Part & { readonly grid: string }) {
  const look = marked
    ? 'bg-accent-soft shadow-[inset_3px_0_0_var(--color-accent)]'
    : 'hover:bg-raised/60 has-[a:focus-visible]:bg-raised/60';
  return (
    <TableRow
      aria-rowindex={index + 2}
      {...(marked ? { 'aria-current': true } : {})}
      className={`${line} relative h-full text-sm ${look} ${isOneLine ? grid : 'flex flex-col justify-center gap-0.5'}`}
    >
      {children}
    </TableRow>
  );
}

/** The place of a row that is on its way. */
export function PlaceOfRow({ marked }: { readonly marked: boolean }) {
  return (
    <TableRow className={`${line} flex h-full items-center ${marked ? 'bg-accent-soft' : ''}`}>
      <Cell aria-label="Not loaded yet" className="h-2 w-1/3 rounded-full bg-raised" />
    </TableRow>
  );
}

/** The names of the columns, which stay above the rows; there are none where a row is two lines. */
export function WorkHeader({ grid, children }: Part & { readonly grid: string }) {
  return (
    <TableRow
      style={{ height: headerHeight }}
      className={`${line} sticky top-0 z-10 bg-panel text-xs font-medium text-soft max-xl:hidden ${grid}`}
    >
      {children}
    </TableRow>
  );
}
