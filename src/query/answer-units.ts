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
