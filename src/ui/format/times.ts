import { formatDuration } from './durations.js';

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayAndClock = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const whole = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** In the viewer's zone, as short as it is clear: `14:03:11` today, `24 Nov, 14:03:11`, or with its year. */
export function formatTime(time: Date, now: Date = new Date()): string {
  if (time.toDateString() === now.toDateString()) return clock.format(time);
  return time.getFullYear() === now.getFullYear() ? dayAndClock.format(time) : whole.format(time);
}

/** `14:03:11.250`, for lists of what came just now. */
export function formatClock(time: Date): string {
  return `${clock.format(time)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** What a title says: the same in UTC, to the millisecond. */
export function formatUtc(time: Date): string {
  return `${time.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** `3 s ago`. */
export function formatAge(ms: number): string {
  return ms < 1_000 ? 'now' : `${formatDuration(Math.floor(ms / 1_000) * 1_000)} ago`;
}

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const utcDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const utcMonth = new Intl.DateTimeFormat('en-GB', { month: 'short', year: 'numeric', timeZone: 'UTC' });
const hourAndMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayMs = 86_400_000;

/** A bucket by its start: `26 Nov (UTC)` where it is a day of UTC, else `26 Nov, 14:00` in the viewer's zone. */
export function formatBucket(start: Date, bucketMs: number): string {
  if (bucketMs % dayMs === 0) return `${utcDay.format(start)} (UTC)`;
  return `${day.format(start)}, ${hourAndMinute.format(start)}`;
}

/** On an axis of times: `14:00`, with the day below it where another one begins; or days, or months. */
export function formatTick(
  time: Date,
  of: { readonly before: Date | undefined; readonly stepMs: number; readonly isUtc: boolean },
): string {
  if (of.stepMs >= 28 * dayMs) return utcMonth.format(time);
  if (of.stepMs >= dayMs) return (of.isUtc ? utcDay : day).format(time);
  const text = hourAndMinute.format(time);
  return of.before?.toDateString() === time.toDateString() ? text : `${text}\n${day.format(time)}`;
}
