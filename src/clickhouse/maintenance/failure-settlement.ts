import { z } from 'zod';
import type { Clock, Timer } from '../../core/clock.js';
import { CollectorError, errorMessage } from '../../core/errors.js';
import type { MaintenanceInstruments } from '../../core/instruments.js';
import type { Logger } from '../../core/logger.js';
import { checkedRows } from '../queries/checked-rows.js';
import { epochMs } from '../queries/column-types.js';
import { earliest, failuresWithOutcome, failureTable } from '../queries/failure-outcomes.js';
import type { StoreWriter } from '../store-writer.js';
import { type InsertToken, insertSettings } from './insert-token.js';
import { readingAsWriter } from './rollup-repair.js';

/** What is left to the readers is the failures and tries of this long, and of the time an insert may take. */
const passIntervalMs = 300_000;

const nowRow = z.object({ now_ms: epochMs });

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
  'name',
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

export interface FailureSettlementDeps {
  readonly store: StoreWriter;
  readonly clock: Clock;
  readonly nextToken: InsertToken;
  readonly logger: Logger;
  readonly instruments: Pick<MaintenanceInstruments, 'failures'>;
}

/**
 * Writes what became of failed attempts into `agent_failures_v1` every five minutes, so that readers join only what
 * came since. Answers are the same without it, and dearer. Several collectors may do it at once.
 */
export class FailureSettlement {
  readonly #deps: FailureSettlementDeps;
  #work: Promise<void> | null = null;
  #isStopping = false;
  #wake: (() => void) | null = null;

  constructor(deps: FailureSettlementDeps) {
    this.#deps = deps;
  }

  /** Begins in the background; call it when the store is ready. */
  begin(): void {
    this.#work ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake?.();
    await this.#work;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      try {
        await settleFailures(this.#deps);
      } catch (error) {
        if (this.#isStopping) return;
        const code = error instanceof CollectorError ? error.code : 'internal';
        this.#deps.instruments.failures.inc({ code });
        this.#deps.logger.warn({ code, cause: errorMessage(error) }, 'settling failures failed');
      }
      await this.#pause(passIntervalMs);
    }
  }

  async #pause(delayMs: number): Promise<void> {
    if (this.#isStopping) return;
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = this.#deps.clock.setTimer(delayMs, resolve);
    });
    timer?.cancel();
    this.#wake = null;
  }
}

/**
 * One pass: failures whose outcome has grown are written again with it, then the time the pass began. By the clock of
 * the store, which stamps rows when they are inserted; a pass that breaks off is done again. Rejects as `StoreWriter`.
 */
export async function settleFailures({
  store,
  nextToken,
}: Pick<FailureSettlementDeps, 'store' | 'nextToken'>): Promise<void> {
  const [now] = await checkedRows(readingAsWriter(store), nowRow, {
    name: 'store_time',
    sql: 'SELECT toUnixTimestamp64Milli(now64(3)) AS now_ms',
    params: {},
  });
  // Hashes of units and families include their tenant.
  const outcomes = failuresWithOutcome({
    columns: 'ts, failure.unit AS failed_unit, attempt, failure.outcome AS stored',
    tenant: "tenant != ''",
    failures: 'outcome < 2',
    tries: '1',
  });
  const grown = `SELECT ts, failed_unit, attempt, outcome FROM (${outcomes}) WHERE outcome > stored`;
  await store.command({
    name: 'settled failures',
    sql: `
      INSERT INTO ${failureTable} (${failureColumns.join(', ')}, outcome)
      ${insertSettings(nextToken())}
      SELECT ${failureColumns.map((column) => `failure.${column}`).join(', ')}, grown.outcome
      FROM (
        SELECT ${failureColumns.join(', ')} FROM ${failureTable}
        WHERE tenant != '' AND lane = 'failed' AND ts >= (SELECT ${earliest} FROM (${grown}))
        LIMIT 1 BY ts, unit, attempt
      ) AS failure
      INNER JOIN (${grown}) AS grown
      ON failure.ts = grown.ts AND failure.unit = grown.failed_unit AND failure.attempt = grown.attempt`,
  });
  await store.command({
    name: 'settlement of failures',
    sql: `
      INSERT INTO ${failureTable} (tenant, lane, ts, received, inserted)
      ${insertSettings(nextToken())}
      SELECT '', 'settled', toDateTime64(0, 3, 'UTC'), settled_at, settled_at
      FROM (SELECT fromUnixTimestamp64Milli({settled_ms:Int64}, 'UTC') AS settled_at)`,
    params: { settled_ms: now?.now_ms ?? 0 },
  });
}
