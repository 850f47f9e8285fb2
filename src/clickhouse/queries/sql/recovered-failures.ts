import { rawTable } from '../../../core/event-schema.js';

/** Which failed executions are looked at. Conditions are SQL on the columns of the raw table. */
export interface FailureSource {
  /** What is read; default the raw table. A subquery in parentheses with its columns will do, such as distinct rows. */
  readonly from?: string;
  /** Selects the failed executions. */
  readonly failures: string;
  /**
   * Selects the completions that may belong to them: the same agents, from the time of the earliest failure on, and
   * without an end, because a task may complete on a later day.
   */
  readonly completions: string;
}

/**
 * SQL of failed executions, one row each, and whether the work got done after all. This is the one definition of
 * "recovered": a task of the same agent and id (which must not be empty), in this or another run, has a task.completed
 * that is later, or at the same time with a higher attempt. So it is compared with the greatest (ts, attempt) of them.
 *
 * Columns: tenant, agent_id, task_id, run_id, ts, attempt, error_category, error_code, error_message, is_recovered (0
 * or 1). Only completions of tasks that failed are grouped, so memory follows the failures.
 */
export function failuresWithRecovery({ from = rawTable, failures, completions }: FailureSource): string {
  return `
    SELECT
      failure.tenant AS tenant, failure.agent_id AS agent_id, failure.task_id AS task_id, failure.run_id AS run_id,
      ts, attempt, error_category, error_code, error_message,
      failure.task_id != '' AND (ts, attempt) < last_completion AS is_recovered
    FROM (
      SELECT tenant, agent_id, task_id, run_id, ts, attempt, error_category, error_code, error_message
      FROM ${from}
      WHERE type = 'task.failed' AND conflicting_end = 0 AND (${failures})
    ) AS failure
    LEFT ANY JOIN (
      SELECT tenant, agent_id, task_id, max((ts, attempt)) AS last_completion
      FROM ${from}
      WHERE type = 'task.completed' AND task_id != '' AND (${completions})
        AND (tenant, agent_id, task_id) IN (
          SELECT tenant, agent_id, task_id FROM ${from} WHERE type = 'task.failed' AND (${failures})
        )
      GROUP BY tenant, agent_id, task_id
    ) AS completion
    ON failure.tenant = completion.tenant AND failure.agent_id = completion.agent_id
      AND failure.task_id = completion.task_id`;
}
