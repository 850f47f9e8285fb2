import type { Answers } from '../../api/client.js';
import type { LiveEvent, LiveRun } from '../../live/live-messages.js';
import { statusOfEvent } from '../../work/fresh-work.js';

type RunItem = Answers['RunItem'];

/** What the live socket has told of a run: what memory counts of it, and its latest event. */
export interface RunNews {
  readonly state: LiveRun | undefined;
  readonly latest: LiveEvent | undefined;
}

/** A run of the list as the live socket tells it; one that ended in the store stays ended. */
export function runAsNow(row: RunItem, { state, latest }: RunNews): RunItem {
  if (row.status !== 'running' && row.status !== 'orphaned') return row;
  const counted = state === undefined ? row : withCounts(row, state);
  const status = latest === undefined ? undefined : statusOfEvent('run', latest);
  if (latest === undefined || status === undefined || status === 'running' || status === 'pending') return counted;
  return {
    ...counted,
    status,
    duration_ms: latest.duration_ms ?? counted.duration_ms,
    error_preview: latest.error_message ?? counted.error_preview,
  };
}

/** What memory counts began with the collector at the earliest: the greater number of the two is the truer one. */
function withCounts(row: RunItem, state: LiveRun): RunItem {
  const hasEnded = state.status !== 'running';
  const startedAt = state.started_at ?? row.started_at;
  const { tasks, steps } = state;
  const isMore = state.tokens.total > row.total.tokens.total;
  return {
    ...row,
    name: state.name ?? row.name,
    status: state.status,
    started_at: startedAt,
    ended_at: hasEnded ? state.last_event_at : null,
    duration_ms: hasEnded ? Math.max(0, Date.parse(state.last_event_at) - Date.parse(startedAt)) : null,
    tasks_ended: Math.max(row.tasks_ended, tasks.completed + tasks.failed + tasks.cancelled),
    tasks_failed: Math.max(row.tasks_failed, tasks.failed),
    steps_ended: Math.max(row.steps_ended, steps.completed + steps.failed),
    steps_failed: Math.max(row.steps_failed, steps.failed),
    total: isMore
      ? {
          ...row.total,
          tokens: state.tokens,
          cost_cents: state.cost_micros === null ? null : state.cost_micros / 10_000,
          tokens_unpriced: state.tokens_unpriced ?? 0,
        }
      : row.total,
  };
}
