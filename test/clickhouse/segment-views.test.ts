import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFedTables } from '../../src/clickhouse/segments/fed-tables.js';
import { insertStatement } from '../../src/clickhouse/segments/segment-insert.js';
import { rawTable } from '../../src/core/event-schema.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, row } from '../support/event-rows.js';
import { type RawRow, timeText, writeSegment } from '../support/segment-file.js';

const database = 'tidemark';
let store: EngineStore;

beforeAll(async () => {
  store = await EngineStore.withSchema();
});

afterAll(() => store.end());

const ends = ['completed', 'failed', 'cancelled'];
const types = [
  ...['started', ...ends].map((state) => `run.${state}`),
  ...['pending', 'running', ...ends].map((state) => `task.${state}`),
  ...['started', 'completed', 'failed'].map((state) => `step.${state}`),
  ...['memory.stored', 'memory.recalled', 'pattern.observed', 'pattern.feedback', 'log', 'heartbeat'],
];

/** An event of each type for each number, with columns set in one and left out in another. */
function eventsOf(number: number): RawRow[] {
  const picked = <T>(every: number, value: T): T | undefined => (number % every === 0 ? value : undefined);
  return types.map((type) =>
    row({
      type,
      tenant: number % 5 === 0 ? 'other' : 'default',
      event_id: `${type}-${number}`,
      ts: timeText(noonMs - (number % 3) * 86_400_000 + number * 1_000),
      conflicting_end: number % 7 === 0 ? 1 : 0,
      agent_id: `agent-${number % 4}`,
      agent_name: picked(2, `Agent ${number}`),
      run_id: picked(3, '') ?? `run-${number % 6}`,
      task_id: type.startsWith('run') ? '' : `task-${number % 11}`,
      step_id: type.startsWith('step') ? `step-${number % 5}#${(number % 2) + 1}` : '',
      attempt: (number % 2) + 1,
      name: picked(2, `search ${number % 3}`),
      engagement_id: picked(4, 'engagement'),
      user_id: picked(3, 'someone'),
      model: picked(2, 'a-model'),
      step_kind: picked(2, 'tool'),
      started_at: picked(2, timeText(noonMs - 60_000)),
      duration_ms: picked(3, number * 10.5),
      llm_calls: number,
      tokens_in: number * 100,
      tokens_out: number,
      cost_micros: picked(4, number * 7),
      memory_mb: picked(5, number * 1.5),
      usage_scope: picked(6, 'rolled_up'),
      confidence: picked(2, (number % 10) / 10),
      error_category: type.endsWith('failed') ? 'tool' : '',
      error_code: type.endsWith('failed') ? `E${number % 2}` : '',
      error_message: type.endsWith('failed') ? `call ${number} to "x" took ${number}.5 s at 10.0.0.${number}` : '',
      inputs: { query: `q ${number}` },
      labels: picked(2, { team: 'a' }),
      pattern_id: type.startsWith('pattern') ? `pattern-${number % 3}` : '',
      pattern_type: type === 'pattern.observed' ? 'retry' : '',
      feedback_score: type === 'pattern.feedback' ? number % 5 : undefined,
      evidence: type === 'pattern.observed' ? [`run-${number}`] : [],
    }),
  );
}

/** All rows and columns of a table as one number; a column that says when it was written differs every time. */
async function contentOf(table: string): Promise<unknown> {
  const columns = await store.select<{ name: string; type: string }>(
    `SELECT name, type FROM system.columns WHERE database = '${database}' AND table = '${table}'`,
  );
  const texts = columns
    .filter(({ name }) => name !== 'inserted')
    .map(({ name, type }) =>
      type.startsWith('AggregateFunction') ? `hex(${name})` : `ifNull(toString(${name}), '-')`,
    );
  const hash = `toString(sum(cityHash64(${texts.join(', ')})))`;
  return (await store.select(`SELECT count() AS rows, ${hash} AS content FROM ${table}`))[0];
}

/** Every table that an insert reaches, filled by this insert alone. */
async function filledBy(insert: string): Promise<Record<string, unknown>> {
  const tables = [rawTable, ...(await readFedTables(store.client)).map(({ name }) => name)];
  for (const table of tables) {
    await store.run(`SYSTEM STOP MERGES ${table}`);
    await store.run(`TRUNCATE TABLE ${table}`);
  }
  await store.run(insert);
  const contents: Record<string, unknown> = {};
  for (const table of tables) contents[table] = await contentOf(table);
  return contents;
}

test('an insert fills every table alike, however the engine plans and computes the views', async () => {
  const blocks = Array.from({ length: 60 }, (_, number) => eventsOf(number));
  const segment = await writeSegment(store, { id: 'views', blocks });
  const options = { database, transport: 'infile' } as const;
  const ours = insertStatement(segment, options, { table: rawTable, token: 'ours' });
  const filled = await filledBy(ours);
  expect(Object.keys(filled).length).toBeGreaterThan(13);
  for (const [table, content] of Object.entries(filled)) expect(content, table).not.toMatchObject({ rows: 0 });

  const other = insertStatement(segment, options, { table: rawTable, token: 'other' });
  expect(await filledBy(withSetting(other, 'allow_experimental_analyzer'))).toEqual(filled);
  const compiled = ['compile_expressions', 'compile_aggregate_expressions', 'compile_sort_description'];
  const always = 'SETTINGS min_count_to_compile_expression = 0, min_count_to_compile_aggregate_expression = 0,';
  expect(await filledBy(compiled.reduce(withSetting, other).replace('SETTINGS', always))).toEqual(filled);
});

/** As it is where this collector says nothing. */
function withSetting(insert: string, name: string): string {
  const off = `${name} = 0`;
  expect(insert).toContain(off);
  return insert.replace(off, `${name} = 1`);
}
