import { rawTable } from '../../core/event-schema.js';
import type { StoreQuery } from '../../core/ports/store-reader.js';
import { versionMs } from '../queries/sql/row-version.js';
import type { ErasableTable, ErasureKind } from './erasable-tables.js';

/** One erasure, as its statements see it. */
export interface ErasureScope {
  readonly erasureId: string;
  readonly tenant: string;
  readonly kind: ErasureKind;
  /** Of a person what happened until then, ms since the epoch: what they do later is theirs. Null: everything. */
  readonly untilMs: number | null;
  /** Of this attempt alone. Letters and digits. */
  readonly attempt: string;
}

export type TargetKind =
  | 'subject'
  | 'run'
  | 'task'
  | 'session'
  | 'agent'
  | 'feedback'
  | 'error_group'
  | 'description'
  | LinkedKind;

/** What the subject has a part in, of which that goes which nobody else has. */
export type LinkedKind = 'linked_run' | 'linked_task' | 'linked_session' | 'linked_error_group';

/** The ids an erasure has collected in `erasure_targets_v1`. */
export function targets(kind: TargetKind): string {
  return `(SELECT id FROM erasure_targets_v1 WHERE erasure_id = {erasure:String} AND kind = '${kind}')`;
}

/** Runs whose sums go. Found anew by each attempt: in between others' events of the run may have come. */
export const summedRunsKind = "concat('run_sum ', {attempt:String})";
const summedRuns = `(SELECT id FROM erasure_targets_v1
  WHERE erasure_id = {erasure:String} AND kind = ${summedRunsKind})`;

/** Parameters of every statement of an erasure: no statement names the subject, some leave their text in the store. */
export function scopeParams({ erasureId, tenant, untilMs, attempt }: ErasureScope): StoreQuery['params'] {
  return { erasure: erasureId, tenant, until_ms: untilMs ?? 0, attempt };
}

/**
 * The rows of a table that an erasure takes, as a condition; null when it has none.
 *
 * Of a run: its rows, and those of its tasks that do not name a run. Of a person: the rows that name them, and the rows
 * without a name of runs, tasks and sessions that name nobody else.
 */
export function erasureCondition(table: ErasableTable, scope: ErasureScope): string | null {
  const rows = scope.kind === 'run' ? rowsOfRun(table, scope.untilMs) : rowsOfUser(table);
  if (rows === null) return null;
  const until = scope.untilMs === null ? null : happenedUntil(table);
  return ['tenant = {tenant:String}', `(${rows})`, ...(until === null ? [] : [until])].join(' AND ');
}

function rowsOfRun(table: ErasableTable, untilMs: number | null): string | null {
  const { columns } = table;
  if (columns.has('feedback_id')) return `feedback_id IN ${targets('feedback')}`;
  if (!columns.has('run_id')) return null;
  if (isSummedByRun(table) && untilMs !== null) return `run_id IN ${summedRuns}`;
  const own = `run_id IN ${targets('run')}`;
  return columns.has('task_id') ? `${own} OR run_id = '' AND task_id IN ${targets('task')}` : own;
}

const namelessKinds = [
  { column: 'run_id', kind: 'run' },
  { column: 'task_id', kind: 'task' },
  { column: 'session_id', kind: 'session' },
] as const;

function rowsOfUser(table: ErasableTable): string | null {
  const { columns } = table;
  const linked = namelessKinds
    .filter(({ column }) => columns.has(column))
    .map(({ column, kind }) => `${column} IN ${targets(kind)}`);
  if (columns.has('user_id')) {
    const nameless = linked.length === 0 ? '' : ` OR user_id = '' AND (${linked.join(' OR ')})`;
    return `user_id IN ${targets('subject')}${nameless}`;
  }
  if (isSummedByRun(table)) return `run_id IN ${summedRuns}`;
  return linked.length === 0 ? null : linked.join(' OR ');
}

/** A run that somebody else's events name as well keeps its sums. To be asked when its raw events are gone. */
export const runsWithoutEvents = `
  SELECT id FROM ${targets('run')} WHERE id NOT IN (
    SELECT run_id FROM ${rawTable} WHERE tenant = {tenant:String} AND run_id IN ${targets('run')})`;

/** Sums over the events of a run, which name nobody. */
export function isSummedByRun({ columns }: ErasableTable): boolean {
  return columns.has('run_id') && !columns.has('received');
}

/** `by_start` tables keep the event time in the version. */
function happenedUntil({ columns }: ErasableTable): string | null {
  if (!columns.has('received')) return null;
  const until = "fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')";
  const happened = columns.has('ts') ? `ts <= ${until}` : `${versionMs} <= toUInt64({until_ms:Int64})`;
  return `(received <= ${until} OR ${happened})`;
}
