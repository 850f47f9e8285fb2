import { type RunTotalsRow, readRunTotals } from '../../clickhouse/queries/runs/run-totals.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { requestBatches } from '../request/parameter-bytes.js';

export type RunTotals = ReadonlyMap<string, RunTotalsRow>;

/** What the events of each run of a page add up to, by its id; not there for a run whose events are being inserted. */
export async function readTotalsByRun(
  store: StoreReader,
  tenant: string,
  rows: readonly { readonly run_id: string }[],
): Promise<RunTotals> {
  const totals = new Map<string, RunTotalsRow>();
  for (const batch of requestBatches(rows, ({ run_id: id }) => [id])) {
    const found = await readRunTotals(store, { tenant, runIds: batch.map(({ run_id: id }) => id) });
    for (const row of found) totals.set(row.run_id, row);
  }
  return totals;
}
