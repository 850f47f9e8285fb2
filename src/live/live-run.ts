export type RunStatus = 'running' | 'completed' | 'failed' | 'cancelled';

/** Tasks of a run by state: `pending` and `running` are those known to be open, the others count ends. */
export interface StateCounts {
  pending: number;
  running: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** A run as far as this process has seen it. Times in ms since the epoch. */
export interface RunState {
  readonly runId: string;
  readonly agents: readonly string[];
  /** Empty: it has none, or its start was not seen. */
  readonly name: string;
  readonly status: RunStatus;
  /** Null: its start was not seen. */
  readonly startedMs: number | null;
  /** Event time of its latest event. */
  readonly lastMs: number;
  readonly events: number;
  readonly tasks: StateCounts;
  readonly steps: { readonly running: number; readonly completed: number; readonly failed: number };
  /** Usage of what ended with scope `own`. */
  readonly tokensIn: number;
  readonly tokensOut: number;
  /** Null: nobody reported one. */
  readonly costMicros: number | null;
  /** Tokens, in and out, without a cost. */
  readonly tokensUnpriced: number;
}

/** An open task or step. */
export interface LiveTask {
  readonly key: number;
  readonly kind: 'task' | 'step';
  /** Slot of its run, -1 when it names none. */
  readonly run: number;
  /** Empty when it names none. */
  readonly runId: string;
  readonly tenant: string;
  readonly agent: string;
  readonly name: string;
  /** Empty for a step. */
  readonly taskId: string;
  status: 'pending' | 'running';
  startedMs: number;
  /** Of receipt. */
  heardMs: number;
  older: LiveTask | null;
  newer: LiveTask | null;
}
