/** One format of a kind of number, everywhere. What is not known is a dash, never a zero. */
export const unknown = '–';

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 });

/** `9,999`, then `12.3K`; the exact number belongs into a title. */
export function formatCount(count: number | null | undefined): string {
  if (count === null || count === undefined) return unknown;
  return Math.abs(count) < 10_000 ? whole.format(count) : short.format(count);
}

export function formatExact(count: number | null | undefined): string {
  return count === null || count === undefined ? unknown : whole.format(count);
}

/** So many a second: `0.4`, `9.5`, `1,200`. */
export function formatRate(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined) return unknown;
  return Math.abs(perSecond) < 10 ? String(Number(perSecond.toFixed(1))) : formatCount(perSecond);
}

/** Of a number of percent, as the API tells it: `99.25 %`. */
export function formatPercent(percent: number | null | undefined): string {
  return percent === null || percent === undefined ? unknown : `${Number(percent.toFixed(2))} %`;
}

/** Of US cents: `$12.50`, and `$0.0034` where cents are too coarse. */
export function formatCost(cents: number | null | undefined): string {
  if (cents === null || cents === undefined) return unknown;
  const dollars = cents / 100;
  if (dollars === 0) return '$0';
  const size = Math.abs(dollars);
  if (size >= 10_000) return `$${short.format(dollars)}`;
  return size >= 0.1 ? `$${dollars.toFixed(2)}` : `$${Number(dollars.toPrecision(2))}`;
}

/** `12.5 MB`: powers of 1,000. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return unknown;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1_000 ** power).toPrecision(3))} ${units[power]}`;
}

/** A number of tokens that have no price says so beside the cost; null where all have one. */
export function unpricedNote(tokens: number | null | undefined): string | null {
  return tokens ? `${formatCount(tokens)} tokens have no price` : null;
}

/** With its sign: `+0.15`, `−10.56`, `±0`. */
export function formatChange(change: number | null | undefined): string {
  if (change === null || change === undefined) return unknown;
  const size = Number(Math.abs(change).toFixed(2));
  if (size === 0) return '±0';
  return `${change < 0 ? '−' : '+'}${whole2.format(size)}`;
}

const whole2 = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });

/** `= 0.78`, `< 0.0001`. */
export function formatProbability(p: number): string {
  return p < 0.0001 ? '< 0.0001' : `= ${Number(p.toPrecision(2))}`;
}

/** Of a number from 0 to 1: `0.87`. */
export function formatRatio(ratio: number | null | undefined): string {
  return ratio === null || ratio === undefined ? unknown : ratio.toFixed(2);
}
