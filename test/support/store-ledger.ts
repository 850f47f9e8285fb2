import type { CollectorProcess } from './collector-process.js';

/** What the store holds, from rows and from each rollup. */
export interface StoreLedger {
  readonly rows: number;
  readonly ids: number;
  readonly executions: number;
  readonly minuteTotal: number;
  readonly dayTotal: number;
}

/**
 * Asks the store until `rows` have arrived and the rollups have them as well, which follow the raw rows of an insert
 * after a while on a busy machine; then once more, for what should not have come.
 */
export async function settledLedger(collector: CollectorProcess, rows: number): Promise<StoreLedger> {
  const deadline = performance.now() + 200_000;
  for (;;) {
    const ledger = await readLedger(collector);
    const arrived = ledger.rows >= rows && ledger.minuteTotal >= ledger.executions;
    if ((arrived && ledger.dayTotal >= ledger.executions) || performance.now() > deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return readLedger(collector);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function readLedger(collector: CollectorProcess): Promise<StoreLedger> {
  const [ledger] = await collector.query<Record<keyof StoreLedger, string>>(`
    SELECT
      (SELECT count() FROM agent_events) AS rows,
      (SELECT uniqExact(task_id) FROM agent_events) AS ids,
      (SELECT countIf(type IN ('task.completed', 'task.failed', 'task.cancelled')) FROM agent_events) AS executions,
      (SELECT sum(total) FROM agent_performance_minutely) AS minuteTotal,
      (SELECT sum(total) FROM agent_performance_daily) AS dayTotal`);
  const { rows, ids, executions, minuteTotal, dayTotal } = ledger!;
  return {
    rows: Number(rows),
    ids: Number(ids),
    executions: Number(executions),
    minuteTotal: Number(minuteTotal),
    dayTotal: Number(dayTotal),
  };
}
