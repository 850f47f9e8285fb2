export interface DayFinalizer {
  /**
   * Recomputes a UTC day from its distinct raw events, compares it with the rollups, and rewrites what differs. Ingest
   * goes on meanwhile. Rejects with CollectorError: `parameter_invalid` when the raw events of the day have expired or
   * the day is not over, `overloaded` when another one is under way, and what the store rejects with.
   */
  finalize(scope: FinalizationScope): Promise<FinalizationReport>;
}

export interface FinalizationScope {
  /** Start of the day, ms since the epoch. */
  readonly dayMs: number;
  /** Null: every tenant, every agent. */
  readonly tenant: string | null;
  readonly agentId: string | null;
}

export interface FinalizationReport {
  readonly agents: number;
  /** Distinct raw events the day was recomputed from. */
  readonly events: number;
  /** Agents whose rollup differed. */
  readonly agentsRepaired: number;
  readonly tookMs: number;
}
