import { errorMessage } from '../../src/core/errors.js';
import type { CollectorProcess } from '../support/collector-process.js';
import { dayMs, erasedAgent, type MixedEvent } from './event-mix.js';
import { questionMsMax, readViews, viewDifference } from './view-difference.js';

/** One table against what it has to hold. `lost` and `twice` are in the table's own unit: rows, counts or states. */
export interface TableFinding {
  readonly table: string;
  readonly expected: number;
  readonly lost: number;
  readonly twice: number;
  /** What else differs, in words, and one of it. */
  readonly words: string;
  readonly example: string;
}

/**
 * The store against the ledger of a load, when everything is delivered: the raw rows by their names, the sums of
 * every rollup, and every row of every table that a view fills against the view's own query over the raw rows, each
 * taken once. `erasedRuns` have to be gone. What is as it has to be is not among the findings.
 */
export async function checkStore(
  collector: CollectorProcess,
  events: readonly MixedEvent[],
  erasedRuns: ReadonlySet<string>,
): Promise<TableFinding[]> {
  const isErased = (event: MixedEvent) => erasedRuns.has(String(event.run_id));
  const kept = events.filter((event) => !isErased(event));
  const findings = await orUnreadable('agent_events_raw_v1', () =>
    checkRaw(collector, kept, events.length - kept.length),
  );
  findings.push(...(await orUnreadable('sums', () => checkSums(collector, events, kept))));
  for (const view of await readViews(collector)) {
    const compare = async () => {
      const { words, example } = await viewDifference(collector, view, erasedAgent);
      return [{ table: view.target, expected: 0, lost: 0, twice: 0, words, example }];
    };
    findings.push(...(await orUnreadable(view.target, compare)));
  }
  return findings.filter(({ lost, twice, words }) => lost !== 0 || twice !== 0 || words !== '');
}

async function orUnreadable(table: string, read: () => Promise<TableFinding[]>): Promise<TableFinding[]> {
  try {
    return await read();
  } catch (error) {
    return [
      { table, expected: 0, lost: 0, twice: 0, words: 'cannot be read', example: errorMessage(error).slice(0, 300) },
    ];
  }
}

interface RawRow {
  readonly id: string;
  readonly rows: number;
  readonly type: string;
  readonly agent: string;
  readonly ts: number;
  readonly run: string;
  readonly tokens: number;
}

async function checkRaw(
  collector: CollectorProcess,
  kept: readonly MixedEvent[],
  erased: number,
): Promise<TableFinding[]> {
  const rows = await collector.query<RawRow>(
    `
    SELECT session_id AS id, toUInt32(count()) AS rows, any(toString(type)) AS type, any(toString(agent_id)) AS agent,
      toFloat64(any(toUnixTimestamp64Milli(ts))) AS ts, any(run_id) AS run, toFloat64(any(tokens_in)) AS tokens
    FROM agent_events_raw_v1 GROUP BY id`,
    questionMsMax,
  );
  const found = new Map(rows.map((row) => [row.id, row]));
  let lost = 0;
  let twice = 0;
  let altered = 0;
  for (const event of kept) {
    const row = found.get(event.session_id);
    found.delete(event.session_id);
    if (row === undefined) lost += 1;
    else {
      twice += row.rows - 1;
      if (!isSame(row, event)) altered += 1;
    }
  }
  const words = [
    ...(altered > 0 ? [`${altered} rows hold something else than was sent`] : []),
    ...(found.size > 0 ? [`${found.size} rows that nobody sent, or that were erased (${erased} were)`] : []),
  ].join(', ');
  return [{ table: 'agent_events_raw_v1', expected: kept.length, lost, twice, words, example: '' }];
}

function isSame(row: RawRow, event: MixedEvent): boolean {
  return (
    row.type === event.type &&
    row.agent === event.agent_id &&
    row.ts === event.ts &&
    row.run === (event.run_id ?? '') &&
    row.tokens === (event.tokens_in ?? 0)
  );
}

/** A number that the ledger knows, and how the store is asked for it. */
interface Sum {
  readonly table: string;
  readonly sql: string;
  readonly expected: number;
}

const executions = ['task.completed', 'task.failed', 'task.cancelled'];

/** Of a step only where it says that it is not the first try. */
function isLaterCompletion({ type, attempt }: MixedEvent): boolean {
  return type === 'run.completed' || type === 'task.completed' || (type === 'step.completed' && Number(attempt) > 1);
}

/** From the events alone, without a view. What is erased stays counted where nobody is named. */
async function checkSums(
  collector: CollectorProcess,
  all: readonly MixedEvent[],
  kept: readonly MixedEvent[],
): Promise<TableFinding[]> {
  const count = (among: readonly MixedEvent[], ...types: string[]) =>
    among.filter(({ type }) => types.includes(type)).length;
  const distinct = (begins: string, field: string) =>
    new Set(kept.flatMap((event) => (event.type.startsWith(begins) ? [event[field]] : []))).size;
  const tokens = (events: readonly MixedEvent[]) =>
    events.reduce((sum, { tokens_in }) => sum + Number(tokens_in ?? 0), 0);
  const endedMinutes = new Set(
    all
      .filter(({ type }) => /completed|failed|cancelled/.test(type))
      .map(({ agent_id, ts }) => `${agent_id} ${Math.floor(ts / 60_000)}`),
  );
  const days = new Set(all.map(({ agent_id, ts }) => `${agent_id} ${Math.floor(ts / dayMs)}`));
  const sums: Sum[] = [
    sum('agent_performance_per_minute_v1', 'sum(total)', count(all, ...executions)),
    sum('agent_performance_per_minute_v1', 'sum(tokens_in)', tokens(all)),
    sum('agent_performance_per_minute_v1', 'uniqExact(agent_id, minute)', endedMinutes.size),
    sum('agent_performance_per_day_v1', 'sum(events)', all.length),
    sum('agent_performance_per_day_v1', 'sum(total)', count(all, ...executions)),
    sum('agent_performance_per_day_v1', 'sum(tokens_in)', tokens(all)),
    sum('agent_performance_per_day_v1', 'uniqExact(agent_id, day)', days.size),
    sum('agent_errors_per_day_v1', 'sum(occurrences)', count(all, 'task.failed')),
    sum('agent_memory_per_day_v1', 'sum(stored + recalled)', count(all, 'memory.stored', 'memory.recalled')),
    sum('agent_patterns_v1', 'sum(observations)', count(all, 'pattern.observed')),
    sum('agent_pattern_feedback_v1 FINAL', 'count()', count(all, 'pattern.feedback')),
    sum('agent_run_activity_v1', 'sum(events)', kept.filter(({ run_id }) => run_id !== undefined).length),
    sum('agent_task_history_v1', 'uniqExact(task_id)', distinct('task.', 'task_id')),
    sum('agent_tasks_by_start_v1', 'uniqExact(task_id)', distinct('task.', 'task_id')),
    sum('agent_runs_v1', 'uniqExact(run_id)', distinct('run.', 'run_id')),
    sum('agent_runs_by_start_v1', 'uniqExact(run_id)', distinct('run.', 'run_id')),
    sum('agent_failures_v1 FINAL', `countIf(lane = 'failed')`, count(kept, 'task.failed', 'step.failed', 'run.failed')),
    sum('agent_tries_v1', 'countIf(completed)', all.filter(isLaterCompletion).length),
  ];
  const columns = sums.map(({ sql }, index) => `toFloat64(${sql}) AS s${index}`);
  const [row] = await collector.query<Readonly<Record<string, number>>>(`SELECT ${columns.join(', ')}`, questionMsMax);
  return sums.map(({ table, expected }, index) => {
    const found = row?.[`s${index}`] ?? 0;
    const [lost, twice] = [Math.max(0, expected - found), Math.max(0, found - expected)];
    return { table, expected, lost, twice, words: '', example: '' };
  });
}

function sum(table: string, expression: string, expected: number): Sum {
  return { table: `${table}: ${expression}`, sql: `(SELECT ${expression} FROM ${table})`, expected };
}
