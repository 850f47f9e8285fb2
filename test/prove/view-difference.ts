import type { CollectorProcess } from '../support/collector-process.js';

/** The store is there: a question that fails, fails for what it is about. */
export const questionMsMax = 3_000;

/** A table that a view fills, and what is compared of it. */
export interface FilledTable {
  readonly target: string;
  /** The view's query over the raw rows, each taken once. */
  readonly query: string;
  readonly keys: readonly string[];
  /** Expressions over a group of rows with one key, the same on both sides. */
  readonly values: readonly string[];
  /** Of a table that keeps the last state: its version column. */
  readonly version: string | null;
  readonly hasAgents: boolean;
  /** Has hashes, no ids, so that rows of what is erased stay. */
  readonly isHashed: boolean;
}

/** What is not from the events alone: when a row was written, and what was found out later. */
const notFromEvents: ReadonlySet<string> = new Set(['inserted', 'outcome']);
/** Sums per agent and time, of which an erasure takes nothing. */
const impersonal: ReadonlySet<string> = new Set([
  'agent_performance_per_minute_v1',
  'agent_performance_per_day_v1',
  'agent_memory_per_day_v1',
  'agent_errors_per_day_v1',
  'engagement_performance_per_day_v1',
]);

/** Found in the store, so that none is left out. */
export async function readViews(collector: CollectorProcess): Promise<FilledTable[]> {
  const views = await collector.query<{ readonly ddl: string; readonly query: string }>(`
    SELECT create_table_query AS ddl, as_select AS query FROM system.tables
    WHERE database = 'tidemark' AND engine = 'MaterializedView' ORDER BY name`);
  const tables: FilledTable[] = [];
  for (const { ddl, query } of views) {
    const target = / TO (?:tidemark\.)?(\w+)/.exec(ddl)?.[1] ?? '';
    tables.push(await readFilledTable(collector, target, query));
  }
  return tables;
}

async function readFilledTable(collector: CollectorProcess, target: string, sql: string): Promise<FilledTable> {
  const query = sql.replaceAll(
    /FROM (?:tidemark\.)?agent_events_raw_v1(?: AS (\w+))?/g,
    (_, alias: string = 'agent_events_raw_v1') =>
      `FROM (SELECT * FROM tidemark.agent_events_raw_v1 LIMIT 1 BY session_id) AS ${alias}`,
  );
  const [table] = await collector.query<{ readonly engine: string; readonly keys: string }>(
    `SELECT engine_full AS engine, sorting_key AS keys FROM system.tables
     WHERE database = 'tidemark' AND name = '${target}'`,
  );
  const columns = await collector.query<{ readonly name: string; readonly type: string }>(
    `SELECT name, type FROM system.columns WHERE database = 'tidemark' AND table = '${target}'`,
  );
  const given = new Set(
    (await collector.query<{ readonly name: string }>(`DESCRIBE (${query})`)).map(({ name }) => name),
  );
  const sortedBy = table?.keys.split(', ') ?? [];
  const version = /^ReplacingMergeTree\((\w+)\)/.exec(table?.engine ?? '')?.[1] ?? null;
  const fromEvents = columns.filter(({ name }) => given.has(name) && !notFromEvents.has(name));
  // Rows in the order of their insert are counted, each kind of them.
  const isByInsert = sortedBy.some((key) => notFromEvents.has(key));
  const keys = isByInsert ? fromEvents.map(({ name }) => name) : sortedBy;
  const compared = fromEvents.filter(({ name }) => !keys.includes(name));
  return {
    target,
    query,
    keys,
    version,
    isHashed: isByInsert,
    values: isByInsert ? ['count()'] : valuesOf(table?.engine ?? '', version, compared),
    hasAgents: impersonal.has(target) && given.has('agent_id'),
  };
}

type Columns = readonly { readonly name: string; readonly type: string }[];

/** Of a table that has a row an event: all rows of a key, so that one too many is seen. */
function valuesOf(engine: string, version: string | null, columns: Columns): readonly string[] {
  const casts = columns.map(({ name, type }) => `CAST(${name} AS ${type})`);
  if (version !== null) return casts;
  if (engine.startsWith('MergeTree')) return [`arraySort(groupArray(toString(tuple(${casts.join(', ')}))))`];
  return columns.map(({ name, type }) => combined(name, type));
}

/** The value of a group of rows: `sum(x)` of a SimpleAggregateFunction(sum, …), `uniqMerge(x)` of a state. */
function combined(name: string, type: string): string {
  const [, simple, call = '', parameters = ''] = /^(Simple)?AggregateFunction\((\w+)(\([^)]*\))?,/.exec(type) ?? [];
  if (simple === undefined) return `${call}Merge${parameters}(${name})`;
  return call === 'groupUniqArrayArray' ? `arraySort(${call}${parameters}(${name}))` : `${call}${parameters}(${name})`;
}

interface Difference {
  readonly keys: number;
  readonly missing: number;
  readonly extra: number;
  readonly differing: number;
  readonly example: string;
}

/** In words; empty when the table holds what its view makes of the raw rows. */
export async function viewDifference(
  collector: CollectorProcess,
  table: FilledTable,
  erasedAgent: string,
): Promise<{ readonly words: string; readonly example: string }> {
  const { keys, values, version, target, query } = table;
  const condition = table.hasAgents ? `agent_id != '${erasedAgent}'` : 'true';
  // Failures are named; tries and completions are hashes, which an erasure leaves.
  const isNamed = keys.includes('lane') ? `position(k, 'failed') > 0` : String(!table.isHashed);
  const side = (number: number, from: string): string => `
    SELECT toUInt8(${number}) AS side, toString(tuple(${keys.map((key) => `toString(${key})`).join(', ')})) AS k,
      toString(tuple(${values.join(', ')})) AS v
    FROM (SELECT * FROM ${from} WHERE ${condition})`;
  const [left, right] =
    version === null
      ? [side(0, target), side(1, `(${query})`)].map((text) => `${text} GROUP BY ${keys.join(', ')}`)
      : [side(0, `${target} FINAL`), `${side(1, `(${query})`)} ORDER BY ${version} DESC LIMIT 1 BY ${keys.join(', ')}`];
  const [found] = await collector.query<Difference>(
    `
    SELECT toUInt32(count()) AS keys, toUInt32(countIf(l = 0)) AS missing,
      toUInt32(countIf(r = 0 AND ${isNamed})) AS extra,
      toUInt32(countIf(l > 0 AND r > 0 AND lv != rv)) AS differing,
      anyIf(concat(k, ' holds ', lv, ' instead of ', rv), lv != rv AND (r > 0 OR ${isNamed})) AS example
    FROM
    (
      SELECT k, countIf(side = 0) AS l, countIf(side = 1) AS r, anyIf(v, side = 0) AS lv, anyIf(v, side = 1) AS rv
      FROM (${left} UNION ALL ${right}) GROUP BY k
    )`,
    questionMsMax,
  );
  if (found === undefined || found.missing + found.extra + found.differing === 0) return { words: '', example: '' };
  const { keys: all, missing, extra, differing } = found;
  const words = `of ${all} keys ${missing} are missing, ${extra} are too many, ${differing} differ`;
  return { words, example: found.example.slice(0, 300) };
}
