/** Millionths of a dollar as cents, exact to a ten-thousandth of a cent; null where nobody reported a cost. */
export function costCents(costMicros: number | null): number | null {
  return costMicros === null ? null : costMicros / 10_000;
}

/** A mean of doubles, to the 12 digits that do not depend on the order they were added in. */
export function meanDigits(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(12));
}

/**
 * Percent to two decimals, as rates are answered; what is compared is not rounded. A half goes to the even neighbour,
 * as in the engine, so that the views say the same.
 */
export function percentDigits<Value extends number | null>(value: Value): Value {
  if (value === null) return value;
  const hundredths = value * 100;
  const nearest = Math.round(hundredths);
  const isOddHalf = nearest - hundredths === 0.5 && nearest % 2 !== 0;
  return ((isOddHalf ? nearest - 1 : nearest) / 100) as Value;
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

/** To two decimals. */
export function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}
