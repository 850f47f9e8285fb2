import { endedBit, saidBits } from '../sql/row-version.js';

/**
 * A task or run as the sum of what its events said, as SQL over its state table (`agent_task_history_v1` and
 * `agent_runs_v1`), which has a row an event. What any of them told is there, the later winning where several speak;
 * maps are merged by key; how it ended is told by its end, which never goes back. The same whatever the order of
 * arrival: events are ordered by their time, attempt and state (the version without its highest bit), then by their
 * receipt; of two that are the same in all of that a hash of the value decides.
 *
 * Order is compared as one UInt128: the version, then 42 bits of receipt in ms, then 22 bits of hash. 640,000 events of
 * 320,000 tasks took 4.9 s of CPU with tuples of the three, 1.6 s so, maps apart from their order included.
 *
 * The views `agent_task_history` and `agent_runs` are this SQL; a test keeps them equal.
 */
export interface MergedKind {
  readonly stateTable: string;
  /** What makes two events belong to one, beside the tenant. */
  readonly keys: readonly string[];
  /** Runs alone: their usage may include that of their tasks. */
  readonly hasUsageScope: boolean;
}

const hashMask = '4194303';

/** Where an event stands among those that tell a column, of `told_at` or `reached_at`. */
function order(at: string, column: string): string {
  return `e.${at} + bitAnd(cityHash64(e.${column}), ${hashMask})`;
}

/** The latest text that is not empty. */
function text(column: string): string {
  return `argMaxIf(e.${column}, ${order('told_at', column)}, e.${column} != '')`;
}

/** The latest count that is not 0: absent and 0 are one here. */
function count(column: string): string {
  return `argMaxIf(e.${column}, ${order('told_at', column)}, e.${column} != 0)`;
}

/** The latest that is not NULL. */
function optional(column: string): string {
  return `argMax(e.${column}, ${order('told_at', column)})`;
}

/** All keys, each with its latest value. */
function map(column: string): string {
  return `arrayFold(
            (merged, told) -> mapUpdate(merged, told),
            arraySort(
                (told, at) -> (at, mapKeys(told), mapValues(told)),
                groupArrayIf(e.${column}, notEmpty(e.${column})),
                groupArrayIf(e.told_at, notEmpty(e.${column}))
            ),
            CAST(map(), 'Map(String, String)')
        )`;
}

/** Of the event that tells the state: an end if there is one, else the latest. */
function ofState(expression: string): string {
  return `argMax(${expression}, e.reached_at)`;
}

/** The latest that is not empty among the ends of the attempt that tells the state. */
const ofAttempt = (column: string): string =>
  `argMaxIf((greatest(e.attempt, 1), e.${column}), ${order('reached_at', column)}, e.${column} != '')`;

/** Of the event that tells the cost. */
const costSource = `argMaxIf(
            e.cost_source, (assumeNotNull(${order('told_at', 'cost_micros')}), e.cost_source), isNotNull(e.cost_micros)
        )`;

type Columns = readonly (readonly [expression: string, name: string])[];

const contextColumns = [
  'agent_name',
  'agent_version',
  'parent_id',
  'flow_id',
  'crew_id',
  'engagement_id',
  'user_id',
  'session_id',
  'environment',
  'name',
  'model',
  'provider',
];

const tokenColumns = ['tokens_in', 'tokens_out', 'tokens_cache_read', 'tokens_cache_write', 'tokens_reasoning'];

/** What is told of a group of events; names that begin with `told_` serve the columns below. */
function groupColumns(kind: MergedKind): Columns {
  return [
    ['e.tenant', 'tenant'],
    ...kind.keys.map((key) => [`e.${key}`, key] as const),
    [optional('agent_id'), 'agent_id'],
    ...contextColumns.map((column) => [text(column), column] as const),
    [ofState('e.status'), 'status'],
    [ofState('e.attempt'), 'attempt'],
    [ofState('e.ts'), 'ts'],
    ['max(e.received)', 'received'],
    [`max(e.version) >= ${endedBit}`, 'told_end'],
    [ofState('coalesce(e.ended_at, e.ts)'), 'told_end_at'],
    [
      `argMaxIf(
            (greatest(e.attempt, 1), e.started_at), ${order('told_at', 'started_at')}, isNotNull(e.started_at)
        )`,
      'told_start',
    ],
    [`arraySort(told -> told.2, groupArrayIf((greatest(e.attempt, 1), e.ts), e.status = 'running'))`, 'told_starts'],
    [
      `argMaxIf(
            (greatest(e.attempt, 1), e.duration_ms), ${order('reached_at', 'duration_ms')}, isNotNull(e.duration_ms)
        )`,
      'told_duration',
    ],
    ...['llm_calls', ...tokenColumns].map((column) => [count(column), column] as const),
    ...['cost_micros', 'memory_mb', 'confidence'].map((column) => [optional(column), column] as const),
    [costSource, 'cost_source'],
    ...(kind.hasUsageScope ? [[ofState('e.usage_scope'), 'usage_scope'] as const] : []),
    [ofState('e.error_category'), 'error_category'],
    [ofAttempt('finish_reason'), 'told_finish'],
    [ofAttempt('error_code'), 'told_code'],
    [ofAttempt('error_message'), 'told_message'],
    ...['inputs', 'outputs', 'labels'].map((column) => [map(column), column] as const),
    ['max(e.start)', 'told_place'],
    ['uniqExactIf(e.told_at, e.conflicting_end = 1)', 'conflicting_ends'],
  ];
}

const itself = (name: string) => [name, name] as const;

/** The columns of the view, in its order. */
function viewColumns(kind: MergedKind): Columns {
  return [
    ...['tenant', kind.keys[0] ?? '', 'agent_id', 'agent_name', 'agent_version', ...kind.keys.slice(1)].map(itself),
    ...contextColumns.slice(2).map(itself),
    [`if(told_finish.1 = greatest(attempt, 1), told_finish.2, '')`, 'finish_reason'],
    ...['status', 'attempt', 'ts', 'received'].map(itself),
    [
      `coalesce(
        if(told_start.1 = greatest(attempt, 1), told_start.2, NULL),
        arrayFirstOrNull(told -> told.1 = greatest(attempt, 1), told_starts).2,
        told_start.2,
        arrayFirstOrNull(told -> true, told_starts).2,
        if(
            told_end AND told_duration.1 = greatest(attempt, 1),
            told_end_at - toIntervalMillisecond(toInt64(ifNull(told_duration.2, 0))),
            NULL
        )
    )`,
      'started_at',
    ],
    ['if(told_end, told_end_at, NULL)', 'ended_at'],
    [
      `coalesce(
        if(told_duration.1 = greatest(attempt, 1), told_duration.2, NULL),
        if(ended_at >= started_at, toFloat64(dateDiff('millisecond', started_at, ended_at)), NULL)
    )`,
      'duration_ms',
    ],
    ...['llm_calls', ...tokenColumns, 'cost_micros', 'cost_source'].map(itself),
    ...(kind.hasUsageScope ? [itself('usage_scope')] : []),
    ...['memory_mb', 'confidence', 'error_category'].map(itself),
    [`if(told_code.1 = greatest(attempt, 1), told_code.2, '')`, 'error_code'],
    [`if(told_message.1 = greatest(attempt, 1), told_message.2, '')`, 'error_message'],
    ...['inputs', 'outputs', 'labels'].map(itself),
    ['coalesce(started_at, told_place)', 'start'],
    itself('conflicting_ends'),
  ];
}

export interface MergedOptions {
  /** Which rows of the state table: a conjunction of constant text. */
  readonly where?: string;
  /**
   * The text around it: columns that it does not name are left out, with what they alone are made of. The engine takes
   * most of its time for a page of tasks to understand the statement, 2 ms of CPU a column.
   */
  readonly namedIn?: string;
  /**
   * Adds `place`, the latest start that an event tells for which this conjunction over the columns of the state table
   * holds, and `has_place`, whether there is such an event.
   */
  readonly place?: string;
}

/** The SELECT that makes tasks or runs of their events. */
export function mergedWork(kind: MergedKind, { where, place, namedIn }: MergedOptions = {}): string {
  const placed: Columns = [
    ['maxIf(e.start, e.may_hold)', 'place'],
    ['max(e.may_hold)', 'has_place'],
  ];
  const placeNames = place === undefined ? [] : placed.map(([, name]) => itself(name));
  const shown = namedColumns([...viewColumns(kind), ...placeNames], namedIn);
  const all = [...groupColumns(kind), ...(place === undefined ? [] : placed)];
  const used = wordsOf(shown.map(([expression]) => expression).join(' '));
  const grouped = namedIn === undefined ? all : all.filter(([, name]) => used.has(name));
  const list = (columns: Columns, indent: string) =>
    columns
      .map(([expression, name]) => `${indent}${expression === name ? name : `${expression} AS ${name}`}`)
      .join(',\n');
  const keys = ['tenant', ...kind.keys].map((key) => `e.${key}`);
  const owner = kind.keys.includes('task_id') ? `, if(e.run_id = '', e.agent_id, '')` : '';
  const held = place === undefined ? '' : `,\n            ${place} AS may_hold`;
  const condition = where === undefined ? '' : `\n        WHERE ${where}`;
  return `SELECT
${list(shown, '    ')}
FROM
(
    SELECT
${list(grouped, '        ')}
    FROM
    (
        SELECT
            *,
            bitShiftLeft(toUInt64(toUnixTimestamp64Milli(received)), 22) AS received_at,
            bitShiftLeft(toUInt128(version), 64) + received_at AS reached_at,
            bitShiftLeft(toUInt128(bitAnd(version, ${saidBits})), 64) + received_at AS told_at${held}
        FROM ${kind.stateTable}${condition}
    ) AS e
    GROUP BY ${keys.join(', ')}${owner}
)`;
}

/** Those that the text names, and those that they are made of. */
function namedColumns(columns: Columns, text: string | undefined): Columns {
  if (text === undefined) return columns;
  const words = wordsOf(text);
  for (let known = 0; known < words.size; ) {
    known = words.size;
    for (const [expression, name] of columns) {
      if (words.has(name)) for (const word of wordsOf(expression)) words.add(word);
    }
  }
  return columns.filter(([, name]) => words.has(name));
}

function wordsOf(sql: string): Set<string> {
  return new Set(sql.match(/\w+/g));
}

export const mergedTasks: MergedKind = {
  stateTable: 'agent_task_history_v1',
  keys: ['task_id', 'run_id'],
  hasUsageScope: false,
};

export const mergedRuns: MergedKind = { stateTable: 'agent_runs_v1', keys: ['run_id'], hasUsageScope: true };
