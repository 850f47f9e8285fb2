import type { RunDetailRow } from '../../clickhouse/queries/runs/run-detail.js';
import type { DetailedUsageRow } from '../../clickhouse/queries/sql/usage-columns.js';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import { addedDetailedUsage, noUsage } from '../answers/usage.js';
import { criticalMs } from './critical-path.js';
import type { RunRecord } from './run-record.js';
import { buildWorkTree, type WorkNode } from './work-tree.js';

/** A run as a tree with times, usage and the critical path. Times in ms since the epoch. */
export interface Timeline {
  /** Depth first; the first is the run. */
  readonly nodes: readonly TimelineNode[];
  /** Offset 0: the start of the run, else the first thing known of it. */
  readonly originMs: number;
  /** As the run's own events tell it; null when they do not, or it has not ended. */
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly durationMs: number | null;
}

export interface TimelineNode {
  readonly work: WorkNode;
  /** Usage of this attempt alone. */
  readonly own: DetailedUsageRow;
  /** With that of everything below it. */
  readonly total: DetailedUsageRow;
  /** Reported with that of everything below it: told, never added. */
  readonly rolledUp: DetailedUsageRow | null;
  /** Null: not on the critical path. */
  readonly criticalMs: number | null;
}

/** Attempts of tasks and steps a timeline is made of; of a larger run, the first that began. */
export const timelineAttemptsMax = 20_000;

/** `rows` are the attempts of the run by begin, and the run itself where its raw events are kept. */
export function createTimeline(record: RunRecord, rows: readonly WorkAttemptRow[]): Timeline {
  const attempts = rows.filter(({ kind }) => kind !== 'run').slice(0, timelineAttemptsMax);
  const times = runTimes(record, attempts, rows.find(({ kind }) => kind === 'run') ?? null);
  const { originMs, endMs, lastMs } = times;
  const tree = buildWorkTree({ runId: record.key.runId, startMs: originMs, endMs, lastMs }, attempts);
  return { ...times, nodes: measuredNodes(tree, record.state) };
}

interface RunTimes extends Omit<Timeline, 'nodes'> {
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
  const starts = attempts.map(({ start_ms: startMs }) => startMs);
  const told = [...starts, activity?.first_event_ms, endedMs, state?.updated_ms].filter((ms) => typeof ms === 'number');
  const originMs = startedMs ?? told.reduce((least, ms) => Math.min(least, ms), Number.MAX_SAFE_INTEGER);
  const lastMs = Math.max(originMs, activity?.last_event_ms ?? 0, state?.updated_ms ?? 0);
  const wholeMs = startedMs === null || endedMs === null ? null : Math.max(0, endedMs - startedMs);
  return { originMs, startedMs, endedMs, durationMs: state?.duration_ms ?? wholeMs, endMs: endedMs ?? lastMs, lastMs };
}

/** When a run began; null when its events do not tell. */
export function startedOf(state: RunDetailRow | null): number | null {
  return state?.started_ms ?? null;
}

/** When it ended; null while it has not. */
export function endedOf(state: RunDetailRow | null): number | null {
  return state?.ended_ms ?? null;
}

function measuredNodes(tree: readonly WorkNode[], state: RunDetailRow | null): TimelineNode[] {
  const critical = criticalMs(tree);
  const reported = tree.map(({ type, row }) => (type === 'run' ? runUsage(state) : attemptUsage(row)));
  const own = reported.map(({ usage, isRolledUp }) => (isRolledUp ? noUsage : usage));
  const totals = [...own];
  // Parents come before their children, so that a total is complete when it is added to its parent's.
  for (let index = tree.length - 1; index > 0; index--) {
    const parent = tree[index]?.parent ?? 0;
    totals[parent] = addedDetailedUsage(totals[parent] ?? noUsage, totals[index] ?? noUsage);
  }
  return tree.map((work, index) => ({
    work,
    own: own[index] ?? noUsage,
    total: totals[index] ?? noUsage,
    rolledUp: reported[index]?.isRolledUp === true ? reported[index].usage : null,
    criticalMs: critical[index] ?? null,
  }));
}

interface ReportedUsage {
  readonly usage: DetailedUsageRow;
  readonly isRolledUp: boolean;
}

/** The usage of a run counts once it ended, as in all sums. */
function runUsage(state: RunDetailRow | null): ReportedUsage {
  if (state === null || state.status === 'running') return { usage: noUsage, isRolledUp: false };
  return { usage: state, isRolledUp: state.usage_scope === 'rolled_up' };
}

function attemptUsage(row: WorkAttemptRow | null): ReportedUsage {
  if (row === null) return { usage: noUsage, isRolledUp: false };
  return { usage: row, isRolledUp: row.usage_scope === 'rolled_up' };
}
