/**
 * Days and times as requests and payloads write them: `2026-01-31`, and RFC 3339 with an offset. `Date` takes much
 * more, tells the 30th of February as the 2nd of March, and throws where what it made of a text is written back.
 */

const dayPattern = /^\d{4}-\d{2}-\d{2}$/;
const timePattern =
  /^(\d{4}-\d{2}-\d{2})T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:(\.\d{1,3})\d*)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;
const timeCharactersMax = 64;

/** Start of a UTC day, ms since the epoch; NaN for what is no day of the calendar. */
export function parseDay(text: string): number {
  const dayMs = dayPattern.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return Number.isFinite(dayMs) && dayText(dayMs) === text ? dayMs : Number.NaN;
}

/** An RFC 3339 time, ms since the epoch; NaN for anything else. Digits past the millisecond are dropped. */
export function parseTime(text: string): number {
  const parts = text.length <= timeCharactersMax ? timePattern.exec(text) : null;
  if (parts === null) return Number.NaN;
  const [, day = '', time = '', fraction = '', offset = ''] = parts;
  return parseDay(day) + Date.parse(`1970-01-01T${time}${fraction}${offset.toUpperCase()}`);
}

/** The UTC day of a time. Throws for one beyond what `Date` can hold. */
export function dayText(timeMs: number): string {
  return instant(timeMs).slice(0, 10);
}

/** RFC 3339 with milliseconds, in UTC. Throws as `dayText`. */
export function instant(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

export function optionalInstant(timeMs: number | null): string | null {
  return timeMs === null ? null : instant(timeMs);
}

/** Of any number: a clock may say what no calendar has. */
export function clockText(timeMs: number): string {
  return Number.isNaN(new Date(timeMs).getTime()) ? `${timeMs} ms` : instant(timeMs);
}
