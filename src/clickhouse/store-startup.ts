import { type Clock, type Random, sleep } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { DependencyHealth, HealthProbe } from '../core/ports/health-probe.js';
import type { Stage } from '../core/stage.js';

export interface StoreStartupDeps {
  /** Starts the engine, brings the schema up to date; rejects with CollectorError while the store is away. */
  readonly prepare: () => Promise<void>;
  /** What waits for the schema: delivery, restored windows. Called once. */
  readonly onReady: () => Promise<void>;
  /** Ends what `onReady` began. */
  readonly onStop: () => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface StoreStartupOptions {
  readonly retryMsMin: number;
  readonly retryMsMax: number;
}

/**
 * Prepares the store in the background: `start` returns at once, so that events are accepted while ClickHouse
 * is still starting, or away for the day. Tries for ever with growing pauses; a migration that was edited after
 * it was applied is for the operator, and is tried no more than the rest.
 */
export class StoreStartup implements Stage, HealthProbe {
  readonly name = 'schema';
  readonly #deps: StoreStartupDeps;
  readonly #options: StoreStartupOptions;
  #work: Promise<void> | null = null;
  #stopping = false;
  #ready = false;
  #attempts = 0;
  #problem: string | null = null;

  constructor(deps: StoreStartupDeps, options: StoreStartupOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#work ??= this.#prepare();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.race([Promise.all([this.#work, this.#deps.onStop()]), sleep(this.#deps.clock, deadlineMs)]);
  }

  /** Whether the schema is there. */
  get ready(): boolean {
    return this.#ready;
  }

  health(): DependencyHealth {
    return {
      name: this.name,
      status: this.#ready ? 'healthy' : 'degraded',
      reason: this.#ready ? null : (this.#problem ?? 'the store is being prepared'),
      details: { ready: this.#ready, attempts: this.#attempts },
    };
  }

  async #prepare(): Promise<void> {
    while (!this.#stopping && !this.#ready) {
      this.#attempts += 1;
      try {
        await this.#deps.prepare();
        await this.#deps.onReady();
        this.#ready = true;
        return;
      } catch (error) {
        await this.#pauseAfter(error);
      }
    }
  }

  async #pauseAfter(error: unknown): Promise<void> {
    const { clock, random, logger } = this.#deps;
    const { retryMsMin, retryMsMax } = this.#options;
    const pauseMs = Math.min(retryMsMax, retryMsMin * 2 ** Math.min(this.#attempts, 16)) * (0.5 + random() / 2);
    this.#problem = errorMessage(error);
    const code = error instanceof CollectorError ? error.code : 'internal';
    logger.warn({ code, cause: this.#problem, pauseMs: Math.round(pauseMs) }, 'cannot prepare the store');
    for (let waitedMs = 0; waitedMs < pauseMs && !this.#stopping; waitedMs += 100)
      await sleep(clock, Math.min(100, pauseMs));
  }
}
