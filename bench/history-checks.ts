import type { RunRecord, TaskRecord } from './run-record.js';

export interface AskedHistory {
  readonly record: RunRecord;
  readonly index: number;
  /** Cursors of the pages before those that `deep page` asks for. */
  readonly cursors: readonly string[];
}

/** What a request was; the answer is checked against its record. */
export interface Checked extends AskedHistory {
  /** Others than the history send events meanwhile. */
  readonly isIngesting: boolean;
}

/** Each says what is wrong with an answer, null when nothing is. */
export type Problem = string | null;

interface TaskItem {
  readonly task_id: string;
  readonly run_id: string;
  readonly state: string;
  readonly started_at: string | null;
}

interface TasksAnswer {
  readonly tasks: readonly TaskItem[];
  readonly total: number;
  readonly total_is_exact: boolean;
  readonly next_cursor: string | null;
}

interface WantedTasks {
  /** Fields that each task must have. */
  readonly wanted: Readonly<Record<string, string>>;
  readonly least: number;
  readonly limit: number;
}

export function tasksProblem(body: unknown, { wanted, least, limit }: WantedTasks): Problem {
  const { tasks, total, total_is_exact: isExact, next_cursor: next } = body as TasksAnswer;
  const other = tasks.find((task) =>
    Object.entries(wanted).some(([name, value]) => (task as unknown as Record<string, unknown>)[name] !== value),
  );
  if (other !== undefined)
    return `${JSON.stringify(other).slice(0, 300)} is among tasks with ${JSON.stringify(wanted)}`;
  if (tasks.length < Math.min(limit, least)) return `${tasks.length} tasks, there are ${least}`;
  if (isExact ? total < least : total < Math.min(100, least)) return `${total} are told, there are ${least}`;
  if (tasks.length < limit && next === null && isExact && total !== tasks.length)
    return `${total} are told to be there`;
  return orderProblem(tasks);
}

function orderProblem(tasks: readonly TaskItem[]): Problem {
  if (new Set(tasks.map(({ task_id: id }) => id)).size !== tasks.length) return 'a task is listed twice';
  const starts = tasks.flatMap(({ started_at: at }) => (at === null ? [] : [Date.parse(at)]));
  const isSorted = starts.every((start, place) => place === 0 || start <= (starts[place - 1] ?? 0));
  return isSorted ? null : 'a later start follows an earlier one';
}

export function deepPageProblem(body: unknown): Problem {
  const { tasks } = body as TasksAnswer;
  return tasks.length === 0 ? 'the page is empty' : orderProblem(tasks);
}

interface TaskAnswer extends TaskItem {
  readonly steps: readonly { readonly step_id: string; readonly attempt: number }[];
}

/** A task of the history has five steps, those that failed a second attempt each. */
export function taskProblem(body: unknown, sample: TaskRecord): Problem {
  const { task_id: id, run_id: runId, state, steps } = body as TaskAnswer;
  const wanted = sample.state === 'open' ? 'orphaned' : sample.state;
  if (id !== sample.task_id || runId !== sample.run_id) return `it is ${id} of run ${runId}`;
  if (state !== wanted) return `it is ${state} instead of ${wanted}`;
  const ids = new Set(steps.map(({ step_id: step }) => step));
  return ids.size === 5 ? null : `it has ${ids.size} steps`;
}

export function runProblem(body: unknown, sample: TaskRecord): Problem {
  const { run_id: runId, tasks } = body as { readonly run_id: string; readonly tasks?: unknown };
  if (runId !== sample.run_id) return `it is ${runId}`;
  return Array.isArray(tasks) && tasks.length !== 10 ? `it has ${tasks.length} tasks` : null;
}

interface RunsAnswer {
  readonly runs: readonly { readonly run_id: string }[];
  readonly stats: { readonly runs: number };
}

export function runsProblem(body: unknown): Problem {
  const { runs, stats } = body as RunsAnswer;
  if (runs.length === 0) return 'no run is listed';
  return stats.runs >= runs.length ? null : `${stats.runs} runs are told, ${runs.length} listed`;
}

export function timelineProblem(body: unknown, steps: number): Problem {
  const found = JSON.stringify(body).match(/"step_id":"[^"]+"/g) ?? [];
  const distinct = new Set(found).size;
  const least = Math.min(steps, 900);
  return distinct >= least ? null : `${distinct} steps instead of ${least} or more`;
}

export function executionsProblem(body: unknown): Problem {
  return (body as readonly unknown[]).length > 0 ? null : 'no execution is listed';
}

/** Fifty steps, some with two attempts, and ten tasks. */
export function logsProblem(body: unknown): Problem {
  const { summary, nodes } = body as { readonly summary: { readonly total_nodes: number }; readonly nodes: unknown[] };
  return summary.total_nodes >= 50 && nodes.length > 0 ? null : `${summary.total_nodes} nodes`;
}

interface BreakdownAnswer {
  readonly groups: readonly { readonly count: number }[];
  readonly totals: { readonly count: number };
}

/** Every failure of the history is counted when groups are categories, codes or agents. */
export function breakdownProblem(body: unknown, { record, isIngesting }: Checked, groupBy: string): Problem {
  const { groups, totals } = body as BreakdownAnswer;
  if (groups.length === 0) return 'there is no group';
  if (groupBy === 'model' || groupBy === 'tool') return null;
  const isRight = isIngesting ? totals.count >= record.failures : totals.count === record.failures;
  return isRight ? null : `${totals.count} failures instead of ${record.failures}`;
}
