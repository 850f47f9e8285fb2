/** Seconds since the epoch, as `{name:UInt32}` of a `toDateTime` takes them. */
export function epochSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000);
}

/** The UTC day of a time, as `{name:Date}` takes it. */
export function dateText(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
