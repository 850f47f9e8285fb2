import type { ExecutionStatus } from '../core/event-types.js';
import { nearestRank } from '../core/percentile.js';
import type { TidemarkEvent } from '../sdk/event.js';

/** What one agent sent, exactly: every duration is kept, so that percentiles are not estimates. */
export class AgentLedger {
  readonly agentId: string;
  readonly #durationsMs: number[] = [];
  readonly #outcomes: Record<ExecutionStatus, number> = { completed: 0, failed: 0, cancelled: 0 };
  #events = 0;
  #isSorted = true;

  constructor(agentId: string) {
    this.agentId = agentId;
  }

  get events(): number {
    return this.#events;
  }

  add(event: TidemarkEvent): void {
    this.#events += 1;
    const status = executionStatus(event.type);
    if (status === null) return;
    this.#outcomes[status] += 1;
    if (typeof event.duration_ms === 'number') {
      this.#durationsMs.push(event.duration_ms);
      this.#isSorted = false;
    }
  }

  /** Executions and how they went; rates in percent, durations in ms, null where there is nothing to tell. */
  figures(): AgentFigures {
    const { completed, failed, cancelled } = this.#outcomes;
    const sorted = this.#sorted();
    return {
      executions: completed + failed + cancelled,
      successRate: completed + failed === 0 ? null : (100 * completed) / (completed + failed),
      p50: nearestRank(sorted, 0.5),
      p95: nearestRank(sorted, 0.95),
      p99: nearestRank(sorted, 0.99),
    };
  }

  /** Share of the durations that are below a value, the equal ones counted half, 0 to 1; null without durations. */
  rankOf(durationMs: number): number | null {
    const sorted = this.#sorted();
    if (sorted.length === 0) return null;
    const below = sorted.findIndex((value) => value >= durationMs);
    const above = sorted.findIndex((value) => value > durationMs);
    const end = (index: number): number => (index < 0 ? sorted.length : index);
    return (end(below) + end(above)) / 2 / sorted.length;
  }

  #sorted(): readonly number[] {
    if (!this.#isSorted) this.#durationsMs.sort((a, b) => a - b);
    this.#isSorted = true;
    return this.#durationsMs;
  }
}

export interface AgentFigures {
  readonly executions: number;
  readonly successRate: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

function executionStatus(type: string): ExecutionStatus | null {
  if (type === 'task.completed') return 'completed';
  if (type === 'task.failed') return 'failed';
  return type === 'task.cancelled' ? 'cancelled' : null;
}
