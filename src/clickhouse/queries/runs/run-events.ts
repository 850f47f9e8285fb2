import { z } from 'zod';
import { type EventType, eventTypes } from '../../../core/event-types.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { fewRows } from '../sql/few-rows.js';
import { compareTexts } from '../sql/text-order.js';
import { type AttemptEvent, attemptEventsMax, wholeRow } from '../work/attempt-event.js';
import { statusOf, type WorkAttemptRow } from '../work/attempt-row.js';
import { mergeAttempts } from '../work/merged-attempts.js';
import { type MergedWork, mergeEvents } from '../work/merged-events.js';
import type { RunActivityRow, RunKey } from '../work/run-activity.js';
import { attemptsOfPage, type WorkAttemptsPage } from '../work/work-attempts.js';
import { eventColumnsShape, eventColumnsSql, type StoredColumn, saidColumns, saidMaps } from '../work/work-event.js';
import { runScope } from '../work/work-scope.js';
import type { RunDetailRow } from './run-detail.js';
import { type RunTasks, tasksByStart } from './run-tasks.js';

/** What the tables of runs and tasks keep of an event beside what attempts are made of. */
const keptColumns = [
  'agent_name',
  'agent_version',
  'flow_id',
  'crew_id',
  'engagement_id',
  'user_id',
  'session_id',
  'memory_mb',
  'conflicting_end',
] as const satisfies readonly StoredColumn[];

const eventRow = wholeRow.extend({
  ...eventColumnsShape(keptColumns),
  type: z.enum(Object.keys(eventTypes) as [EventType, ...EventType[]]),
});

type AnyEvent = z.output<typeof eventRow>;
/** Of the run itself, of a task or of a step. */
type RunEvent = AnyEvent & Pick<AttemptEvent, 'type'>;

/**
 * All events of a run of ordinary size, from which its state, its tasks and its attempts follow: one read of the raw
 * table in place of one of each table that is made of it, each of which takes longer to plan than to run. The views
 * make their rows of the same columns.
 */
export class RunEvents {
  readonly #runId: string;
  readonly #events: readonly RunEvent[];

  constructor(runId: string, events: readonly RunEvent[]) {
    this.#runId = runId;
    this.#events = events;
  }

  /** As `readRunDetail` tells it, null when there is no event of the run itself; null alone: the engine decides. */
  detail(): { readonly state: RunDetailRow | null } | null {
    const merged = this.#merged('run');
    return merged === null ? null : { state: (merged[0] as RunDetailRow | undefined) ?? null };
  }

  /** As `readRunTasks` tells them; null: the engine decides. */
  tasks({ limit }: { readonly limit: number }): RunTasks | null {
    const merged = this.#merged('task');
    if (merged === null) return null;
    return { tasks: merged.sort(byPlace).slice(0, limit).sort(tasksByStart), total: merged.length };
  }

  /** As `readWorkAttempts` tells them, of events that name this user or nobody; null: the engine decides. */
  attempts(user: string | null, page: WorkAttemptsPage): WorkAttemptRow[] | null {
    const attempts = mergeAttempts(this.#of(user));
    return attempts === null ? null : attemptsOfPage(attempts, page);
  }

  /** As `readFinalOutput` tells it. */
  finalOutput(user: string | null): Readonly<Record<string, string>> {
    const told = this.#of(user).filter(
      ({ type, outputs }) => /^(task|step)\.completed$/.test(type) && hasKeys(outputs),
    );
    return told.sort(byCompletion).at(-1)?.outputs ?? {};
  }

  #of(user: string | null): RunEvent[] {
    return this.#events.filter((event) => user === null || event.user_id === '' || event.user_id === user);
  }

  #merged(kind: 'run' | 'task'): MergedWork[] | null {
    const own = this.#events.filter(({ type }) => type.startsWith(`${kind}.`));
    return mergeEvents(
      kind,
      own.map((event) => ({
        ...event,
        run_id: this.#runId,
        status: statusOf(event.type),
        // As the views have it.
        start_ms: event.started_ms ?? (event.ended_ms ?? event.ts_ms) - Math.trunc(event.duration_ms ?? 0),
        may_hold: 1,
      })),
    );
  }
}

function byPlace(left: MergedWork, right: MergedWork): number {
  return (left.place_ms ?? 0) - (right.place_ms ?? 0) || compareTexts(left.task_id, right.task_id);
}

function hasKeys(map: Readonly<Record<string, string>>): boolean {
  return Object.keys(map).length > 0;
}

function byCompletion(left: RunEvent, right: RunEvent): number {
  return (
    Number(left.type === 'task.completed') - Number(right.type === 'task.completed') ||
    left.ts_ms - right.ts_ms ||
    left.received_ms - right.received_ms ||
    compareTexts(left.task_id, right.task_id) ||
    compareTexts(left.step_id, right.step_id)
  );
}

/**
 * Null when they are too many, and when there are not as many as the activity of the run counts: some have expired, or
 * a table is a moment ahead of another.
 */
export async function readRunEvents(
  store: StoreReader,
  key: RunKey,
  activity: RunActivityRow,
): Promise<RunEvents | null> {
  if (activity.events > attemptEventsMax) return null;
  const { where, params } = runScope(key, activity);
  const said = [...Object.keys({ ...saidColumns, ...saidMaps }), ...keptColumns] as StoredColumn[];
  const events = await checkedRows(store, eventRow, {
    name: 'run_events',
    sql: `
      SELECT type, step_id, step_kind, hex(args_hash) AS args_hash_hex, ${eventColumnsSql(said)}
      FROM agent_events_raw_v1
      WHERE ${where}
      LIMIT {events_max:UInt32}`,
    params: { ...params, events_max: attemptEventsMax + 1 },
    settings: fewRows,
  });
  if (events.length !== activity.events) return null;
  return new RunEvents(key.runId, events.filter(isOfWork));
}

function isOfWork(event: AnyEvent): event is RunEvent {
  return eventTypes[event.type] < eventTypes['memory.stored'];
}
