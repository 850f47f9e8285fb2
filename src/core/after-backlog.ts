import { type Clock, sleep } from './clock.js';
import { errorMessage } from './errors.js';
import type { Logger } from './logger.js';
import type { SpoolReader } from './ports/spool-reader.js';

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
export class AfterBacklog {
  readonly #deps: AfterBacklogDeps;
  readonly #task: BacklogTask;
  #work: Promise<void> | null = null;
  #stopping = false;

  constructor(deps: AfterBacklogDeps, task: BacklogTask) {
    this.#deps = deps;
    this.#task = task;
  }

  /** Begins in the background; call it when the store is ready. */
  begin(): void {
    this.#work ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#work;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#deps;
    const { what } = this.#task;
    while (!this.#stopping && (this.#deps.clockUnset?.() === true || this.#hasBacklog()))
      await sleep(clock, backlogPollMs);
    while (!this.#stopping) {
      try {
        const rows = await this.#task.run(() => this.#stopping);
        if (rows > 0) logger.info({ rows }, `${what} restored`);
        return;
      } catch (error) {
        logger.warn({ cause: errorMessage(error) }, `cannot restore the ${what} yet`);
        await sleep(clock, retryMs);
      }
    }
  }

  #hasBacklog(): boolean {
    const { oldestReceivedMs } = this.#deps.spool.stats();
    return oldestReceivedMs !== null && oldestReceivedMs < this.#task.startedMs();
  }
}
