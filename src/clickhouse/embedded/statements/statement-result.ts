import type { ChdbResult } from '../chdb-engine.js';
import type { HeldResult } from './held/held-result.js';

export interface DeliveredResult extends ChdbResult {
  /** It is in a file, for whoever is given it to close, and `bytes` is empty. */
  readonly held?: HeldResult | null;
}

export interface StatementResult extends DeliveredResult {
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
