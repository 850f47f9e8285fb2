import { type Backoff, backoffMs } from '../../core/backoff.js';
import type { Clock } from '../../core/clock.js';
import type { PartsInstruments } from '../../core/instruments.js';
import type { StoreWriter } from '../store-writer.js';

export interface MergeHoldDeps {
  readonly store: StoreWriter;
  readonly clock: Clock;
  /** Ends the engine and resolves when it answers again, without merges. */
  readonly restartEngine: () => Promise<void>;
  readonly instruments: Pick<PartsInstruments, 'mergesHeld'>;
}

/** At the longest, 300 inserts of one part each still do not slow down those that come after them. */
const holdBackoff: Backoff = { delayMsMin: 10_000, delayMsMax: 300_000 };
/** Merges that went on for so long, and broke nothing, are good again. */
const goodMsMin = 60_000;

/**
 * Restarts of an engine whose merges write broken parts. The parts that a merge has replaced are there for a minute
 * only, so a restart cannot wait; on a disk that goes on refusing writes the next merge would break as well, and the
 * engine be started again every ten seconds. So it is the merges that wait after a restart: 20 s, after each further
 * one twice as long, five minutes at most, and again 20 s once they went on for a minute.
 */
export class MergeHold {
  readonly #deps: MergeHoldDeps;
  #restarts = 0;
  /** When merges go on; null: they do. */
  #endsMs: number | null = null;
  #freeSinceMs = 0;

  constructor(deps: MergeHoldDeps) {
    this.#deps = deps;
  }

  /** Answers how long merges wait. */
  async restart(): Promise<number> {
    const { clock, restartEngine, instruments } = this.#deps;
    this.#restarts++;
    // Nobody else waits for the same disk: no chance is needed.
    const waitMs = backoffMs(holdBackoff, this.#restarts, () => 1);
    this.#endsMs = clock.monotonicMs() + waitMs;
    instruments.mergesHeld.set(1);
    await restartEngine();
    return waitMs;
  }

  /** Lets merges go on when their time has come. Rejects as `StoreWriter`; they are let go the next time then. */
  async endWhenDue(): Promise<void> {
    const { store, clock, instruments } = this.#deps;
    if (this.#endsMs === null || clock.monotonicMs() < this.#endsMs) return;
    await store.command({ name: 'merges go on', sql: 'SYSTEM START MERGES' });
    this.#endsMs = null;
    instruments.mergesHeld.set(0);
    this.#freeSinceMs = clock.monotonicMs();
  }

  /** Nothing is broken. */
  noteGood(): void {
    if (this.#endsMs === null && this.#deps.clock.monotonicMs() - this.#freeSinceMs >= goodMsMin) this.#restarts = 0;
  }
}
