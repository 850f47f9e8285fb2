import { z } from 'zod';
import type { Clock } from '../../core/clock.js';
import { CollectorError, errorMessage } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import { Pause } from '../../core/pause.js';
import type { DependencyHealth, HealthProbe } from '../../core/ports/health-probe.js';
import type { Stage } from '../../core/stage.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import { quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';
import { readingAsWriter } from './rollup-repair.js';

/**
 * Whether this collector is the one that does what is done once in a store. Time is cut into periods, and a period is
 * had by whoever inserts its row first: the row's deduplication token is the period, so the store drops every other.
 * Who has one takes the next before it begins; others try only for a period that has begun and is nobody's. So the
 * work moves within a period and a look when its collector dies, and two have it at once only as far as the clocks of
 * two servers lie apart; what is done then twice is mended by the next pass.
 */
export interface Lease {
  /** Until the end of a period at most: ask before each step. */
  readonly isHeld: boolean;
}

/** Of a store that one collector uses. */
export const alwaysHeld: Lease = { isHeld: true };

/** Takes statements while the lease is held, then rejects with `lease_lost`: another takes up what is left. */
export function whileHeld(lease: Lease, store: StoreWriter): StoreWriter {
  const held = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (!lease.isHeld) throw new CollectorError('lease_lost', 'cannot go on: another collector does it now');
    return await work();
  };
  return {
    command: (statement) => held(() => store.command(statement)),
    insertStream: (statement, openBody) => held(() => store.insertStream(statement, openBody)),
    writerRows: (query) => held(() => store.writerRows(query)),
  };
}

export interface StoreLeaseDeps {
  readonly store: StoreWriter;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface StoreLeaseOptions {
  readonly lease: string;
  /** Tells this collector from others. */
  readonly holder: string;
  /** Default: a minute. Looks come twelve times in it, and the next is taken in its last third. */
  readonly periodMs?: number;
}

const minuteMs = 60_000;

const stateRow = z.object({ now_ms: integer64, holder: z.string() });

export class StoreLease implements Stage, HealthProbe, Lease {
  readonly name = 'lease';
  readonly ifUnhealthy = 'degraded';
  readonly #deps: StoreLeaseDeps;
  readonly #options: StoreLeaseOptions;
  readonly #pause: Pause;
  readonly #periodMs: number;
  #work: Promise<void> | null = null;
  /** On the monotonic clock. */
  #heldUntilMs = Number.NEGATIVE_INFINITY;
  #holder: string | null = null;
  #problem: string | null = null;

  constructor(deps: StoreLeaseDeps, options: StoreLeaseOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#pause = new Pause(deps.clock);
    this.#periodMs = options.periodMs ?? minuteMs;
  }

  get isHeld(): boolean {
    return this.#deps.clock.monotonicMs() < this.#heldUntilMs;
  }

  async start(): Promise<void> {
    this.#work ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#pause.end();
    await this.#work;
  }

  health(): DependencyHealth {
    return {
      name: this.name,
      status: this.#problem === null ? 'healthy' : 'degraded',
      reason: this.#problem === null ? null : `cannot look at the lease of the upkeep: ${this.#problem}`,
      details: { held: this.isHeld, holder: this.#holder },
    };
  }

  async #run(): Promise<void> {
    while (!this.#pause.hasEnded) {
      try {
        await this.look();
        this.#problem = null;
      } catch (error) {
        if (!(error instanceof CollectorError)) throw error;
        this.#problem = errorMessage(error);
      }
      await this.#pause.wait(this.#periodMs / 12);
    }
  }

  /** Takes the period where it can. Rejects as `StoreWriter`. */
  async look(): Promise<void> {
    const askedMs = this.#deps.clock.monotonicMs();
    const now = await this.#read();
    const period = Math.floor(now.now_ms / this.#periodMs);
    const leftMs = (period + 1) * this.#periodMs - now.now_ms;
    let { holder } = now;
    if (holder === '') holder = await this.#take(period);
    let heldMs = 0;
    if (holder === this.#options.holder) {
      heldMs = leftMs;
      if (leftMs <= this.#periodMs / 3 && (await this.#take(period + 1)) === this.#options.holder)
        heldMs += this.#periodMs;
    }
    const wasHeld = this.#holder === this.#options.holder;
    const isHeld = holder === this.#options.holder;
    this.#heldUntilMs = isHeld ? askedMs + heldMs : Number.NEGATIVE_INFINITY;
    this.#holder = holder === '' ? null : holder;
    if (isHeld !== wasHeld) {
      const context = { lease: this.#options.lease, holder };
      this.#deps.logger.info(
        context,
        isHeld ? 'the upkeep of the store is ours' : 'the upkeep of the store is of another',
      );
    }
  }

  /** The time of the store, and who has its period; empty: nobody. */
  async #read(): Promise<z.output<typeof stateRow>> {
    const [row] = await checkedRows(readingAsWriter(this.#deps.store), stateRow, {
      name: 'holder_of_a_lease',
      sql: `
        SELECT toUnixTimestamp64Milli(now64(3)) AS now_ms,
          (SELECT any(holder) FROM leases_v1 WHERE lease = {lease:String}
            AND period = intDiv(toUnixTimestamp64Milli(now64(3)), {period_ms:UInt64})) AS holder`,
      params: { lease: this.#options.lease, period_ms: this.#periodMs },
    });
    if (row === undefined) throw new CollectorError('store_failed', 'cannot read a lease: the store answers no row');
    return row;
  }

  async #take(period: number): Promise<string> {
    const { lease, holder } = this.#options;
    const token = quoteString(`lease ${lease} ${period}`);
    await this.#deps.store.command({
      name: 'taking of a lease',
      sql: `
        INSERT INTO leases_v1 (lease, period, holder, taken_at)
        SETTINGS async_insert = 0, insert_deduplicate = 1, insert_deduplication_token = ${token}
        SELECT {lease:String}, {period:UInt64}, {holder:String}, now64(3)`,
      params: { lease, period, holder },
    });
    const [row] = await checkedRows(readingAsWriter(this.#deps.store), z.object({ holder: z.string() }), {
      name: 'holder_of_a_period',
      sql: 'SELECT any(holder) AS holder FROM leases_v1 WHERE lease = {lease:String} AND period = {period:UInt64}',
      params: { lease, period },
    });
    return row?.holder ?? '';
  }
}
