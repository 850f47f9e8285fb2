/** Values as people read them. What nobody reported is a dash, never a nought. */
export const unknownValue = '–';

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? unknownValue : value.toLocaleString('en-US');
}

export function percent(value: number | null | undefined): string {
  return value === null || value === undefined ? unknownValue : `${value.toFixed(value === 100 ? 0 : 1)} %`;
}

/** Of cents, in US dollars: to the cent from ten dollars on, finer below. */
export function cost(cents: number | null | undefined): string {
  if (cents === null || cents === undefined) return unknownValue;
  const dollars = cents / 100;
  const digits = dollars >= 10 || dollars === 0 ? 2 : 4;
  return `$${dollars.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** With how much of the usage had no price, where there is any. */
export function pricedCost(usage: { readonly cost_cents: number | null; readonly tokens_unpriced: number }): string {
  const { cost_cents: cents, tokens_unpriced: unpriced } = usage;
  return unpriced === 0 ? cost(cents) : `${cost(cents)} and ${count(unpriced)} tokens without a price`;
}

/** `45 ms`, `1.23 s`, `2 m 05 s`, `3 h 20 m`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return unknownValue;
  if (ms < 1_000) return `${ms < 10 && !Number.isInteger(ms) ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 59_995) return `${(ms / 1_000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${twoDigits(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${twoDigits(Math.floor((seconds % 3_600) / 60))} m`;
}

/** An RFC 3339 time as the clock on this wall shows it; `zoneOf` says which zone that is. */
export function localTime(instant: string | null | undefined): string {
  if (instant === null || instant === undefined) return unknownValue;
  const at = new Date(instant);
  const day = [at.getFullYear(), twoDigits(at.getMonth() + 1), twoDigits(at.getDate())].join('-');
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(':')}`;
}

/** `UTC`, or the offset at this time, such as `+02:00`. */
export function zoneOf(instant: string | null | undefined): string {
  const minutes = -new Date(instant ?? 0).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${twoDigits(Math.floor(size / 60))}:${twoDigits(size % 60)}`;
}

/** With its zone, where it stands alone. */
export function zonedTime(instant: string | null | undefined): string {
  return instant === null || instant === undefined ? unknownValue : `${localTime(instant)} ${zoneOf(instant)}`;
}

export function word(value: string | null | undefined): string {
  return value === null || value === undefined || value === '' ? unknownValue : value;
}

/** A map in one line. */
export function entries(map: Readonly<Record<string, unknown>> | null | undefined): string {
  const pairs = Object.entries(map ?? {}).map(([name, value]) => `${name}=${String(value)}`);
  return pairs.length === 0 ? unknownValue : pairs.join('  ');
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
