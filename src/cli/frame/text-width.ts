import truncatedWidth from 'fast-string-truncated-width';

/** Columns that a text takes on a terminal: wide characters take two, marks on others none. */
export function widthOf(text: string): number {
  return truncatedWidth(text).width;
}

/** A text in so many columns: cut with a sign, or filled up. */
export function fitted(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const whole = truncatedWidth(text, { limit: columns, ellipsis: '…', ellipsisWidth: 1 });
  const shown = whole.truncated ? `${text.slice(0, whole.index)}…` : text;
  const blank = ' '.repeat(Math.max(0, columns - widthOf(shown)));
  return align === 'right' ? `${blank}${shown}` : `${shown}${blank}`;
}
