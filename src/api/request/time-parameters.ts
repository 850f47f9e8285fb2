import { z } from 'zod';
import { dayMs } from '../../core/time-span.js';
import { parseDay, parseTime } from '../../core/time-text.js';

/**
 * What a parameter may ask for: every column of the store holds it. A minute is a 32-bit number of seconds there, which
 * ends in February 2106; a later one would be taken for one of our time.
 */
const untilMs = Date.UTC(2106, 0, 1);

const expectedYears = 'from 1970 to 2105';

export interface DateBound {
  /** Start of the day, or the instant, ms since the epoch. */
  readonly fromMs: number;
  /** End of the day, or the millisecond after the instant. */
  readonly untilMs: number;
}

/** A UTC date (`2026-01-31`, the whole day) or RFC 3339 time (an instant). Never throws. */
export const dateParameter = z
  .string()
  .transform((text, context): DateBound => {
    const bound = parseDateBound(text);
    if (bound !== null) return bound;
    const examples = 'a date such as 2026-01-31 or an RFC 3339 time such as 2026-01-31T10:00:00Z';
    context.addIssue(`expected ${examples}, ${expectedYears}`);
    return z.NEVER;
  })
  .meta({ anyOf: [{ format: 'date' }, { format: 'date-time' }] });

/** A UTC date: its start, ms since the epoch. Never throws. */
export const dayParameter = z
  .string()
  .transform((text, context): number => {
    const fromMs = parseDay(text);
    if (isAskable(fromMs)) return fromMs;
    context.addIssue(`expected a UTC date such as 2026-01-31, ${expectedYears}`);
    return z.NEVER;
  })
  .meta({ format: 'date' });

/** Where a half-open range ends: a date as its end is the end of that day, a time is itself the end. */
export function endOf(bound: DateBound): number {
  return bound.untilMs - bound.fromMs === dayMs ? bound.untilMs : bound.fromMs;
}

function parseDateBound(text: string): DateBound | null {
  const startMs = parseDay(text);
  if (isAskable(startMs)) return { fromMs: startMs, untilMs: startMs + dayMs };
  // A plus sign that was not percent-encoded arrives as a space.
  const timeMs = parseTime(text.replace(/ (?=\d{2}:\d{2}$)/, '+'));
  return isAskable(timeMs) ? { fromMs: timeMs, untilMs: timeMs + 1 } : null;
}

/** Also false for NaN. */
function isAskable(timeMs: number): boolean {
  return timeMs >= 0 && timeMs < untilMs;
}
