import { type RunDetailRow, readRunDetail } from '../../clickhouse/queries/runs/run-detail.js';
import { type RunEvents, readRunEvents } from '../../clickhouse/queries/runs/run-events.js';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import { readManyAttempts } from '../../clickhouse/queries/work/many-attempts.js';
import { type RunActivityRow, type RunKey, readRunActivity } from '../../clickhouse/queries/work/run-activity.js';
import { readRunLeaseRenewals } from '../../clickhouse/queries/work/run-lease-renewals.js';
import {
  attemptsOfPage,
  readWorkAttempts,
  type WorkAttemptsPage,
} from '../../clickhouse/queries/work/work-attempts.js';
import { scopeOfUser } from '../../clickhouse/queries/work/work-owner.js';
import { runScope, type WorkScope } from '../../clickhouse/queries/work/work-scope.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { dayMs } from '../../core/time-span.js';
import type { ApiContext } from '../request/api-context.js';
import { mayReadRun } from '../work/user-bound.js';
import { runUnknown } from './run-path.js';

export const runStatuses = ['running', 'orphaned', 'completed', 'failed', 'cancelled'] as const;
type RunStatus = (typeof runStatuses)[number];

/** A run as its own events and all events that name it tell it. */
export interface RunRecord {
  readonly key: RunKey;
  /** Whose events are told; null: whosever they are. */
  readonly user: string | null;
  /** Null when no event of the run itself is known: they were lost, or are still to come. */
  readonly state: RunDetailRow | null;
  /** Null for a moment while the first events of the run are being inserted. */
  readonly activity: RunActivityRow | null;
  readonly status: RunStatus;
  /** Something was heard of it within the lease: what has not ended may still be under way. */
  readonly isHeard: boolean;
  /** All of its events; null when they are too many, or some of them have expired. */
  readonly events: RunEvents | null;
  /** Where its raw events lie, null when there are none. */
  readonly scope: WorkScope | null;
  /** Some of its raw events are older than those are kept: tasks are complete, steps may be missing. */
  readonly stepsExpired: boolean;
}

/**
 * Reads what is known of a run. A run whose own events were lost is `running` by what else names it, and `orphaned`
 * once that falls silent. Rejects with `not_found` when no event of this tenant names the run, and when it is not the
 * user's, if there is one.
 */
export async function readRunRecord(
  context: ApiContext,
  store: StoreReader,
  key: RunKey,
  user: string | null,
): Promise<RunRecord> {
  if (!(await mayReadRun(store, { tenant: key.tenant, user }, key.runId))) throw runUnknown(key.runId);
  const activity = (await readRunActivity(store, key)) ?? null;
  const events = activity === null ? null : await readRunEvents(store, key, activity);
  const { state } = events?.detail() ?? { state: (await readRunDetail(store, key)) ?? null };
  if (state === null && activity === null) throw runUnknown(key.runId);
  const nowMs = context.clock.nowMs();
  const isOpen = state === null || state.status === 'running';
  const sinceMs = nowMs - context.options.leaseMs;
  const receivedMs = Math.max(activity?.last_received_ms ?? 0, state?.received_ms ?? 0);
  // The agents of a run that ended have gone on to others: only its own events tell whether work of it is under way.
  const isHeard = receivedMs >= sinceMs || (isOpen && (await isRenewed(store, key, { state, activity, sinceMs })));
  return {
    key,
    user,
    state,
    activity,
    status: isOpen ? (isHeard ? 'running' : 'orphaned') : state.status,
    isHeard,
    events,
    scope: activity === null ? null : scopeOfUser(runScope(key, activity), user),
    stepsExpired: activity !== null && activity.first_event_ms < nowMs - context.options.retention.raw * dayMs,
  };
}

/** The attempts of its tasks and steps, and the run itself where they are not asked for alone. */
export async function readRunAttempts(
  store: StoreReader,
  { events, scope, user }: RunRecord,
  page: WorkAttemptsPage,
): Promise<WorkAttemptRow[]> {
  const told = events?.attempts(user, page) ?? null;
  if (told !== null) return told;
  return scope === null ? [] : await readWorkAttempts(store, scope, page);
}

/**
 * All attempts of its tasks and steps, and the run itself, in no order; of a run that has more of them than the limit,
 * so many, the first by begin.
 */
export async function readAllRunAttempts(
  store: StoreReader,
  record: RunRecord,
  { limit }: Pick<WorkAttemptsPage, 'limit'>,
): Promise<WorkAttemptRow[]> {
  const { events, scope } = record;
  const many = events === null && scope !== null ? await readManyAttempts(store, scope) : null;
  if (many === null) return await readRunAttempts(store, record, { limit });
  return many.length < limit ? many : attemptsOfPage(many, { limit });
}

interface Silence extends Pick<RunRecord, 'state' | 'activity'> {
  readonly sinceMs: number;
}

/** Whether a heartbeat kept the lease of a silent run: of its agent, of any that worked if its own events were lost. */
async function isRenewed(store: StoreReader, key: RunKey, { state, activity, sinceMs }: Silence): Promise<boolean> {
  const agentIds = state === null ? (activity?.agents ?? []) : [state.agent_id];
  const { tenant, runId } = key;
  const renewals = await readRunLeaseRenewals(store, { tenant, runIds: [runId], agentIds, sinceMs });
  return renewals.length > 0;
}
