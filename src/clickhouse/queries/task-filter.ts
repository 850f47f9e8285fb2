import type { StoreQuery } from '../../core/ports.js';
import { type TaskStatus, taskStart } from './task-row.js';

/** Which tasks of a tenant; every given condition must hold. Times in ms since the epoch. */
export interface TaskFilter {
  readonly tenant: string;
  readonly crewId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly status?: TaskStatus | undefined;
  /** Started at or after. */
  readonly startFromMs?: number | undefined;
  /** Started before. */
  readonly startBeforeMs?: number | undefined;
}

export interface TaskCondition {
  /** A conjunction over the columns of `agent_task_history`, made of constant text. */
  readonly where: string;
  readonly params: StoreQuery['params'];
}

/** The filter as SQL: only conditions that are given appear, every value is a typed parameter. */
export function taskCondition(filter: TaskFilter): TaskCondition {
  const given: readonly (readonly [sql: string, name: string, value: string | number | undefined])[] = [
    ['crew_id = {crew_id:String}', 'crew_id', filter.crewId],
    ['agent_id = {agent_id:String}', 'agent_id', filter.agentId],
    ['status = {status:String}', 'status', filter.status],
    [`${taskStart} >= fromUnixTimestamp64Milli({start_from_ms:Int64}, 'UTC')`, 'start_from_ms', filter.startFromMs],
    [
      `${taskStart} < fromUnixTimestamp64Milli({start_before_ms:Int64}, 'UTC')`,
      'start_before_ms',
      filter.startBeforeMs,
    ],
  ];
  const conditions = ['tenant = {tenant:String}'];
  const params: Record<string, string | number> = { tenant: filter.tenant };
  for (const [sql, name, value] of given) {
    if (value === undefined) continue;
    conditions.push(sql);
    params[name] = value;
  }
  return { where: conditions.join(' AND '), params };
}
