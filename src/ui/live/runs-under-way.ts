import type { LiveMessage, LiveRun, LiveTask } from './live-messages.js';

export interface RunCounts {
  readonly runs: number;
  readonly tasks: number;
  readonly steps: number;
}

/** Runs that are followed; the collector tells of 200 at first. */
export const runsFollowedMax = 500;
/** A run that ended stays so long, so that its end is seen. */
const endedShownMs = 10_000;

/** What is under way, as the live socket tells it: from the snapshot on, kept by the progress. */
export class RunsUnderWay {
  readonly #runs = new Map<string, LiveRun>();
  readonly #endedAtMs = new Map<string, number>();
  #snapshot: Extract<LiveMessage, { readonly op: 'snapshot' }> | null = null;

  apply(message: LiveMessage, nowMs: number): void {
    if (message.op === 'snapshot') {
      this.#snapshot = message;
      this.#runs.clear();
      this.#endedAtMs.clear();
      // The latest heard of comes first; here it is last, so that the longest silent one goes first.
      for (const run of message.runs.toReversed()) this.#runs.set(run.run_id, run);
    }
    if (message.op === 'progress') for (const run of message.runs) this.#update(run, nowMs);
  }

  #update(run: LiveRun, nowMs: number): void {
    this.#runs.delete(run.run_id);
    this.#runs.set(run.run_id, run);
    if (run.status === 'running') this.#endedAtMs.delete(run.run_id);
    else if (!this.#endedAtMs.has(run.run_id)) this.#endedAtMs.set(run.run_id, nowMs);
    const [silentLongest] = this.#runs.keys();
    if (this.#runs.size > runsFollowedMax && silentLongest !== undefined) this.#remove(silentLongest);
  }

  #remove(runId: string): void {
    this.#runs.delete(runId);
    this.#endedAtMs.delete(runId);
  }

  /** The latest started first; runs that ended a moment ago are among them. */
  list(nowMs: number): readonly LiveRun[] {
    for (const [runId, atMs] of this.#endedAtMs) if (nowMs - atMs > endedShownMs) this.#remove(runId);
    return [...this.#runs.values()].sort(byStart);
  }

  counts(): RunCounts {
    let [runs, tasks, steps] = [0, 0, 0];
    for (const run of this.#runs.values()) {
      if (run.status !== 'running') continue;
      runs += 1;
      tasks += run.tasks.running + run.tasks.pending;
      steps += run.steps.running;
    }
    return { runs, tasks, steps };
  }

  /** Of the beginning: how many there were when not all of them were told, and tasks that are of no run. */
  get beginning(): {
    readonly at: string;
    readonly runsTotal: number;
    readonly runsTold: number;
    readonly loneTasks: readonly LiveTask[];
  } | null {
    if (this.#snapshot === null) return null;
    const { at, runs, runs_total, tasks } = this.#snapshot;
    const loneTasks = tasks.filter(({ run_id }) => run_id === null);
    return { at, runsTotal: runs_total, runsTold: runs.length, loneTasks };
  }
}

function byStart(one: LiveRun, other: LiveRun): number {
  const [oneStart, otherStart] = [one.started_at ?? '', other.started_at ?? ''];
  if (oneStart !== otherStart) return oneStart < otherStart ? 1 : -1;
  return one.run_id < other.run_id ? -1 : 1;
}
