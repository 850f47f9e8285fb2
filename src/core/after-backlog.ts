import type { Clock } from './clock.js';
import { errorMessage } from './errors.js';
import type { Logger } from './logger.js';
import { Pause } from './pause.js';
import type { SpoolReader } from './ports/spool-reader.js';
import type { Stage } from './stage.js';

export interface AfterBacklogDeps {
  readonly spool: Pick<SpoolReader, 'stats'>;
  /** The wall clock is not set: what is of now cannot be told; default: it is. */
  readonly clockUnset?: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface BacklogTask {
  /** For the log: what is restored. */
  readonly what: string;
  /** What was received before is in the store, once the spool holds nothing of it any more. */
  readonly startedMs: () => number;
  /** Answers how much it restored; rejects while the store is away, and is run again then from its beginning. */
  run(isStopping: () => boolean): Promise<number>;
}

const backlogPollMs = 200;
const retryMs = 2_000;

/** Does something once after a restart, when the store has all that earlier processes received. */
export class AfterBacklog implements Stage {
  readonly name: string;
  readonly #deps: AfterBacklogDeps;
  readonly #task: BacklogTask;
  readonly #pause: Pause;
  #work: Promise<void> | null = null;

  constructor(deps: AfterBacklogDeps, task: BacklogTask) {
    this.name = task.what;
    this.#deps = deps;
    this.#task = task;
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

  async #run(): Promise<void> {
    const { logger } = this.#deps;
    const { what } = this.#task;
    while (!this.#pause.hasEnded && (this.#deps.clockUnset?.() === true || this.#hasBacklog()))
      await this.#pause.wait(backlogPollMs);
    while (!this.#pause.hasEnded) {
      try {
        const rows = await this.#task.run(() => this.#pause.hasEnded);
        if (rows > 0) logger.info({ rows }, `${what} restored`);
        return;
      } catch (error) {
        logger.warn({ cause: errorMessage(error) }, `cannot restore the ${what} yet`);
        await this.#pause.wait(retryMs);
      }
    }
  }

  #hasBacklog(): boolean {
    const { oldestReceivedMs } = this.#deps.spool.stats();
    return oldestReceivedMs !== null && oldestReceivedMs < this.#task.startedMs();
  }
}
