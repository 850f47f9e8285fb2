/** Seconds since the epoch, as `{name:UInt32}` of a `toDateTime` takes them. */
export function epochSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000);
}
