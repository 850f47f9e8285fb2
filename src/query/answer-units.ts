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
