import type { Clock } from './clock.js';
import { CollectorError, errorMessage } from './errors.js';
import type { Logger } from './logger.js';
import type { Stage } from './stage.js';
import { within } from './within.js';

export interface StageListDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Every stage has at least this long to stop, however long those after it took. */
const stopMsMin = 100;
/** A stage that has not stopped so long after its deadline is left as it is. */
const lateMsMax = 100;

/**
 * Starts stages one after the other and stops them in reverse. Whatever becomes of the stop of one, the others are
 * stopped: what fails is logged, and told of at the end.
 */
export class StageList {
  readonly #deps: StageListDeps;
  readonly #stages: Stage[] = [];
  #stopped: Promise<void> | null = null;

  constructor(deps: StageListDeps) {
    this.#deps = deps;
  }

  /** To be stopped after all that is added later, started or not. */
  add(stage: Stage): void {
    if (!this.#stages.includes(stage)) this.#stages.push(stage);
  }

  /** Adds it and starts it. Rejects as the stage does, and with `stopping` from the stop of the list on. */
  async start(stage: Stage): Promise<void> {
    this.#assertRunning(stage);
    this.add(stage);
    await stage.start?.();
    // Its own stop may have come before it had started.
    this.#assertRunning(stage);
  }

  /** Stops all; idempotent. Rejects with `internal` when one of them could not be stopped, after the others were. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stopAll(deadlineMs);
    return this.#stopped;
  }

  async #stopAll(deadlineMs: number): Promise<void> {
    const { clock } = this.#deps;
    const endMs = clock.monotonicMs() + deadlineMs;
    const failures: { readonly stage: string; readonly error: unknown }[] = [];
    for (const stage of this.#stages.toReversed()) {
      try {
        await this.#stopOne(stage, Math.max(stopMsMin, endMs - clock.monotonicMs()));
      } catch (error) {
        this.#deps.logger.error({ stage: stage.name, cause: errorMessage(error) }, 'a stage cannot be stopped');
        failures.push({ stage: stage.name, error });
      }
    }
    if (failures.length === 0) return;
    const causes = failures.map(({ stage, error }) => `${stage}: ${errorMessage(error)}`);
    const cause = new AggregateError(failures.map(({ error }) => error));
    throw new CollectorError('internal', `cannot stop ${causes.join('; ')}`, { cause });
  }

  async #stopOne(stage: Stage, deadlineMs: number): Promise<void> {
    if (stage.stop === undefined) return;
    const { clock, logger } = this.#deps;
    const stopped = stage.stop(deadlineMs).then(() => true);
    if (await within(clock, stopped, deadlineMs + lateMsMax)) logger.debug({ stage: stage.name }, 'stopped');
    else logger.warn({ stage: stage.name, deadlineMs }, 'a stage has not stopped in time and is left as it is');
  }

  #assertRunning({ name }: Stage): void {
    if (this.#stopped !== null) throw new CollectorError('stopping', `cannot start ${name}: the collector is stopping`);
  }
}
