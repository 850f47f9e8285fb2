import { type Clock, sleep } from '../core/clock.js';
import { errorMessage } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { SpoolReader } from '../core/ports.js';
import type { WindowRestoreRow, WindowRestorer } from '../core/window-restore.js';

export interface WindowRestorationDeps {
  /** Pages of whole agents of what was received before a time; rejects while the store is away. */
  readonly readPages: (receivedBeforeMs: number) => AsyncIterable<readonly WindowRestoreRow[]>;
  readonly windows: WindowRestorer;
  readonly spool: Pick<SpoolReader, 'stats'>;
  /** The wall clock is not set: windows of now cannot be told; default: it is. */
  readonly clockUnset?: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

const backlogPollMs = 200;
const retryMs = 2_000;

/**
 * Brings the live windows back after a restart. What was received since `startedMs` is in them already; what was
 * received before comes from the store, once the spool holds nothing of it any more. Runs until it has succeeded or
 * is stopped.
 */
export class WindowRestoration {
  readonly #deps: WindowRestorationDeps;
  readonly #startedMs: () => number;
  #work: Promise<void> | null = null;
  #stopping = false;

  constructor(deps: WindowRestorationDeps, options: { readonly startedMs: () => number }) {
    this.#deps = deps;
    this.#startedMs = options.startedMs;
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
    while (!this.#stopping && (this.#deps.clockUnset?.() === true || this.#hasBacklog()))
      await sleep(clock, backlogPollMs);
    while (!this.#stopping) {
      try {
        const rows = await this.#restore();
        if (rows > 0) logger.info({ rows }, 'live windows restored');
        return;
      } catch (error) {
        logger.warn({ cause: errorMessage(error) }, 'cannot restore the live windows yet');
        await sleep(clock, retryMs);
      }
    }
  }

  #hasBacklog(): boolean {
    const { oldestReceivedMs } = this.#deps.spool.stats();
    return oldestReceivedMs !== null && oldestReceivedMs < this.#startedMs();
  }

  async #restore(): Promise<number> {
    let rows = 0;
    for await (const page of this.#deps.readPages(this.#startedMs())) {
      if (this.#stopping || this.#deps.windows.restore(page) === 'full') break;
      rows += page.length;
    }
    return rows;
  }
}
