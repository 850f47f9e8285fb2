/** RFC 3339 with milliseconds, in UTC. */
export function instant(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

export function optionalInstant(timeMs: number | null): string | null {
  return timeMs === null ? null : instant(timeMs);
}

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
