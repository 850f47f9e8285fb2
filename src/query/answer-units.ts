/** RFC 3339 with milliseconds, in UTC. */
export function instant(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

export function optionalInstant(timeMs: number | null): string | null {
  return timeMs === null ? null : instant(timeMs);
}

/** Millionths of a dollar as cents, exact to a ten-thousandth of a cent. */
export function costCents(costMicros: number): number {
  return costMicros / 10_000;
}

/** A value kept as Float32, or an average of such values, without the digits that widening to 64 bits makes up. */
export function float32Digits(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(7));
}

/** The tables say 0 where no attempt was reported. */
export function reportedAttempt(attempt: number): number | null {
  return attempt === 0 ? null : attempt;
}

/**
 * `45s`, `8.3s`, `0.45s`: two significant digits at least, and always whole seconds; with more `decimals` at least so
 * many, `45.2s`. Zeros at the end are left out. Null where no duration is known.
 */
export function secondsText(durationMs: number | null, decimals = 0): string | null {
  if (durationMs === null) return null;
  const seconds = durationMs / 1_000;
  if (seconds === 0) return '0s';
  const significant = significantDigits - 1 - Math.floor(Math.log10(seconds));
  return `${Number(seconds.toFixed(Math.min(decimalsMax, Math.max(decimals, significant))))}s`;
}

const significantDigits = 2;
const decimalsMax = 6;

/** Inputs or outputs as one text: the value alone when there is one, else `topic: tides, depth: 3`. Null for none. */
export function contextText(context: Readonly<Record<string, string>>): string | null {
  const entries = Object.entries(context);
  const [only] = entries;
  if (only === undefined) return null;
  return entries.length === 1 ? only[1] : entries.map(([key, value]) => `${key}: ${value}`).join(', ');
}

/** Percent to two decimals. */
export function roundedPercent(percent: number | null): number | null {
  return percent === null ? null : rounded(percent);
}

/** To two decimals. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
