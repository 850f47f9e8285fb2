/**
 * Times as numbers. Clients count seconds, milliseconds, microseconds or nanoseconds since the epoch; which of them is
 * told by the size, since the same years never overlap: a unit has the numbers from 10^8 to below 10^10 of its own
 * seconds, 3 March 1973 to 20 November 2286, and a decade of numbers lies between each two units.
 *
 *   seconds        10^8  … 10^10     fractions too
 *   milliseconds   10^11 … 10^13
 *   microseconds   10^14 … 10^16
 *   nanoseconds    10^17 … 10^19
 *
 * 0 is what a client sends that has no time: it means absent, and is for the caller to tell apart.
 */
export const epochSecondsMin = 1e8;
const epochSecondsMax = 1e10;

/**
 * A double that stands for a decimal fraction may lie a little below it: at 10^10 seconds, or 10^19 nanoseconds, by
 * 0.001 ms. So much is added before what is below a millisecond is dropped.
 */
const shortfallMs = 0.002;

/** Milliseconds since the epoch, what is below them dropped; NaN for a number in none of the ranges. */
export function epochMs(value: number): number {
  if (value >= 1_000 * epochSecondsMin && value < 1_000 * epochSecondsMax) return Math.floor(value);
  if (value >= epochSecondsMin && value < epochSecondsMax) return Math.floor(value * 1_000 + shortfallMs);
  if (value >= 1e6 * epochSecondsMin && value < 1e6 * epochSecondsMax) return Math.floor(value / 1_000);
  if (value >= 1e9 * epochSecondsMin && value < 1e9 * epochSecondsMax) return Math.floor(value / 1e6 + shortfallMs);
  return Number.NaN;
}

/** The year 1 in UTC, which Go writes for a time that was never set. */
export const goZeroTimeMs = -62_135_596_800_000;
