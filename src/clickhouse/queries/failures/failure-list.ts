import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, optionalFloat, optionalText } from '../sql/column-types.js';
import { fewRows } from '../sql/few-rows.js';
import { usageRow, workUsageColumns } from '../sql/usage-columns.js';
import { type FailureFilter, failureCondition, failureKinds, failureTenant } from './failure-filter.js';
import { failuresWithOutcome, failureTable } from './failure-outcomes.js';
import { readNewTries } from './new-tries.js';

const row = z.object({
  failed_ms: epochMs,
  unit: z.string(),
  family: z.string(),
  attempt: z.int(),
  kind: z.enum(failureKinds),
  agent_id: z.string(),
  run_id: optionalText,
  task_id: optionalText,
  step_id: optionalText,
  parent_id: optionalText,
  environment: optionalText,
  name: optionalText,
  model: optionalText,
  provider: optionalText,
  step_kind: optionalText,
  error_category: optionalText,
  error_code: optionalText,
  error_message: optionalText,
  duration_ms: optionalFloat,
  ...usageRow,
});

type FailureRow = z.output<typeof row>;

/** Outcome: 0 failed, 1 retried, 2 recovered. */
export type FailureListRow = FailureRow & { readonly outcome: number };

/** Place of a failure in the list; `unit` in decimal digits. */
interface FailurePosition {
  readonly failedMs: number;
  readonly unit: string;
  readonly attempt: number;
}

export interface FailurePage {
  readonly limit: number;
  /** Only failures after this one in the order of the list. */
  readonly after?: FailurePosition | undefined;
}

/** A page of failed attempts, newest first, in the order of the key; then what became of those of the page. */
export async function readFailureList(
  store: StoreReader,
  filter: FailureFilter,
  page: FailurePage,
): Promise<FailureListRow[]> {
  const rows = await readPage(store, filter, page);
  if (rows.length === 0) return [];
  const outcomes = await readOutcomes(store, filter.tenant, rows);
  const byKey = new Map(outcomes.map((found) => [keyOf(found), found.outcome]));
  return rows.map((failure) => ({ ...failure, outcome: byKey.get(keyOf(failure)) ?? 0 }));
}

function keyOf({ failed_ms: failedMs, unit, attempt }: OutcomeRow | FailureRow): string {
  return `${failedMs} ${unit} ${attempt}`;
}

/**
 * The first failures of the list. One may have several rows until merges drop them, for repeated events and stored
 * outcomes: so more are read, in the order of the key, which stops as soon as there are enough.
 */
async function readPage(store: StoreReader, filter: FailureFilter, page: FailurePage): Promise<FailureRow[]> {
  for (let rowsMax = 2 * page.limit; ; rowsMax *= 4) {
    const rows = await readRows(store, filter, { after: page.after, limit: rowsMax });
    const failures = [...new Map(rows.map((failure) => [keyOf(failure), failure])).values()];
    if (failures.length >= page.limit || rows.length < rowsMax) return failures.slice(0, page.limit);
  }
}

function readRows(store: StoreReader, filter: FailureFilter, { limit, after }: FailurePage): Promise<FailureRow[]> {
  const { failures, params } = failureCondition(filter);
  const position = `(failure.ts, failure.unit, failure.attempt) <
    (fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC'), toUInt64({after_unit:String}), {after_attempt:UInt16})`;
  return checkedRows(store, row, {
    name: 'failure_list',
    // `ts <=` reaches the primary key, which a comparison of tuples does not.
    sql: `
      SELECT
        toUnixTimestamp64Milli(ts) AS failed_ms, toString(unit) AS unit, toString(family) AS family,
        attempt, toString(kind) AS kind, agent_id, run_id, task_id, step_id, parent_id,
        environment, name, model, provider,
        toString(step_kind) AS step_kind, toString(error_category) AS error_category, error_code, error_message,
        duration_ms, ${workUsageColumns}
      FROM ${failureTable} AS failure
      WHERE ${failureTenant} AND lane = 'failed' AND ${failures}
        ${after === undefined ? '' : `AND ts <= fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC') AND ${position}`}
      ORDER BY failure.ts DESC, failure.unit DESC, failure.attempt DESC
      LIMIT {rows:UInt32}`,
    params: {
      ...params,
      rows: limit,
      ...(after && { after_ms: after.failedMs, after_unit: after.unit, after_attempt: after.attempt }),
    },
    settings: fewRows,
  });
}

const outcomeRow = z.object({ failed_ms: epochMs, unit: z.string(), attempt: z.int(), outcome: z.int() });

type OutcomeRow = z.output<typeof outcomeRow>;

/** Of all failures of the units of a page between its first and last: a few more than the page has. */
async function readOutcomes(store: StoreReader, tenant: string, rows: readonly FailureRow[]): Promise<OutcomeRow[]> {
  const newTries = await readNewTries(store, { tenant });
  const times = rows.map((failure) => failure.failed_ms);
  const span = { fromMs: Math.min(...times), toMs: Math.max(...times) + 1 };
  const { failures, tries, params } = failureCondition({ tenant, ...span });
  const among = (key: string) =>
    `${key} IN (SELECT toUInt64(arrayJoin({${key === 'unit' ? 'units' : 'families'}:Array(String)})))`;
  return checkedRows(store, outcomeRow, {
    name: 'failure_outcomes',
    sql: `
      SELECT
        toUnixTimestamp64Milli(ts) AS failed_ms, toString(failed_unit) AS unit, attempt, outcome
      FROM (${failuresWithOutcome({
        columns: 'ts, failure.unit AS failed_unit, attempt',
        tenant: failureTenant,
        failures: `${failures} AND ${among('unit')}`,
        tries: `${tries} AND (${among('unit')} OR ${among('family')})`,
        newTries,
      })})`,
    params: {
      ...params,
      ...newTries.params,
      units: [...new Set(rows.map(({ unit }) => unit))],
      families: [...new Set(rows.map(({ family }) => family))],
    },
    settings: fewRows,
  });
}
