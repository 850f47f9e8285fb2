import type { ChdbResult } from '../chdb-engine.js';

export interface StatementResult extends ChdbResult {
  /** Null when it has no result, as an INSERT. */
  readonly format: string | null;
  /** Of its session; empty for the engine's. */
  readonly timezone: string;
  /**
   * What it read and wrote: `data` that came with an INSERT, of which the counters are; `nothing`; or what chDB does
   * not tell: it counts the rows of a result.
   */
  readonly moves: 'data' | 'nothing' | 'unknown';
}
