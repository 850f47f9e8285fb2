import { type NewestRow, readNewestRows } from '../../clickhouse/queries/operations/newest-rows.js';
import type { Clock } from '../../core/clock.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { within } from '../../core/within.js';

export interface NewestRowsOptions {
  /** A store that has not answered by then has no answer. */
  readonly waitMsMax: number;
  /** An answer, or that there was none, is used for this long. */
  readonly ageMsMax: number;
}

/** When the newest row of each table came; null while the store does not say. Never rejects: health is told anyway. */
export class NewestRows {
  readonly #deps: { readonly store: StoreReader; readonly clock: Clock };
  readonly #options: NewestRowsOptions;
  #latest: { readonly startedMs: number; readonly rows: Promise<readonly NewestRow[] | null> } | null = null;

  constructor(deps: { readonly store: StoreReader; readonly clock: Clock }, options: NewestRowsOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  read(): Promise<readonly NewestRow[] | null> {
    const nowMs = this.#deps.clock.monotonicMs();
    if (this.#latest === null || nowMs - this.#latest.startedMs >= this.#options.ageMsMax) {
      this.#latest = { startedMs: nowMs, rows: this.#ask() };
    }
    return this.#latest.rows;
  }

  async #ask(): Promise<readonly NewestRow[] | null> {
    const { store, clock } = this.#deps;
    const controller = new AbortController();
    // Why the store does not answer is told by its own probe.
    const answered = readNewestRows(store, controller.signal).catch(() => null);
    const rows = await within(clock, answered, this.#options.waitMsMax);
    if (rows === undefined) controller.abort();
    return rows ?? null;
  }
}
