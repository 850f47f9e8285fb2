import { z } from 'zod';
import { epochMs, optionalText } from '../sql/column-types.js';

/** What every row of a task or run has, so that its lease can be looked for. */
export const workRow = {
  agent_id: z.string(),
  /** Null: a task without a run. */
  run_id: optionalText,
  /** When it started, as far as that is known, ms since the epoch; else the latest start that an event tells. */
  start_ms: epochMs,
  /** When its latest event was received. */
  received_ms: epochMs,
};

/** The same as columns of `mergedWork`. */
export const workColumns = `
  agent_id, run_id,
  toUnixTimestamp64Milli(start) AS start_ms,
  toUnixTimestamp64Milli(received) AS received_ms`;
