import type { LiveMessage, LiveRun } from '../../live/live-messages.js';

/** Runs under way as the live socket tells them. */
export interface RunningRuns {
  /** When the snapshot was taken; null: none came yet. */
  readonly since: string | null;
  readonly runs: ReadonlyMap<string, LiveRun>;
  /** Under way too, but beyond those a snapshot names. */
  readonly unnamed: number;
  readonly openTasks: number;
  readonly heardAt: string | null;
}

export const noRunningRuns: RunningRuns = {
  since: null,
  runs: new Map(),
  unnamed: 0,
  openTasks: 0,
  heardAt: null,
};

/** What is known after a message; the same object where it tells nothing of runs. */
export function heard(known: RunningRuns, message: LiveMessage): RunningRuns {
  if (message.op === 'snapshot') {
    const runs = new Map(message.runs.map((run) => [run.run_id, run]));
    const unnamed = Math.max(0, message.runs_total - runs.size);
    return { since: message.at, runs, unnamed, openTasks: message.tasks_total, heardAt: message.at };
  }
  if (message.op !== 'progress' || known.since === null) return known;
  const runs = new Map(known.runs);
  let { unnamed, openTasks } = known;
  let heardAt = known.heardAt ?? known.since;
  for (const run of message.runs) {
    const before = runs.get(run.run_id);
    // It began before the snapshot, so it was one of those that had no room in it.
    if (before === undefined && run.started_at !== null && run.started_at < known.since) unnamed--;
    openTasks += openTasksOf(run) - (before === undefined ? 0 : openTasksOf(before));
    if (run.status === 'running') runs.set(run.run_id, run);
    else runs.delete(run.run_id);
    if (run.last_event_at > heardAt) heardAt = run.last_event_at;
  }
  return { since: known.since, runs, unnamed: Math.max(0, unnamed), openTasks: Math.max(0, openTasks), heardAt };
}

export function runningTotal({ runs, unnamed }: RunningRuns): number {
  return runs.size + unnamed;
}

/** Those that run the longest come first: the order stays while they go on, and what hangs is seen. */
export function longestRunning({ runs }: RunningRuns, count: number): readonly LiveRun[] {
  const startOf = ({ started_at, last_event_at }: LiveRun) => started_at ?? last_event_at;
  return [...runs.values()]
    .toSorted((a, b) => startOf(a).localeCompare(startOf(b)) || a.run_id.localeCompare(b.run_id))
    .slice(0, count);
}

function openTasksOf({ tasks, status }: LiveRun): number {
  return status === 'running' ? tasks.pending + tasks.running : 0;
}
