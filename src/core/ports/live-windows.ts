export const windowNames = ['1m', '5m', '15m', '1h', '24h'] as const;

export type WindowName = (typeof windowNames)[number];

export const windowMs: Readonly<Record<WindowName, number>> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '24h': 86_400_000,
};

/** What a rolling window of one agent holds now. Durations in ms, null when there were none. */
export interface WindowSnapshot {
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** completed / (completed + failed), null when both are 0. */
  readonly successRate: number | null;
  readonly duration: {
    readonly count: number;
    readonly avg: number | null;
    readonly min: number | null;
    readonly max: number | null;
    readonly p50: number | null;
    readonly p95: number | null;
    readonly p99: number | null;
  };
  readonly llmCalls: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  /** Null: nobody reported one. */
  readonly costMicros: number | null;
  /** Tokens, in and out, of what reported no cost. */
  readonly tokensUnpriced: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly confidenceAvg: number | null;
  readonly memoryMbMax: number | null;
}

export interface LiveWindows {
  /** Undefined when the agent has no event within the longest window. */
  snapshot(tenant: string, agentId: string, window: WindowName): WindowSnapshot | undefined;
  /** Time of the newest slice of an agent, ms since the epoch. */
  lastSeenMs(tenant: string, agentId: string): number | undefined;
  /**
   * When the agent was last left out for want of room, ms since the epoch: a window that reaches back before that lacks
   * what it held. Undefined when its windows are whole.
   */
  evictedMs(tenant: string, agentId: string): number | undefined;
  /** All live keys, most recently active first. */
  keys(): Iterable<{ readonly tenant: string; readonly agentId: string }>;
}
