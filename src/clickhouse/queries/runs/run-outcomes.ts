import { z } from 'zod';
import { optionalFloat } from '../sql/column-types.js';
import { runKind } from '../work/history-kind.js';
import { type LatestReader, latestReader, placeShape } from '../work/history-latest.js';

const row = z.object({
  ...placeShape,
  run_id: z.string(),
  status: z.enum(['running', 'completed', 'failed', 'cancelled']),
  duration_ms: optionalFloat,
});

/** How a run stands, and how long it took. */
export type RunOutcomeRow = z.output<typeof row>;

const columns = 'status, duration_ms,';

/** The little of runs that their statistics are made of. */
export const readRunOutcomes: LatestReader<RunOutcomeRow> = latestReader(runKind, {
  columns: [],
  sql: { columns, row },
});
