export interface TimedEvent {
  readonly type: string;
  readonly ts: number;
  readonly [field: string]: unknown;
}

export interface MergedTimes {
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly durationMs: number | null;
}

/**
 * When a task or run began and ended by all of its events, told without SQL. `state` is the event that tells its state;
 * an attempt is timed by its own events, as far as they tell.
 */
export function mergedTimes(events: readonly TimedEvent[], state: TimedEvent): MergedTimes {
  const attemptOf = (event: TimedEvent) => Math.max(1, Number(event.attempt ?? 1));
  const later = [...events].sort((a, b) => a.ts - b.ts || attemptOf(a) - attemptOf(b) || rank(a) - rank(b));
  const isOwn = (event: TimedEvent) => attemptOf(event) === attemptOf(state);
  const toldStart = later.filter((event) => typeof event.started_at === 'number').at(-1);
  const starts = later.filter((event) => word(event) === 'running' || word(event) === 'started');
  const ownStart = starts.find(isOwn);
  const byEnd = [...later].sort((a, b) => Number(hasEnded(a)) - Number(hasEnded(b)));
  const toldDuration = byEnd.filter((event) => typeof event.duration_ms === 'number').at(-1);
  const ownDuration = toldDuration !== undefined && isOwn(toldDuration) ? Number(toldDuration.duration_ms) : null;
  const endedMs = hasEnded(state) ? Number(state.ended_at ?? state.ts) : null;
  const startedMs =
    (toldStart !== undefined && isOwn(toldStart) ? Number(toldStart.started_at) : null) ??
    ownStart?.ts ??
    (toldStart === undefined ? null : Number(toldStart.started_at)) ??
    starts[0]?.ts ??
    (endedMs !== null && ownDuration !== null ? endedMs - Math.trunc(ownDuration) : null);
  const elapsedMs = endedMs !== null && startedMs !== null && endedMs >= startedMs ? endedMs - startedMs : null;
  return { startedMs, endedMs, durationMs: ownDuration ?? elapsedMs };
}

function word({ type }: TimedEvent): string {
  return type.slice(type.indexOf('.') + 1);
}

function hasEnded(event: TimedEvent): boolean {
  return ['completed', 'failed', 'cancelled'].includes(word(event));
}

function rank(event: TimedEvent): number {
  return ['pending', 'started', 'running', 'completed', 'failed', 'cancelled'].indexOf(word(event));
}
