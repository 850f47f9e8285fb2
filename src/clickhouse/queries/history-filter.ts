import type { StoreQuery } from '../../core/ports.js';
import { containsFolded } from './folded-text.js';
import type { HistoryKind } from './history-kind.js';

/** Which tasks or runs of a tenant, by their latest state; every given condition must hold. Times in ms. */
export interface HistoryFilter {
  readonly tenant: string;
  readonly agentId?: string | undefined;
  readonly runId?: string | undefined;
  readonly flowId?: string | undefined;
  readonly crewId?: string | undefined;
  readonly engagementId?: string | undefined;
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** A state as kept; `orphaned` is one that has not ended. */
  readonly status?: 'pending' | 'running' | 'completed' | 'failed' | 'cancelled' | 'orphaned' | undefined;
  readonly errorCategory?: string | undefined;
  /** Somewhere in the message of the error, in whatever case. */
  readonly errorText?: string | undefined;
  /** Started at or after. */
  readonly startFromMs?: number | undefined;
  /** Started before. */
  readonly startBeforeMs?: number | undefined;
  /** The latest state was received before. */
  readonly receivedBeforeMs?: number | undefined;
}

export interface HistoryCondition {
  /** A conjunction over columns that both tables of a kind have, made of constant text. */
  readonly where: string;
  readonly params: StoreQuery['params'];
}

type Given = readonly [sql: string, name: string, value: string | number | undefined];

/** The filter as SQL: only conditions that are given appear, every value is a typed parameter. */
export function historyCondition(kind: HistoryKind, filter: HistoryFilter): HistoryCondition {
  const { status } = filter;
  const given: readonly Given[] = [
    ['agent_id = {agent_id:String}', 'agent_id', filter.agentId],
    ['run_id = {run_id:String}', 'run_id', filter.runId],
    ['flow_id = {flow_id:String}', 'flow_id', filter.flowId],
    ['crew_id = {crew_id:String}', 'crew_id', filter.crewId],
    ['engagement_id = {engagement_id:String}', 'engagement_id', filter.engagementId],
    ['user_id = {user_id:String}', 'user_id', filter.userId],
    ['session_id = {session_id:String}', 'session_id', filter.sessionId],
    ['status = {status:String}', 'status', status === 'orphaned' ? undefined : status],
    ['error_category = {error_category:String}', 'error_category', filter.errorCategory],
    [containsFolded('error_message', '{error_text:String}'), 'error_text', filter.errorText],
    [`start >= ${time('start_from_ms')}`, 'start_from_ms', filter.startFromMs],
    [`start < ${time('start_before_ms')}`, 'start_before_ms', filter.startBeforeMs],
    [`received < ${time('received_before_ms')}`, 'received_before_ms', filter.receivedBeforeMs],
  ];
  const conditions = ['tenant = {tenant:String}'];
  const params: Record<string, string | number> = { tenant: filter.tenant };
  if (status === 'orphaned') conditions.push(kind.isOpen);
  for (const [sql, name, value] of given) {
    if (value === undefined) continue;
    conditions.push(sql);
    params[name] = value;
  }
  return { where: conditions.join(' AND '), params };
}

/** A place in a list: newest start first, equal starts by id downwards. */
export interface HistoryPosition {
  readonly startMs: number;
  readonly id: string;
}

/** Part of a list: what comes after one place, up to and with another. */
export interface HistorySpan {
  readonly after?: HistoryPosition | undefined;
  readonly through?: HistoryPosition | undefined;
}

/** The span as SQL. The bare comparison of `start` is what reaches the primary key. */
export function spanCondition({ idColumn }: HistoryKind, span: HistorySpan): HistoryCondition {
  const conditions: string[] = ['1'];
  const params: Record<string, string | number> = {};
  if (span.after !== undefined) {
    const place = `(${time('after_ms')}, {after_id:String})`;
    conditions.push(`start <= ${time('after_ms')}`, `(start, ${idColumn}) < ${place}`);
    Object.assign(params, { after_ms: span.after.startMs, after_id: span.after.id });
  }
  if (span.through !== undefined) {
    const place = `(${time('through_ms')}, {through_id:String})`;
    conditions.push(`start >= ${time('through_ms')}`, `(start, ${idColumn}) >= ${place}`);
    Object.assign(params, { through_ms: span.through.startMs, through_id: span.through.id });
  }
  return { where: conditions.join(' AND '), params };
}

function time(name: string): string {
  return `fromUnixTimestamp64Milli({${name}:Int64}, 'UTC')`;
}
