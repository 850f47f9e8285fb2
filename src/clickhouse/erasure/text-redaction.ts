import { rawTable } from '../../core/event-schema.js';
import { normalizedMessage } from '../queries/sql/normalized-message.js';
import type { StoreWriter } from '../store-writer.js';
import { type ErasureScope, scopeParams, targets } from './erasure-condition.js';
import { changeRows } from './row-rewrite.js';

/** Conditions of the erasure on the tables that tell which texts were whose. */
export interface TextSources {
  readonly raw: string;
  readonly tasks: string;
}

/** Names an error group, of whatever table its parts are columns of. */
export function groupHash(parts: { readonly day: string; readonly message: string }): string {
  const { day, message } = parts;
  return `lower(hex(sipHash128(tuple(agent_id, ${day}, toString(error_category), toString(error_code), ${message}))))`;
}

/** Agents of which an erasure takes failures, or anything else. */
export function erasedAgents({ raw, tasks }: TextSources): string {
  return `
    SELECT toString(agent_id) AS id FROM ${rawTable} WHERE ${raw}
    UNION DISTINCT SELECT toString(agent_id) AS id FROM agent_task_history_v1 WHERE ${tasks}`;
}

/** Error groups that erased failures have, as hashes. */
export function groupsOfErased({ raw, tasks }: TextSources): string {
  return groupsWhere((condition) => condition, { raw, tasks });
}

/**
 * Those of them that only erased failures have: failures of the same agent and day with the same message keep the
 * group's name. Asked when agents and groups are collected, since no IN of a Distributed table is within another.
 */
export function erasedGroups(sources: TextSources): string {
  const others = (condition: string) =>
    `tenant = {tenant:String} AND agent_id IN ${targets('agent')} AND NOT (${condition})`;
  return `SELECT id FROM ${targets('linked_error_group')} WHERE id NOT IN (${groupsWhere(others, sources)})`;
}

function groupsWhere(where: (condition: string) => string, { raw, tasks }: TextSources): string {
  const hash = groupHash({ day: 'toDate(ts)', message: normalizedMessage('error_message') });
  return `
    SELECT ${hash} AS id FROM ${rawTable} WHERE type = 'task.failed' AND ${where(raw)}
    UNION DISTINCT
    SELECT ${hash} AS id FROM agent_task_history_v1 WHERE status = 'failed' AND ${where(tasks)}`;
}

/** Observations with a description, by pattern, agent and time. */
export function erasedDescriptions({ raw }: TextSources): string {
  return `SELECT ${descriptionHash('ts', 'substringUTF8(message, 1, 1000)')} AS id FROM ${rawTable}
    WHERE type = 'pattern.observed' AND message != '' AND ${raw}`;
}

function descriptionHash(time: string, text: string): string {
  return `lower(hex(sipHash128(tuple(pattern_id, toString(agent_id), ${time}, ${text}))))`;
}

/**
 * Takes references to erased runs and tasks out of the evidence of patterns, and descriptions that erased observations
 * brought. What was counted stays counted. Answers the rows changed.
 */
export function redactPatterns(store: StoreWriter, scope: ErasureScope): Promise<number> {
  const erased = `(SELECT id FROM erasure_targets_v1 WHERE erasure_id = {erasure:String} AND kind IN ('run', 'task'))`;
  const latest = 'finalizeAggregation(evidence_latest)';
  const described = `${descriptionHash('description.1', 'description.2')} IN ${targets('description')}`;
  return changeRows(store, {
    table: 'agent_patterns_v1',
    where: `tenant = {tenant:String}
      AND (arrayExists(reference -> reference.2 IN ${erased}, ${latest}) OR ${described})`,
    values: {
      evidence_latest: `arrayReduce('groupArraySortedArrayState(64)',
        [arrayFilter(reference -> reference.2 NOT IN ${erased}, ${latest})])`,
      description: `if(${described}, (fromUnixTimestamp64Milli(0, 'UTC'), ''), description)`,
    },
    params: scopeParams(scope),
  });
}
