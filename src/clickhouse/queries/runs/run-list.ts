import { z } from 'zod';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, optionalFloat, optionalMs, optionalText, stringMap } from '../sql/column-types.js';
import { runKind } from '../work/history-kind.js';
import { type LatestReader, latestQuery, placeShape } from '../work/history-latest.js';

const row = z.object({
  ...placeShape,
  agent: z.string(),
  agent_name: optionalText,
  parent_id: optionalText,
  flow_id: optionalText,
  crew_id: optionalText,
  engagement_id: optionalText,
  user_id: optionalText,
  session_id: optionalText,
  environment: optionalText,
  name: optionalText,
  model: optionalText,
  provider: optionalText,
  state: z.enum(['running', 'completed', 'failed', 'cancelled']),
  updated_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  took_ms: optionalFloat,
  category: optionalText,
  error_code: optionalText,
  error_preview: optionalText,
  inputs: stringMap,
  outputs: stringMap,
});

/** A run as its own events tell it; `place_id` is its id. */
export type RunListRow = z.output<typeof row>;

const columns = `
  agent_id AS agent, agent_name, parent_id, flow_id, crew_id, engagement_id, user_id, session_id,
  environment, name, model, provider,
  toString(status) AS state,
  toUnixTimestamp64Milli(ts) AS updated_ms,
  toUnixTimestamp64Milli(started_at) AS started_ms,
  toUnixTimestamp64Milli(ended_at) AS ended_ms,
  duration_ms AS took_ms,
  toString(error_category) AS category,
  error_code,
  substringUTF8(error_message, 1, 200) AS error_preview,
  inputs, outputs,`;

/** Whole rows of a list of runs. */
export const readRunRows: LatestReader<RunListRow> = (store, filter, among) =>
  checkedRows(store, row, latestQuery(runKind, filter, { ...among, columns }));
