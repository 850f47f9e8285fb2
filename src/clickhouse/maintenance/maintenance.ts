import type { AgingClock } from '../../core/aging-clock.js';
import type { Clock } from '../../core/clock.js';
import { CollectorError, type ErrorCode, errorMessage } from '../../core/errors.js';
import type { MaintenanceInstruments } from '../../core/instruments.js';
import type { Logger } from '../../core/logger.js';
import { Pause } from '../../core/pause.js';
import type { DependencyHealth, HealthProbe } from '../../core/ports/health-probe.js';
import type { RetentionDays } from '../../core/retention.js';
import type { Stage } from '../../core/stage.js';
import { dayMs } from '../../core/time-span.js';
import { optionalInstant } from '../../core/time-text.js';
import { dropExpiredParts } from '../retention/expired-parts.js';
import { selectScope } from './agent-selection.js';
import type { RollupDayFinalizer } from './day-finalizer.js';
import { readDueDays } from './finalization-ledger.js';
import type { HeldInsertDeps } from './held-insert.js';
import { refreshRecovered } from './recovered-refresh.js';
import { readingAsWriter } from './rollup-repair.js';
import type { Lease } from './store-lease.js';

export interface MaintenanceDeps extends HeldInsertDeps {
  readonly finalizer: RollupDayFinalizer;
  /** Events received before this process began still wait for their insert. */
  readonly hasBacklog: () => boolean;
  readonly clock: Clock;
  /** By which parts expire; default: the wall clock. */
  readonly aging?: AgingClock;
  /** Another collector does it while this is not held; default: there is none. */
  readonly lease?: Lease;
  readonly logger: Logger;
  readonly instruments: MaintenanceInstruments;
}

export interface MaintenanceOptions {
  readonly retention: RetentionDays;
  /**
   * Whether parts that have expired under an older, longer retention are dropped by their names. Not of a cluster,
   * where two shards have different parts of one name: there they go when the retention they were written under ends.
   * Default: yes.
   */
  readonly dropsParts?: boolean;
}

const leasePollMs = 5_000;
const backlogPollMs = 500;
const passIntervalMs = 3_600_000;
const retryMs = 300_000;
/**
 * Behind midnight, so that what agents and collectors still hold of the day has arrived: a later event is no harm,
 * it makes the day due again.
 */
const midnightGraceMs = 600_000;
/** Failures of this many days, today's included, are looked at again: their task may have completed since. */
const recoveredDays = 7;

/**
 * Keeps finished days as a record: a pass at the start, once the old backlog is in the store, then every hour and
 * shortly after midnight UTC. A pass finalizes the days that are due, newest first, and counts recovered failures of
 * recent days, and drops what has expired. A pass that failed is tried again after five minutes.
 */
export class Maintenance implements Stage, HealthProbe {
  readonly name = 'maintenance';
  readonly ifUnhealthy = 'degraded';
  readonly #deps: MaintenanceDeps;
  readonly #pause: Pause;
  readonly #options: MaintenanceOptions;
  #work: Promise<void> | null = null;
  /** On the monotonic clock: the wall clock may have been wrong then. */
  #succeededMs: number | null = null;
  #problem: { readonly code: ErrorCode; readonly message: string } | null = null;

  constructor(deps: MaintenanceDeps, options: MaintenanceOptions) {
    this.#deps = deps;
    this.#pause = new Pause(deps.clock);
    this.#options = options;
  }

  /** Begins in the background; call it when the store is ready. */
  async start(): Promise<void> {
    this.#work ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#pause.end();
    await Promise.all([this.#deps.finalizer.stop(), this.#work]);
  }

  health(): DependencyHealth {
    const problem = this.#problem;
    return {
      name: this.name,
      status: problem === null ? 'healthy' : 'degraded',
      reason: problem === null ? null : `the last pass failed: ${problem.message}`,
      details: {
        last_success: optionalInstant(this.#lastSuccessMs),
        error_code: problem?.code ?? null,
      },
    };
  }

  async #run(): Promise<void> {
    while (!this.#pause.hasEnded && this.#deps.hasBacklog()) await this.#pause.wait(backlogPollMs);
    while (!this.#pause.hasEnded) {
      if (!this.#isOurs) {
        await this.#pause.wait(leasePollMs);
        continue;
      }
      const isDone = await this.#pass();
      await this.#pause.wait(isDone ? this.#untilNextPassMs() : retryMs);
    }
  }

  get #isOurs(): boolean {
    return this.#deps.lease?.isHeld ?? true;
  }

  async #pass(): Promise<boolean> {
    const { clock, aging, finalizer, store, logger, instruments } = this.#deps;
    const reader = readingAsWriter(store);
    try {
      const span = await finalizer.finalizableDays();
      for (const day of await readDueDays(reader, span)) {
        if (this.#pause.hasEnded || !this.#isOurs) return false;
        await finalizer.finalize({ dayMs: day, tenant: null, agentId: null });
      }
      const recent = { fromMs: span.untilMs + dayMs - recoveredDays * dayMs, untilMs: span.untilMs + dayMs };
      const agents = selectScope({ tenant: null, agentId: null });
      await refreshRecovered({ ...this.#deps, reader }, recent, { agents, isStopping: () => this.#pause.hasEnded });
      if (this.#options.dropsParts !== false) {
        await dropExpiredParts(this.#deps, { ...this.#options, nowMs: (aging ?? clock).nowMs() });
      }
    } catch (error) {
      const code = error instanceof CollectorError ? error.code : 'internal';
      if (this.#pause.hasEnded || code === 'overloaded') return false;
      this.#problem = { code, message: errorMessage(error) };
      instruments.failures.inc({ code });
      logger.warn({ code, cause: this.#problem.message }, 'maintenance pass failed');
      return false;
    }
    this.#problem = null;
    this.#succeededMs = clock.monotonicMs();
    this.tellLastSuccess();
    return true;
  }

  get #lastSuccessMs(): number | null {
    const { clock } = this.#deps;
    return this.#succeededMs === null ? null : clock.nowMs() - (clock.monotonicMs() - this.#succeededMs);
  }

  /** By the wall clock as it is now; called before its series is read. */
  tellLastSuccess(): void {
    const lastMs = this.#lastSuccessMs;
    if (lastMs !== null) this.#deps.instruments.lastSuccess.set(lastMs / 1000);
  }

  #untilNextPassMs(): number {
    const sinceMidnightMs = this.#deps.clock.nowMs() % dayMs;
    const untilMidnightPassMs = (sinceMidnightMs < midnightGraceMs ? 0 : dayMs) + midnightGraceMs - sinceMidnightMs;
    return Math.min(passIntervalMs, untilMidnightPassMs);
  }
}
