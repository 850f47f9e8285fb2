import type { CollectorProcess } from './collector-process.js';
import {
  eventsSql,
  historySpans,
  type LongRun,
  type RunHistoryOptions,
  stepsPerTask,
  type TaskSpan,
  tasksPerRun,
  tasksSql,
} from './run-history.js';

/** A task of the history, as it was made. */
export interface TaskRecord {
  readonly task_id: string;
  readonly run_id: string;
  readonly task_agent_id: string;
  readonly run_agent_id: string;
  readonly task_crew_id: string;
  readonly task_flow_id: string;
  readonly task_engagement_id: string;
  readonly task_user_id: string;
  readonly task_session_id: string;
  readonly state: 'open' | 'completed' | 'failed' | 'cancelled';
  readonly start_ms: number;
}

/** Columns of a task that lists are filtered by. */
const groupColumns = [
  'task_crew_id',
  'task_agent_id',
  'task_flow_id',
  'task_engagement_id',
  'task_user_id',
  'state',
] as const;
export type GroupColumn = (typeof groupColumns)[number];

/** What a history holds, made again without reading a table: its answers are checked against this. */
export interface RunRecord {
  readonly options: RunHistoryOptions;
  /** Random ones, in the same order in each run of the bench. */
  readonly samples: readonly TaskRecord[];
  /** Tasks by value of a column. */
  readonly tasksBy: Readonly<Record<GroupColumn, ReadonlyMap<string, number>>>;
  readonly events: number;
  readonly tasks: number;
  /** Failed attempts of steps and tasks, and failed runs. */
  readonly failures: number;
  readonly stepAttempts: number;
  /** Runs of 200 steps, and one of 10,000, newest first. */
  readonly longRuns: readonly LongRun[];
}

const samplesMax = 500;

/** Runs of 200 steps a minute apart, ended an hour before the history does, and one of 10,000 before them. */
export function longRunsOf({ endMs }: RunHistoryOptions): LongRun[] {
  const minuteMs = 60_000;
  const usual = Array.from({ length: 40 }, (_, index) => ({
    runId: `long-run-${String(index).padStart(2, '0')}`,
    steps: 200,
    startMs: endMs - (60 + index) * minuteMs,
  }));
  return [...usual, { runId: 'longest-run', steps: 10_000, startMs: endMs - 180 * minuteMs }];
}

/** Throws when the engine does not answer; takes some seconds of its CPU for each million of tasks. */
export async function readRunRecord(collector: CollectorProcess, options: RunHistoryOptions): Promise<RunRecord> {
  const tasks = options.runs * tasksPerRun;
  const all = { first: 0, tasks };
  const rows = async <Row>(sql: string): Promise<Row[]> => {
    const text = Buffer.from(await collector.read(`${sql} ${inNumbers}`, 'JSONEachRow')).toString();
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Row);
  };
  const tasksBy = {} as Record<GroupColumn, Map<string, number>>;
  for (const column of groupColumns) {
    const counts = await rows<{ readonly value: string; readonly n: number }>(
      `SELECT ${column} AS value, count() AS n FROM (${tasksSql(options, all)}) GROUP BY value`,
    );
    tasksBy[column] = new Map(counts.map(({ value, n }) => [value, n]));
  }
  const share = Math.max(1, Math.floor(tasks / samplesMax));
  const samples = await rows<TaskRecord>(`
    SELECT task_id, run_id, task_agent_id, run_agent_id, task_crew_id, task_flow_id, task_engagement_id, task_user_id,
      task_session_id, state, start_ms
    FROM (${tasksSql(options, all)}) WHERE task_hash % ${share} = 0 ORDER BY sipHash64(task) LIMIT ${samplesMax}`);
  let [events, failures, stepAttempts] = [0, 0, 0];
  for (const span of historySpans(options)) {
    for (const { n, failed, attempts } of await rows<EventSums>(sumsSql(options, span))) {
      events += n;
      failures += failed;
      stepAttempts += attempts;
    }
  }
  return { options, samples, tasksBy, events, tasks, failures, stepAttempts, longRuns: longRunsOf(options) };
}

interface EventSums {
  readonly n: number;
  readonly failed: number;
  readonly attempts: number;
}

function sumsSql(options: RunHistoryOptions, span: TaskSpan): string {
  return `SELECT count() AS n, countIf(is_failed) AS failed, countIf(is_step_start) AS attempts
    FROM (${eventsSql(options, span)})`;
}

const inNumbers = 'SETTINGS output_format_json_quote_64bit_integers = 0, max_threads = 2';

/** One sentence of what is loaded. */
export function describeRecord({ options, tasks, events, stepAttempts, failures }: RunRecord): string {
  const number = (value: number): string => value.toLocaleString('en-US');
  return (
    `${number(options.runs)} runs, ${number(tasks)} tasks, ${number(tasks * stepsPerTask)} steps in ` +
    `${number(stepAttempts)} attempts, ${number(failures)} failures, ${number(events)} events in ${options.days} days`
  );
}
