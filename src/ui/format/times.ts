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
