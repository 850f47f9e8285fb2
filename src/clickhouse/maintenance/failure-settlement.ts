import { z } from 'zod';
import type { Clock } from '../../core/clock.js';
import { CollectorError, errorMessage } from '../../core/errors.js';
import type { MaintenanceInstruments } from '../../core/instruments.js';
import type { Logger } from '../../core/logger.js';
import { Pause } from '../../core/pause.js';
import type { Stage } from '../../core/stage.js';
import { dayMs, type TimeSpan } from '../../core/time-span.js';
import { maskRows } from '../erasure/row-rewrite.js';
import {
  earliest,
  failuresWithOutcome,
  failureTable,
  lastSettlement,
  newTriesSince,
  recovered,
  settledAhead,
  settlementTable,
  triesTable,
  visibleAfterMs,
} from '../queries/failures/failure-outcomes.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { epochMs, integer64 } from '../queries/sql/column-types.js';
import type { StoreWriter } from '../store-writer.js';
import { type HeldInsertDeps, insertHeld } from './held-insert.js';
import { readingAsWriter } from './rollup-repair.js';
import type { Lease } from './store-lease.js';

/** What is left to the readers is the failures and tries of this long, and of the time an insert may take. */
const passIntervalMs = 60_000;

/**
 * With more new rows than this, and at first most often, failures are settled in slices of whole days: all tries of
 * 650,000 failures at once took 1.4 GB at the store. Each slice looks through all that is new, so days with few
 * failures are one.
 */
const atOnceMax = { rows: 1_000_000, failures: 200_000 } as const;
type AtOnceMax = Readonly<Record<keyof typeof atOnceMax, number>>;

const stateRow = z.object({
  now_ms: epochMs,
  settled_ms: epochMs,
  new_rows: integer64,
  ahead: integer64,
});

/** Columns of a failure but its outcome. */
const failureColumns = [
  'tenant',
  'lane',
  'ts',
  'unit',
  'attempt',
  'kind',
  'family',
  'received',
  'inserted',
  'run',
  'agent_id',
  'run_id',
  'task_id',
  'step_id',
  'parent_id',
  'user_id',
  'environment',
  'name',
  'model',
  'provider',
  'step_kind',
  'error_category',
  'error_code',
  'error_message',
  'duration_ms',
  'llm_calls',
  'tokens_in',
  'tokens_out',
  'cost_micros',
];

export interface FailureSettlementDeps extends HeldInsertDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instruments: Pick<MaintenanceInstruments, 'failures'>;
  /** Another collector does it while this is not held; default: there is none. */
  readonly lease?: Lease;
}

/**
 * Writes what became of failed attempts into `agent_failures_v1` every minute, so that readers join only what
 * came since. Answers are the same without it, and dearer. Should two collectors do it at once, they write the same.
 */
export class FailureSettlement implements Stage {
  readonly name = 'settlement';
  readonly #deps: FailureSettlementDeps;
  readonly #pause: Pause;
  #work: Promise<void> | null = null;

  constructor(deps: FailureSettlementDeps) {
    this.#deps = deps;
    this.#pause = new Pause(deps.clock);
  }

  /** Begins in the background; call it when the store is ready. */
  async start(): Promise<void> {
    this.#work ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#pause.end();
    await this.#work;
  }

  get #isOurs(): boolean {
    return this.#deps.lease?.isHeld ?? true;
  }

  async #run(): Promise<void> {
    while (!this.#pause.hasEnded) {
      try {
        if (this.#isOurs) await settleFailures(this.#deps, () => this.#pause.hasEnded || !this.#isOurs);
      } catch (error) {
        if (this.#pause.hasEnded) return;
        const code = error instanceof CollectorError ? error.code : 'internal';
        this.#deps.instruments.failures.inc({ code });
        this.#deps.logger.warn({ code, cause: errorMessage(error) }, 'settling failures failed');
      }
      await this.#pause.wait(passIntervalMs);
    }
  }
}

/**
 * One pass: failures whose outcome has grown are written again with it, then the time the pass began. By the clock of
 * the store, which stamps rows when they are inserted; a pass that breaks off is done again. Rejects as `StoreWriter`.
 */
export async function settleFailures(
  deps: HeldInsertDeps,
  isStopping: () => boolean = () => false,
  most: AtOnceMax = atOnceMax,
): Promise<void> {
  const { store } = deps;
  const isNew = `inserted >= settled - toIntervalMillisecond(${visibleAfterMs})`;
  const [state] = await checkedRows(readingAsWriter(store), stateRow, {
    name: 'failures_to_settle',
    sql: `
      WITH (${lastSettlement}) AS settled
      SELECT
        toUnixTimestamp64Milli(now64(3)) AS now_ms,
        toUnixTimestamp64Milli(settled) AS settled_ms,
        (SELECT count() FROM ${triesTable} WHERE ${isNew}) + (SELECT count() FROM ${failureTable} WHERE ${isNew})
          AS new_rows,
        (SELECT count() FROM ${settlementTable} WHERE ${settledAhead}) AS ahead`,
    params: {},
  });
  if (state === undefined) return;
  if (state.new_rows > 0 && !(await settleSince(deps, state, { isStopping, most }))) return;
  if (state.ahead > 0) await removeAhead(store);
}

/** Answers whether all is settled, which is then on record. */
async function settleSince(
  deps: HeldInsertDeps,
  state: z.output<typeof stateRow>,
  { isStopping, most }: { readonly isStopping: () => boolean; readonly most: AtOnceMax },
): Promise<boolean> {
  if (state.new_rows <= most.rows) {
    await settle(deps, { failures: `outcome < ${recovered}`, tries: '1', params: {} }, state.settled_ms);
  } else {
    for (const span of await readSlices(deps, most.failures)) {
      if (isStopping()) return false;
      await settle(deps, sliceOf(span), state.settled_ms);
    }
  }
  await deps.store.command({
    name: 'settlement of failures',
    sql: `
      INSERT INTO ${settlementTable} (settled_at)
      SELECT fromUnixTimestamp64Milli({settled_ms:Int64}, 'UTC')`,
    params: { settled_ms: state.now_ms },
  });
  return true;
}

/** Or they would count once their time has come, for what was inserted before them by the clock that is right. */
async function removeAhead(store: StoreWriter): Promise<void> {
  await maskRows(store, { table: settlementTable, where: settledAhead, params: {} });
}

interface SettledFailures {
  readonly failures: string;
  readonly tries: string;
  readonly params: Readonly<Record<string, number>>;
}

const openDayRow = z.object({ day_ms: epochMs, failures: integer64 });

/** Whole UTC days that follow each other, with as many failures to be settled as one may have, or of one day. */
async function readSlices({ store }: HeldInsertDeps, failuresMax: number): Promise<readonly TimeSpan[]> {
  const days = await checkedRows(readingAsWriter(store), openDayRow, {
    name: 'failures_by_day',
    sql: `
      SELECT toUnixTimestamp(toStartOfDay(ts)) * 1000 AS day_ms, count() AS failures
      FROM ${failureTable}
      WHERE lane = 'failed' AND outcome < ${recovered}
      GROUP BY day_ms
      ORDER BY day_ms`,
    params: {},
  });
  const slices: (TimeSpan & { failures: number })[] = [];
  for (const { day_ms: fromMs, failures } of days) {
    const last = slices.at(-1);
    const toMs = fromMs + dayMs;
    if (last === undefined || last.failures + failures > failuresMax) slices.push({ fromMs, toMs, failures });
    else slices[slices.length - 1] = { fromMs: last.fromMs, toMs, failures: last.failures + failures };
  }
  return slices;
}

/** Failures of a span, and the tries that may be theirs. */
function sliceOf({ fromMs, toMs }: TimeSpan): SettledFailures {
  const since = "ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')";
  const failures = `${since} AND ts < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC') AND outcome < ${recovered}`;
  const theirs = (key: string) =>
    `${key} IN (SELECT ${key} FROM ${failureTable} WHERE lane = 'failed' AND ${failures})`;
  const tries = `${since} AND (${theirs('unit')} OR ${theirs('family')})`;
  return { failures, tries, params: { from_ms: fromMs, until_ms: toMs } };
}

async function settle(
  deps: HeldInsertDeps,
  { failures, tries, params }: SettledFailures,
  settledMs: number,
): Promise<void> {
  const newTries = newTriesSince(settledMs, 'many');
  // Hashes of units and families include their tenant.
  const outcomes = failuresWithOutcome({
    columns: 'ts, failure.unit AS failed_unit, attempt, failure.outcome AS stored',
    tenant: '1',
    failures,
    tries,
    newTries,
  });
  const grown = `SELECT ts, failed_unit, attempt, outcome FROM (${outcomes}) WHERE outcome > stored`;
  await insertHeld(deps, {
    name: 'settled failures',
    table: failureTable,
    columns: [...failureColumns, 'outcome'],
    select: `
      SELECT ${failureColumns.map((column) => `failure.${column}`).join(', ')}, grown.outcome
      FROM (
        SELECT ${failureColumns.join(', ')} FROM ${failureTable}
        WHERE lane = 'failed' AND (${failures}) AND ts >= (SELECT ${earliest} FROM (${grown}))
        LIMIT 1 BY ts, unit, attempt
      ) AS failure
      INNER JOIN (${grown}) AS grown
      ON failure.ts = grown.ts AND failure.unit = grown.failed_unit AND failure.attempt = grown.attempt`,
    params: { ...params, ...newTries.params },
  });
}
