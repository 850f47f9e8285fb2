import { AgingClock } from '../../core/aging-clock.js';
import type { Clock } from '../../core/clock.js';
import { CollectorError } from '../../core/errors.js';
import type { MaintenanceInstruments } from '../../core/instruments.js';
import type { Logger } from '../../core/logger.js';
import type { DayFinalizer, FinalizationReport, FinalizationScope } from '../../core/ports/day-finalizer.js';
import type { DeliveryHold } from '../../core/ports/delivery-hold.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { RequestProblem } from '../../core/problem.js';
import { ceilTo, dayMs, floorTo } from '../../core/time-span.js';
import { dayText } from '../../core/time-text.js';
import type { StoreWriter } from '../store-writer.js';
import { type CountedAgent, countDistinct, groupAgents, readDayCensus } from './agent-census.js';
import { selectRange, selectScope } from './agent-selection.js';
import { readErasedAgents } from './erased-agents.js';
import { type DaySpan, writeLedger } from './finalization-ledger.js';
import type { InsertToken } from './insert-token.js';
import { refreshRecovered } from './recovered-refresh.js';
import { differingAgents, keyOf, RollupRepair, readingAsWriter } from './rollup-repair.js';
import { type RollupSchema, readRollupSchema } from './rollup-schema.js';

export interface RollupDayFinalizerDeps {
  readonly store: StoreWriter;
  readonly delivery: DeliveryHold;
  /** Time of receipt of the oldest event that waits for its insert; null when none does. */
  readonly undeliveredSinceMs: () => number | null;
  readonly clock: Clock;
  /** What is received next is not received before this; default: by the wall clock. */
  readonly receivedNowMs?: () => number;
  /** By which raw events expire; default: one of its own. */
  readonly aging?: AgingClock;
  readonly nextToken: InsertToken;
  readonly logger: Logger;
  readonly instruments: MaintenanceInstruments;
}

export interface RollupDayFinalizerOptions {
  /** How far ahead of its receipt an event may be dated (limits.skewFutureMs). */
  readonly skewFutureMs: number;
}

/** Raw rows compared at once. The comparison by minute is what takes memory: 300 MB at a million rows. */
const comparedBounds = { rowsMax: 250_000, agentsMax: 100_000, addressMax: Number.POSITIVE_INFINITY };
/**
 * Rewritten at once, while delivery waits for 3 CPU-seconds or so. An address of the embedded engine has 128 KiB at
 * most.
 */
const repairedBounds = { rowsMax: 100_000, agentsMax: 200, addressMax: 65_536 };

/** Raw parts go when their newest row has expired; a day more is for what is read while a day is finalized. */
const expiryMarginMs = dayMs;

/**
 * Finalizes a day in chunks of agents. What differs is looked at again, and rewritten, while delivery holds still; the
 * rest of the time ingest and delivery go on. One day at a time. A finalization that was stopped or failed leaves no
 * row in the ledger, so its day stays due.
 */
export class RollupDayFinalizer implements DayFinalizer {
  readonly #deps: RollupDayFinalizerDeps;
  readonly #options: RollupDayFinalizerOptions;
  readonly #reader: StoreReader;
  readonly #repair: RollupRepair;
  readonly #aging: AgingClock;
  #underWay: Promise<FinalizationReport> | null = null;
  #isStopping = false;

  constructor(deps: RollupDayFinalizerDeps, options: RollupDayFinalizerOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#reader = readingAsWriter(deps.store);
    this.#repair = new RollupRepair(deps);
    this.#aging = deps.aging ?? new AgingClock(deps);
  }

  /** What is under way ends after the repair or the comparison it is at, with `stopping`; resolves when it has. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#underWay?.catch(() => undefined);
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** The finished days whose raw events are all there. Rejects as `StoreReader.rows`. */
  async finalizableDays(): Promise<DaySpan> {
    return this.#spanOf(await readRollupSchema(this.#reader));
  }

  async finalize(scope: FinalizationScope): Promise<FinalizationReport> {
    if (this.#underWay !== null) {
      throw new CollectorError('overloaded', 'cannot finalize a day: another one is under way');
    }
    this.#underWay = this.#finalize(scope);
    try {
      const report = await this.#underWay;
      this.#deps.instruments.seconds.observe(report.tookMs / 1000);
      this.#deps.instruments.finalizations.inc();
      return report;
    } finally {
      this.#underWay = null;
    }
  }

  async #finalize(scope: FinalizationScope): Promise<FinalizationReport> {
    const { clock, logger, store } = this.#deps;
    const startedMs = clock.monotonicMs();
    this.#assertRunning();
    const schema = await readRollupSchema(this.#reader);
    this.#assertFinalizable(scope, schema);
    const receivedNowMs = this.#deps.receivedNowMs?.() ?? clock.nowMs();
    const receivedBeforeMs = Math.min(receivedNowMs, this.#deps.undeliveredSinceMs() ?? Number.POSITIVE_INFINITY);
    const selected = { dayMs: scope.dayMs, agents: selectScope(scope) };
    const { agents, recordedOnly } = await readDayCensus(this.#reader, schema.day, selected);
    const counts = { events: 0, agentsRepaired: 0, agentsLeft: 0 };
    for (const chunk of groupAgents(agents, comparedBounds)) {
      const found = await this.#compare(schema, scope.dayMs, chunk);
      counts.events += found.events;
      for (const batch of groupAgents(found.differing, repairedBounds)) {
        this.#assertRunning();
        const { repaired, left } = await this.#deps.delivery.whileHeld(async () => {
          // Their rollups hold more than the raw events that are left: what was erased stays counted.
          const erased = await readErasedAgents(this.#reader, scope.dayMs);
          const agents = batch.filter((agent) => !erased.has(keyOf(agent)));
          return await this.#repair.run(schema, { dayMs: scope.dayMs, agents });
        });
        counts.agentsRepaired += repaired;
        counts.agentsLeft += left;
        this.#deps.instruments.agentsRepaired.inc(repaired);
      }
    }
    const span = { fromMs: scope.dayMs, untilMs: scope.dayMs + dayMs };
    const isStopping = () => this.#isStopping;
    await refreshRecovered({ ...this.#deps, reader: this.#reader }, span, { agents: selectScope(scope), isStopping });
    this.#assertRunning();
    const day = dayText(scope.dayMs);
    if (counts.agentsLeft > 0) {
      const cause = `${counts.agentsLeft} agents still differ from their raw events after a repair`;
      throw new CollectorError('internal', `cannot finalize ${day}: ${cause}`);
    }
    const { events, agentsRepaired } = counts;
    const report = { agents: agents.length, events, agentsRepaired, tookMs: clock.monotonicMs() - startedMs };
    const recorded = events + recordedOnly;
    await writeLedger(store, { ...report, recorded, scope, finalizedMs: clock.nowMs(), receivedBeforeMs });
    if (agentsRepaired > 0) logger.warn({ day, ...report }, 'day finalized: rollups differed and were repaired');
    else logger.info({ day, ...report }, 'day finalized');
    return report;
  }

  async #compare(
    schema: RollupSchema,
    day: number,
    chunk: readonly CountedAgent[],
  ): Promise<{ readonly events: number; readonly differing: readonly CountedAgent[] }> {
    this.#assertRunning();
    const [first] = chunk;
    const last = chunk.at(-1);
    if (first === undefined || last === undefined) return { events: 0, differing: [] };
    const selected = { dayMs: day, agents: selectRange(first, last) };
    const { rows, events } = await countDistinct(this.#reader, selected);
    const keys = await differingAgents(this.#reader, schema, { ...selected, hasDuplicates: rows !== events });
    // An agent without raw events is beyond what can be recomputed: its record stays as it is.
    return { events, differing: chunk.filter((agent) => keys.has(keyOf(agent))) };
  }

  /** A day that is not over changes; one that has lost raw rows would be repaired to less than it was. */
  #assertFinalizable(scope: FinalizationScope, schema: RollupSchema): void {
    const { fromMs, untilMs } = this.#spanOf(schema);
    if (scope.dayMs >= fromMs && scope.dayMs < untilMs && scope.dayMs % dayMs === 0) return;
    const oldest = `${dayText(fromMs)}, the oldest whose raw events are all there`;
    const message = `expected a day from ${oldest}, to ${dayText(untilMs - dayMs)}, the last that is over`;
    throw new RequestProblem('parameter_invalid', `cannot finalize the day: ${message}`, [
      { path: 'day', code: 'parameter_invalid', message },
    ]);
  }

  /**
   * The first event of a day may have been received `skewFutureMs` before the day begins, and expires first. Late
   * events are received after it, so they expire later. With a clock that was set back, what had expired by then
   * stays so.
   */
  #spanOf(schema: RollupSchema): DaySpan {
    const nowMs = this.#deps.clock.nowMs();
    const expiredByMs = Math.max(nowMs, this.#aging.latestMs());
    const oldestMs = expiredByMs - schema.rawRetentionMs + this.#options.skewFutureMs + expiryMarginMs;
    return {
      fromMs: Math.max(0, ceilTo(oldestMs, dayMs)),
      untilMs: floorTo(nowMs, dayMs),
    };
  }

  #assertRunning(): void {
    if (this.#isStopping) throw new CollectorError('stopping', 'cannot finalize the day: the collector is stopping');
  }
}
