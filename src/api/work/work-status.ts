import { z } from 'zod';
import { type WorkState, workStates } from '../../clickhouse/queries/work/attempt-row.js';

/** What the store knows, and what the API makes of open work that nothing was heard of within its lease. */
export const workStatuses = [...workStates, 'orphaned'] as const;
export type WorkStatus = (typeof workStatuses)[number];
export const workStatusSchema = z.enum(workStatuses);

/** An open task or step is `orphaned` once its run fell silent. */
export function openStatus(state: WorkState, isHeard: boolean): WorkStatus {
  return !isHeard && (state === 'pending' || state === 'running') ? 'orphaned' : state;
}
