import type { Answers } from '../../api/client.js';
import type { LiveRun } from '../../live/live-messages.js';

type RunItem = Answers['RunItem'];

/**
 * A run of the list as the live socket tells it. What memory counts began with the collector at the earliest, so the
 * greater number of the two is the truer one; a run that ended in the store stays ended.
 */
export function runAsNow(row: RunItem, live: LiveRun): RunItem {
  if (row.status !== 'running' && row.status !== 'orphaned') return row;
  const hasEnded = live.status !== 'running';
  const startedAt = live.started_at ?? row.started_at;
  const { tasks, steps } = live;
  const isMore = live.tokens.total > row.total.tokens.total;
  return {
    ...row,
    name: live.name ?? row.name,
    status: live.status,
    started_at: startedAt,
    ended_at: hasEnded ? live.last_event_at : null,
    duration_ms: hasEnded ? Math.max(0, Date.parse(live.last_event_at) - Date.parse(startedAt)) : null,
    tasks_ended: Math.max(row.tasks_ended, tasks.completed + tasks.failed + tasks.cancelled),
    tasks_failed: Math.max(row.tasks_failed, tasks.failed),
    steps_ended: Math.max(row.steps_ended, steps.completed + steps.failed),
    steps_failed: Math.max(row.steps_failed, steps.failed),
    total: isMore
      ? {
          ...row.total,
          tokens: live.tokens,
          cost_cents: live.cost_micros === null ? null : live.cost_micros / 10_000,
          tokens_unpriced: live.tokens_unpriced ?? 0,
        }
      : row.total,
  };
}
