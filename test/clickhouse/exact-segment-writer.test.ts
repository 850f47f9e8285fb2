import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ExactSegmentWriter } from '../../src/clickhouse/segments/exact-segment-writer.js';
import { directoryOf } from '../../src/clickhouse/segments/part-census.js';
import type { StoreStatement, StoreWriter } from '../../src/clickhouse/store-writer.js';
import { systemClock } from '../../src/core/clock.js';
import { rawTable } from '../../src/core/event-schema.js';
import { silentLogger } from '../../src/core/logger.js';
import type { InsertNotes } from '../../src/core/ports/insert-notes.js';
import type { SpoolSegment } from '../../src/core/ports/spool-reader.js';
import { nodeFileSystem } from '../../src/spool/file-system.js';
import { InsertNoteFile } from '../../src/spool/insert-note-file.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, rollupRows, row } from '../support/event-rows.js';
import { seededRandom } from '../support/seeded-random.js';
import { timeText, writeSegment } from '../support/segment-file.js';

const database = 'tidemark';
let store: EngineStore;
let notes: InsertNotes;
/** Rows that a segment of this test adds to each table, one part a partition. */
let once: Readonly<Record<string, number>>;
let serial = 0;

beforeAll(async () => {
  store = await EngineStore.withSchema();
  await stopMerges();
  notes = freshNotes();
  const before = await tableRows();
  await createWriter().writer.insert(await nextSegment());
  once = added(before, await tableRows());
  expect(Object.keys(once).length).toBeGreaterThan(10);
});

afterAll(() => store.end());

function freshNotes(): InsertNotes {
  return new InsertNoteFile({ fileSystem: nodeFileSystem }, mkdtempSync(join(store.directory, 'notes-')));
}

/** Parts stay as they were inserted, so that their rows can be counted; also over a restart. */
async function stopMerges(): Promise<void> {
  for (const { name } of await store.select<{ name: string }>(tables)) {
    await store.run(`ALTER TABLE ${name} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1`);
  }
}

const tables = `
  SELECT name FROM system.tables
  WHERE database = '${database}' AND engine LIKE '%MergeTree' AND match(name, '^agent_')`;

/** Of every kind, in two months of event time: rollups have two partitions, the raw table has one. */
async function nextSegment(): Promise<SpoolSegment> {
  const earlier = { ts: timeText(noonMs - 40 * 86_400_000), duration_ms: 5 };
  const rows = [
    ...rollupRows,
    row({ type: 'task.completed', agent_id: 'a', task_id: 't9', run_id: 'r9', ...earlier }),
    row({ type: 'run.started', agent_id: 'a', run_id: 'r9' }),
    row({ type: 'run.completed', agent_id: 'a', run_id: 'r9' }),
    row({ type: 'task.failed', agent_id: 'a', task_id: 't8', error_category: 'tool', error_code: 'E', ...earlier }),
    row({ type: 'memory.stored', agent_id: 'a' }),
    row({ type: 'pattern.observed', agent_id: 'a', pattern_id: 'p' }),
    row({ type: 'pattern.feedback', agent_id: 'a', pattern_id: 'p', feedback_score: 1 }),
  ];
  serial += 1;
  const id = `${serial.toString(16).padStart(12, '0')}-000000-0000000000000000`;
  return await writeSegment(store, { id, blocks: [rows.slice(0, 3), rows.slice(3)] });
}

async function tableRows(): Promise<Record<string, number>> {
  const rows = await store.client.writerRows<{ place: string; rows: number }>({
    name: 'test',
    sql: `
      SELECT concat(table, '/', partition_id) AS place, toInt32(sum(rows)) AS rows FROM system.parts
      WHERE active AND database = '${database}' AND match(table, '^agent_') GROUP BY place`,
    params: {},
  });
  return Object.fromEntries(rows.map(({ place, rows: count }) => [place, count]));
}

function added(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>) {
  const differences = Object.entries(after).map(([place, rows]) => [place, rows - (before[place] ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, rows]) => rows !== 0));
}

interface Interference {
  /** Runs when a statement of this name is done, once. */
  readonly after?: { readonly name: RegExp; run(): Promise<void> };
}

/** The store, with something happening to it at a given moment. */
function createWriter(interference: Interference = {}) {
  let left = interference.after;
  const outcomes: string[] = [];
  const broken: string[] = [];
  const between: StoreWriter = {
    command: async (statement: StoreStatement) => {
      await store.command(statement);
      if (left?.name.test(statement.name) !== true) return;
      const { run } = left;
      left = undefined;
      await run();
    },
    insertStream: (...insert) => store.insertStream(...insert),
    writerRows: (query) => store.writerRows(query),
  };
  const writer = new ExactSegmentWriter(
    {
      store: between,
      notes,
      clock: systemClock,
      random: seededRandom(serial + 1),
      logger: silentLogger,
      instruments: {
        settled: { inc: ({ outcome }) => void outcomes.push(outcome) },
        partsBroken: { inc: ({ found }) => void broken.push(found) },
      },
    },
    { database, engineDir: store.test.dataDir },
  );
  return { writer, outcomes, broken };
}

interface Part {
  readonly name: string;
  readonly directory: string;
}

async function newestParts(table: string): Promise<Part[]> {
  const rows = await store.client.writerRows<{ name: string; path: string }>({
    name: 'test',
    sql: `
      SELECT name, path FROM system.parts WHERE active AND database = '${database}' AND table = '${table}'
      ORDER BY max_block_number DESC`,
    params: {},
  });
  return rows.map(({ name, path }) => ({ name, directory: directoryOf(path, store.test.dataDir) }));
}

/** As a power cut leaves it: parts are synced, the log of tokens is not. */
function loseTokens(): Promise<void> {
  return restartWithout((name) => /deduplication_log_\d+\.txt$/.test(name));
}

/** Kills the engine, removes what is found in its store, and waits for its restart. */
async function restartWithout(isLost: (name: string) => boolean): Promise<void> {
  const engineDir = join(store.test.dataDir, 'db', 'store');
  const pid = store.test.engine.pid();
  if (pid === undefined) throw new Error('no engine runs');
  process.kill(pid, 'SIGKILL');
  for (const name of readdirSync(engineDir, { recursive: true, encoding: 'utf8' }).filter(isLost)) {
    rmSync(join(engineDir, name), { recursive: true, force: true });
  }
  while (store.test.engine.pid() === pid) await new Promise((resolve) => setTimeout(resolve, 20));
  await store.test.engine.ready();
}

test('a segment that was inserted and not released is not inserted again, though its token is lost', async () => {
  const segment = await nextSegment();
  const before = await tableRows();
  await createWriter().writer.insert(segment);
  await loseTokens();
  const again = createWriter();
  await again.writer.insert(segment);
  expect(added(before, await tableRows())).toEqual(once);
  expect(again.outcomes).toEqual(['complete']);
});

test('a segment that was inserted and merged with older rows is recognised in the merged parts', async () => {
  const segment = await nextSegment();
  await createWriter().writer.insert(segment);
  for (const { name } of await store.select<{ name: string }>(tables)) await store.run(`OPTIMIZE TABLE ${name} FINAL`);
  await loseTokens();
  const before = await tableRows();
  const again = createWriter();
  await again.writer.insert(segment);
  expect(added(before, await tableRows())).toEqual({});
  expect(again.outcomes).toEqual(['complete']);
});

for (const table of [rawTable, 'agent_performance_per_day_v1', 'agent_failures_v1', 'agent_pattern_feedback_v1']) {
  test(`a segment that is everywhere but in ${table} is completed there alone`, async () => {
    const segment = await nextSegment();
    const before = await tableRows();
    await createWriter().writer.insert(segment);
    const [newest] = await newestParts(table);
    await store.run(`ALTER TABLE ${table} DROP PART '${newest?.name}'`);
    expect(added(before, await tableRows())).not.toEqual(once);
    const again = createWriter();
    await again.writer.insert(segment);
    expect(added(before, await tableRows())).toEqual(once);
    expect(again.outcomes).toEqual(['completed']);
    await createWriter().writer.insert(segment);
    expect(added(before, await tableRows())).toEqual(once);
  });
}

test('an insert that a missing table broke off half-way is completed, also under another view', async () => {
  const segment = await nextSegment();
  const before = await tableRows();
  await store.run('RENAME TABLE agent_runs_v1 TO away');
  const { writer } = createWriter();
  await expect(writer.insert(segment)).rejects.toMatchObject({ retryable: true });
  await store.run('RENAME TABLE away TO agent_runs_v1');
  await writer.insert(segment);
  expect(added(before, await tableRows())).toEqual(once);
});

test('a part whose file the engine did not write is not taken for inserted, and is made again', async () => {
  const segment = await nextSegment();
  const before = await tableRows();
  const { writer, outcomes, broken } = createWriter({
    after: {
      name: /^insert of segment/,
      async run() {
        const [newest] = await newestParts('agent_performance_per_minute_v1');
        truncateSync(join(newest!.directory, 'data.bin'), 0);
      },
    },
  });
  await expect(writer.insert(segment)).rejects.toMatchObject({ code: 'store_failed', retryable: true });
  await writer.insert(segment);
  expect(added(before, await tableRows())).toEqual(once);
  expect({ outcomes, broken }).toEqual({ outcomes: ['completed'], broken: ['insert'] });
});

test('an insert that is reported done while its rows are not there is done again under another token', async () => {
  const segment = await nextSegment();
  const before = await tableRows();
  const { writer, outcomes } = createWriter({
    after: {
      name: /^insert of segment/,
      async run() {
        for (const { name } of await store.select<{ name: string }>(tables)) {
          for (const part of await newestParts(name)) {
            const gone = added(before, await tableRows());
            if (!Object.keys(gone).some((place) => place.startsWith(`${name}/`))) break;
            await store.run(`ALTER TABLE ${name} DROP PART '${part.name}'`);
          }
        }
      },
    },
  });
  await expect(writer.insert(segment)).rejects.toMatchObject({ code: 'store_failed', retryable: true });
  await writer.insert(segment);
  expect(added(before, await tableRows())).toEqual(once);
  expect(outcomes).toEqual(['repeated']);
});

test('a token that is remembered for parts that are lost does not keep their rows from being inserted', async () => {
  const segment = await nextSegment();
  const before = await tableRows();
  await createWriter().writer.insert(segment);
  const newest = await Promise.all(
    Object.keys(once).map(async (place) => {
      const [table = '', partition = ''] = place.split('/');
      return (await newestParts(table)).find(({ name }) => name.startsWith(`${partition}_`));
    }),
  );
  const lost = new Set(newest.map((part) => part?.directory.replace(/\/$/, '').split('/').slice(-2).join('/')));
  await restartWithout((name) => lost.has(name.split('/').slice(-2).join('/')));
  expect(added(before, await tableRows())).toEqual({});
  const again = createWriter();
  await again.writer.insert(segment);
  expect(added(before, await tableRows())).toEqual(once);
  expect(again.outcomes).toEqual(['repeated']);
});

test('a completion that is cut short anywhere is taken up again', async () => {
  for (const name of [/^table beside agent_failures_v1/, /^rows of segment .* for agent_runs_v1/, /^completion of/]) {
    const segment = await nextSegment();
    const before = await tableRows();
    await createWriter().writer.insert(segment);
    for (const table of [rawTable, 'agent_runs_v1', 'agent_errors_per_day_v1']) {
      const [newest] = await newestParts(table);
      await store.run(`ALTER TABLE ${table} DROP PART '${newest?.name}'`);
    }
    const cut = createWriter({ after: { name, run: () => Promise.reject(new Error('cut')) } });
    await expect(cut.writer.insert(segment)).rejects.toThrow('cut');
    await createWriter().writer.insert(segment);
    expect(added(before, await tableRows())).toEqual(once);
  }
  const left = await store.select("SELECT name FROM system.tables WHERE name LIKE '%beside%'");
  expect(left).toEqual([]);
});

test('a segment that is put aside half-way tells what the store has, and comes back once', async () => {
  const segment = await nextSegment();
  const before = await tableRows();
  await createWriter().writer.insert(segment);
  const [newest] = await newestParts('agent_runs_v1');
  await store.run(`ALTER TABLE agent_runs_v1 DROP PART '${newest?.name}'`);
  const arrived = await createWriter().writer.giveUp(segment);
  // Others go on meanwhile.
  await createWriter().writer.insert(await nextSegment());
  const between = await tableRows();
  await createWriter().writer.insert({ ...segment, arrived: arrived! });
  expect(Object.keys(added(between, await tableRows()))).toEqual([expect.stringMatching(/^agent_runs_v1\//)]);
  expect(added(before, await tableRows())).toEqual(
    Object.fromEntries(Object.entries(once).map(([place, rows]) => [place, 2 * rows])),
  );
});

test('a newer segment in doubt stays exact when an older one comes back before it', async () => {
  const older = await nextSegment();
  const back = await nextSegment();
  const doubtful = await nextSegment();
  const before = await tableRows();
  await createWriter().writer.insert(older);
  const arrived = await createWriter().writer.giveUp(older);
  await createWriter().writer.insert(doubtful);
  const [newest] = await newestParts('agent_runs_v1');
  await store.run(`ALTER TABLE agent_runs_v1 DROP PART '${newest?.name}'`);
  for (const segment of [{ ...older, arrived: arrived! }, { ...back, arrived: '' }, doubtful]) {
    await createWriter().writer.insert(segment);
  }
  expect(added(before, await tableRows())).toEqual(
    Object.fromEntries(Object.entries(once).map(([place, rows]) => [place, 3 * rows])),
  );
});

test('segments that were put aside half-way one after another come back with what they lack', async () => {
  const before = await tableRows();
  const back: SpoolSegment[] = [];
  for (let count = 0; count < 2; count++) {
    const segment = await nextSegment();
    await createWriter().writer.insert(segment);
    const [newest] = await newestParts('agent_runs_v1');
    await store.run(`ALTER TABLE agent_runs_v1 DROP PART '${newest?.name}'`);
    back.push({ ...segment, arrived: (await createWriter().writer.giveUp(segment))! });
  }
  // As maintenance does, while nothing is delivered.
  await store.run('INSERT INTO agent_runs_v1 SELECT * FROM agent_runs_v1 LIMIT 1');
  for (const segment of back) await createWriter().writer.insert(segment);
  const twice = Object.fromEntries(Object.entries(once).map(([place, rows]) => [place, 2 * rows]));
  const found = added(before, await tableRows());
  for (const place of Object.keys(found)) if (place.startsWith('agent_runs_v1/')) found[place]! -= 1;
  expect(found).toEqual(twice);
});

test('segments that were inserted and are put back together are each there once, and so is what follows', async () => {
  const before = await tableRows();
  const segments = [await nextSegment(), await nextSegment(), await nextSegment(), await nextSegment()];
  for (const segment of segments) await createWriter().writer.insert(segment);
  // Without the last, which the note is of, and with it.
  for (const back of [segments.slice(0, 3), segments]) {
    for (const segment of back) await createWriter().writer.insert(segment);
  }
  await createWriter().writer.insert(await nextSegment());
  expect(added(before, await tableRows())).toEqual(
    Object.fromEntries(Object.entries(once).map(([place, rows]) => [place, 5 * rows])),
  );
});

test('a table that was made after the note is not taken for reached by the insert', async () => {
  const segment = await nextSegment();
  await createWriter().writer.insert(segment);
  const note = await notes.read();
  const content = JSON.parse(note!.content) as { marks: Record<string, number> };
  delete content.marks.agent_runs_v1;
  await notes.write({ ...note!, content: JSON.stringify(content) });
  for (const table of [rawTable, 'agent_failures_v1']) {
    const [newest] = await newestParts(table);
    await store.run(`ALTER TABLE ${table} DROP PART '${newest?.name}'`);
  }
  const before = await tableRows();
  await createWriter().writer.insert(segment);
  const places = Object.keys(added(before, await tableRows())).map((place) => place.replace(/\/.*/, ''));
  expect(places.sort()).toEqual([rawTable, 'agent_failures_v1', 'agent_runs_v1'].sort());
});

test('a segment of a version that took no notes goes by its token', async () => {
  notes = freshNotes();
  const segment = await nextSegment();
  const before = await tableRows();
  await createWriter().writer.insert(segment);
  // The same again, as after the update of a collector that had not released it.
  notes = freshNotes();
  await createWriter().writer.insert(segment);
  await createWriter().writer.insert(segment);
  expect(added(before, await tableRows())).toEqual(once);
});
