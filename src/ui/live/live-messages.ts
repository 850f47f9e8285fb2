/** What the live socket tells, see docs/api/live.md. */
export interface LiveEvent {
  readonly received: string;
  readonly type: string;
  readonly agent_id: string;
  readonly run_id?: string;
  readonly task_id?: string;
  readonly step_id?: string;
  readonly attempt?: number;
  readonly ts?: string;
  readonly name?: string;
  readonly duration_ms?: number;
  readonly error_category?: string;
  readonly error_code?: string;
  readonly error_message?: string;
  readonly message?: string;
  readonly level?: string;
  readonly model?: string;
  readonly environment?: string;
}

export interface LiveRun {
  readonly run_id: string;
  readonly agent_ids: readonly string[];
  readonly name: string | null;
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled';
  readonly started_at: string | null;
  readonly last_event_at: string;
  readonly events: number;
  readonly tasks: Readonly<Record<'pending' | 'running' | 'completed' | 'failed' | 'cancelled', number>>;
  readonly steps: Readonly<Record<'running' | 'completed' | 'failed', number>>;
  readonly tokens: { readonly in: number; readonly out: number; readonly total: number };
  readonly cost_micros: number | null;
  readonly tokens_unpriced?: number;
}

export interface LiveTask {
  readonly task_id: string;
  readonly run_id: string | null;
  readonly agent_id: string;
  readonly name: string | null;
}

export type LiveMessage =
  | { readonly op: 'hello'; readonly known_since: string }
  | {
      readonly op: 'snapshot';
      readonly at: string;
      readonly runs_total: number;
      readonly runs: readonly LiveRun[];
      readonly tasks_total: number;
      readonly tasks: readonly LiveTask[];
    }
  | { readonly op: 'events'; readonly seq: number; readonly events: readonly LiveEvent[] }
  | { readonly op: 'progress'; readonly runs: readonly LiveRun[] }
  | { readonly op: 'dropped'; readonly count: number }
  | { readonly op: 'error'; readonly code: string; readonly message: string };
