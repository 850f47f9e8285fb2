import type { RunDetailRow } from '../../clickhouse/queries/runs/run-detail.js';
import type { DetailedUsageRow } from '../../clickhouse/queries/sql/usage-columns.js';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import { noUsage } from '../answers/usage.js';
import { UsageTotals } from '../answers/usage-totals.js';
import { criticalMs } from './critical-path.js';
import type { RunRecord } from './run-record.js';
import { buildWorkTree, type WorkNode } from './work-tree.js';

/** A run as a tree with times, usage and the critical path. Times in ms since the epoch. */
export interface Timeline {
  /** Depth first; the first is the run. */
  readonly nodes: readonly WorkNode[];
  /** By place of the node: its usage with that of everything below it. */
  readonly totals: UsageTotals;
  /** By place; null: not on the critical path. */
  readonly criticalMs: readonly (number | null)[];
  /** Offset 0: the start of the run, else the first thing known of it. */
  readonly originMs: number;
  /** As the run's own events tell it; null when they do not, or it has not ended. */
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly durationMs: number | null;
}

/** Attempts of tasks and steps a timeline is made of; of a larger run, the first that began. */
export const timelineAttemptsMax = 20_000;

/** `rows` are the attempts of the run by begin, and the run itself where its raw events are kept. */
export function createTimeline(record: RunRecord, rows: readonly WorkAttemptRow[]): Timeline {
  const attempts = rows.filter(({ kind }) => kind !== 'run').slice(0, timelineAttemptsMax);
  const times = runTimes(record, attempts, rows.find(({ kind }) => kind === 'run') ?? null);
  const { originMs, endMs, lastMs } = times;
  const tree = buildWorkTree({ runId: record.key.runId, startMs: originMs, endMs, lastMs }, attempts);
  return { ...times, nodes: tree, totals: totalsOf(tree, record.state), criticalMs: criticalMs(tree) };
}

interface RunTimes extends Omit<Timeline, 'nodes' | 'totals' | 'criticalMs'> {
  /** Where the run ends in the tree, and what has not ended. */
  readonly endMs: number;
  readonly lastMs: number;
}

function runTimes(
  { state, activity }: RunRecord,
  attempts: readonly WorkAttemptRow[],
  run: WorkAttemptRow | null,
): RunTimes {
  const endedMs = endedOf(state);
  const startedMs = startedOf(state) ?? run?.started_ms ?? null;
  const originMs = startedMs ?? firstTold([activity?.first_event_ms, endedMs, state?.updated_ms], attempts);
  const lastMs = Math.max(originMs, activity?.last_event_ms ?? 0, state?.updated_ms ?? 0);
  const wholeMs = startedMs === null || endedMs === null ? null : Math.max(0, endedMs - startedMs);
  return { originMs, startedMs, endedMs, durationMs: state?.duration_ms ?? wholeMs, endMs: endedMs ?? lastMs, lastMs };
}

function firstTold(times: readonly (number | null | undefined)[], attempts: readonly WorkAttemptRow[]): number {
  const starts = attempts.reduce((least, { start_ms: ms }) => Math.min(least, ms), Number.MAX_SAFE_INTEGER);
  return Math.min(starts, ...times.filter((ms) => typeof ms === 'number'));
}

/** When a run began; null when its events do not tell. */
export function startedOf(state: RunDetailRow | null): number | null {
  return state?.started_ms ?? null;
}

/** When it ended; null while it has not. */
export function endedOf(state: RunDetailRow | null): number | null {
  return state?.ended_ms ?? null;
}

function totalsOf(tree: readonly WorkNode[], state: RunDetailRow | null): UsageTotals {
  const totals = new UsageTotals(tree.length);
  for (let place = 0; place < tree.length; place++) {
    const { usage, isRolledUp } = reportedUsage(tree[place]!, state);
    if (!isRolledUp) totals.set(place, usage);
  }
  // Parents come before their children, so that a total is complete when it is added to its parent's.
  for (let place = tree.length - 1; place > 0; place--) totals.add(tree[place]!.parent, place);
  return totals;
}

export interface ReportedUsage {
  readonly usage: DetailedUsageRow;
  /** Of everything below it as well: told, never added. */
  readonly isRolledUp: boolean;
}

/** What a node tells of its usage; of a run once it ended, as in all sums. */
export function reportedUsage({ type, row }: WorkNode, state: RunDetailRow | null): ReportedUsage {
  if (type !== 'run') return row === null ? nothing : { usage: row, isRolledUp: row.usage_scope === 'rolled_up' };
  if (state === null || state.status === 'running') return nothing;
  return { usage: state, isRolledUp: state.usage_scope === 'rolled_up' };
}

const nothing: ReportedUsage = { usage: noUsage, isRolledUp: false };
