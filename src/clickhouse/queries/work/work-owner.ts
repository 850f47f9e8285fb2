import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { type HistoryKind, workKey } from './history-kind.js';
import type { WorkScope } from './work-scope.js';

/** `own`: its events name this user and no other; `other`: they name another; `nobody`: they name none. */
const owners = ['own', 'other', 'nobody'] as const;
export type Owner = (typeof owners)[number];

const row = z.object({ id: z.string(), run: z.string(), agent: z.string(), owner: z.enum(owners) });
const runRow = z.object({ owner: z.enum(owners) });

export interface OwnersAsked {
  readonly tenant: string;
  readonly user: string;
  readonly ids: readonly string[];
}

const ownerOf = `multiIf(
        countIf(user_id NOT IN ('', {bound_user:String})) > 0, 'other',
        countIf(user_id = {bound_user:String}) > 0, 'own',
        'nobody'
      ) AS owner`;

/**
 * Whose tasks or runs of some ids are, by every state of them that is kept and not by the latest: who sends an event
 * of a foreign run takes part in it, and must not be told of it for that. By `workKey`; what is not there is not in the
 * map.
 */
export async function readOwners(
  store: StoreReader,
  { idColumn, merged, place, kind }: HistoryKind,
  { tenant, user, ids }: OwnersAsked,
): Promise<ReadonlyMap<string, Owner>> {
  if (ids.length === 0) return new Map();
  const rows = await checkedRows(store, row, {
    name: `${kind}_owners`,
    sql: `
      SELECT ${idColumn} AS id, ${place.run} AS run, ${place.agent} AS agent, ${ownerOf}
      FROM ${merged.stateTable}
      WHERE tenant = {tenant:String} AND ${idColumn} IN {ids:Array(String)}
      GROUP BY id, run, agent`,
    params: { tenant, bound_user: user, ids },
  });
  return new Map(rows.map((row) => [workKey(row), row.owner]));
}

/** Whose a run is by the tasks in it. */
export async function readOwnerByTasks(
  store: StoreReader,
  { tenant, user, runId }: { readonly tenant: string; readonly user: string; readonly runId: string },
): Promise<Owner> {
  const [found] = await checkedRows(store, runRow, {
    name: 'run_owner_by_tasks',
    sql: `
      SELECT ${ownerOf}
      FROM agent_tasks_by_start_v1
      WHERE tenant = {tenant:String} AND run_id = {run_id:String}`,
    params: { tenant, bound_user: user, run_id: runId },
  });
  return found?.owner ?? 'nobody';
}

/** Of a scope, the events that name this user or nobody. */
export function scopeOfUser(scope: WorkScope, user: string | null): WorkScope {
  if (user === null) return scope;
  return {
    ...scope,
    where: `${scope.where} AND user_id IN ('', {bound_user:String})`,
    params: { ...scope.params, bound_user: user },
  };
}
