import type { StoreQuery } from '../../../core/ports/store-reader.js';

export const failureKinds = ['run', 'task', 'step'] as const;
type FailureKind = (typeof failureKinds)[number];

/** Which failed attempts of a tenant; every given condition must hold. Times in ms since the epoch. */
export interface FailureFilter {
  readonly tenant: string;
  /** Failed at or after. */
  readonly fromMs?: number | undefined;
  /** Failed before. */
  readonly toMs?: number | undefined;
  readonly kind?: FailureKind | undefined;
  readonly category?: string | undefined;
  readonly code?: string | undefined;
  readonly agentId?: string | undefined;
  readonly runId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly userId?: string | undefined;
  readonly environment?: string | undefined;
  /** As `failedModel` tells it. */
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  /** Name of the tool, task or step. */
  readonly name?: string | undefined;
}

export interface FailureCondition {
  /** Conjunctions over the columns of `agent_failures_v1`, made of constant text. */
  readonly failures: string;
  /** No later try of such a failure is before it. */
  readonly tries: string;
  readonly params: StoreQuery['params'];
}

/** The model of a failed attempt: as it was told, else the name of a step of kind llm. */
export const failedModel = "if(model = '' AND kind = 'step' AND step_kind = 'llm', name, model)";

export const failureTenant = 'tenant = {tenant:String}';

/** The filter as SQL, beside `failureTenant`: only conditions that are given appear, every value is a parameter. */
export function failureCondition(filter: FailureFilter): FailureCondition {
  const from = "ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')";
  const given: readonly (readonly [sql: string, name: string, value: string | number | undefined])[] = [
    [from, 'from_ms', filter.fromMs],
    ["ts < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')", 'to_ms', filter.toMs],
    ['kind = {kind:String}', 'kind', filter.kind],
    ['error_category = {category:String}', 'category', filter.category],
    ['error_code = {code:String}', 'code', filter.code],
    ['agent_id = {agent_id:String}', 'agent_id', filter.agentId],
    // A run's failures are found by 8 bytes a row.
    ['run = cityHash64({run_id:String}) AND run_id = {run_id:String}', 'run_id', filter.runId],
    ['task_id = {task_id:String}', 'task_id', filter.taskId],
    ['user_id = {user_id:String}', 'user_id', filter.userId],
    ['name = {name:String}', 'name', filter.name],
    [`${failedModel} = {model:String}`, 'model', filter.model],
    ['provider = {provider:String}', 'provider', filter.provider],
    ['environment = {environment:String}', 'environment', filter.environment],
  ];
  const conditions: string[] = [];
  const params: Record<string, string | number> = { tenant: filter.tenant };
  for (const [sql, name, value] of given) {
    if (value === undefined) continue;
    conditions.push(sql);
    params[name] = value;
  }
  return {
    failures: conditions.length === 0 ? '1' : conditions.join(' AND '),
    tries: filter.fromMs === undefined ? '1' : from,
    params,
  };
}
