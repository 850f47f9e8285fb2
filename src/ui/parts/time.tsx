import { useEffect, useState } from 'react';
import { unknown } from '../format/numbers.js';
import { formatAge, formatTime, formatUtc } from '../format/times.js';

type Instant = Date | string | null | undefined;

/** A time in the viewer's zone; UTC when pointed at. */
export function Time({ at }: { readonly at: Instant }) {
  const time = dateOf(at);
  if (time === null) return <span className="text-soft">{unknown}</span>;
  return (
    <time dateTime={time.toISOString()} title={formatUtc(time)} className="tabular whitespace-nowrap">
      {formatTime(time)}
    </time>
  );
}

/** How long ago, kept true by itself. */
export function Age({ at }: { readonly at: Instant }) {
  const now = useNow(1_000);
  const time = dateOf(at);
  if (time === null) return <span className="text-soft">{unknown}</span>;
  return (
    <time dateTime={time.toISOString()} title={formatUtc(time)} className="tabular whitespace-nowrap">
      {formatAge(Math.max(0, now - time.getTime()))}
    </time>
  );
}

/** The time now, again every `stepMs`: one for all that is drawn with it. */
export function useNow(stepMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), stepMs);
    return () => clearInterval(timer);
  }, [stepMs]);
  return now;
}

function dateOf(at: Instant): Date | null {
  if (at === null || at === undefined) return null;
  return at instanceof Date ? at : new Date(at);
}
