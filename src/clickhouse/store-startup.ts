import { type Backoff, backoffMs } from '../core/backoff.js';
import type { Clock, Random } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { Pause } from '../core/pause.js';
import type { DependencyHealth, HealthProbe } from '../core/ports/health-probe.js';
import type { Stage } from '../core/stage.js';
import { StageList } from '../core/stage-list.js';
import { within } from '../core/within.js';

export interface StoreStartupDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Starts in the background what needs the store: `start` returns at once, so that events are accepted while ClickHouse
 * is still starting, or away for the day. Each stage is tried for ever with growing pauses, and those after it wait; a
 * migration that was edited after it was applied is for the operator, and is tried no more than the rest. `stop` stops
 * them all, those that were not started as well.
 */
export class StoreStartup implements Stage, HealthProbe {
  readonly name = 'schema';
  readonly ifUnhealthy = 'degraded';
  readonly #deps: StoreStartupDeps;
  readonly #stages: readonly Stage[];
  readonly #list: StageList;
  readonly #backoff: Backoff;
  readonly #pause: Pause;
  #work: Promise<void> | null = null;
  #ready = false;
  #failures = 0;
  #problem: string | null = null;

  constructor(deps: StoreStartupDeps, stages: readonly Stage[], backoff: Backoff = defaultBackoff) {
    this.#deps = deps;
    this.#stages = stages;
    this.#backoff = backoff;
    this.#pause = new Pause(deps.clock);
    this.#list = new StageList(deps);
    for (const stage of stages) this.#list.add(stage);
  }

  async start(): Promise<void> {
    this.#work ??= this.#startAll();
  }

  async stop(deadlineMs: number): Promise<void> {
    const { clock } = this.#deps;
    const endMs = clock.monotonicMs() + deadlineMs;
    this.#pause.end();
    if (this.#work !== null) await within(clock, this.#work, deadlineMs);
    await this.#list.stop(Math.max(0, endMs - clock.monotonicMs()));
  }

  /** Whether everything has been started: the schema is there. */
  get ready(): boolean {
    return this.#ready;
  }

  health(): DependencyHealth {
    return {
      name: this.name,
      status: this.#ready ? 'healthy' : 'degraded',
      reason: this.#ready ? null : (this.#problem ?? 'the store is being prepared'),
      details: { ready: this.#ready, attempts: this.#work === null ? 0 : this.#failures + 1 },
    };
  }

  async #startAll(): Promise<void> {
    for (const stage of this.#stages) {
      while (!(await this.#tryStart(stage))) {
        if (this.#pause.hasEnded) return;
      }
    }
    this.#ready = true;
  }

  async #tryStart(stage: Stage): Promise<boolean> {
    if (this.#pause.hasEnded) return false;
    try {
      await this.#list.start(stage);
      return true;
    } catch (error) {
      if (!this.#pause.hasEnded) await this.#pauseAfter(error);
      return false;
    }
  }

  async #pauseAfter(error: unknown): Promise<void> {
    this.#failures += 1;
    const pauseMs = backoffMs(this.#backoff, this.#failures, this.#deps.random);
    this.#problem = errorMessage(error);
    const code = error instanceof CollectorError ? error.code : 'internal';
    const context = { code, cause: this.#problem, pauseMs: Math.round(pauseMs) };
    this.#deps.logger.warn(context, 'cannot prepare the store');
    await this.#pause.wait(pauseMs);
  }
}

const defaultBackoff: Backoff = { delayMsMin: 25, delayMsMax: 5_000 };
