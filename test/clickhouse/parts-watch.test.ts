import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { writeLostRows } from '../../src/clickhouse/integrity/lost-rows.js';
import { PartLedger } from '../../src/clickhouse/integrity/part-ledger.js';
import { PartsWatch } from '../../src/clickhouse/integrity/parts-watch.js';
import { RollupDayFinalizer } from '../../src/clickhouse/maintenance/day-finalizer.js';
import { createInsertToken } from '../../src/clickhouse/maintenance/insert-token.js';
import { directoryOf } from '../../src/clickhouse/segments/part-census.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import { systemClock } from '../../src/core/clock.js';
import { rawTable } from '../../src/core/event-schema.js';
import { silentLogger } from '../../src/core/logger.js';
import { EngineStore } from '../support/engine-store.js';
import { row } from '../support/event-rows.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/seeded-random.js';
import { writeSegment } from '../support/segment-file.js';

const database = 'tidemark';
let store: EngineStore;

beforeEach(async () => {
  store = await EngineStore.withSchema();
  onTestFinished(() => store.end());
  const writer = createSegmentWriter({ store }, { database, transport: 'infile' });
  const rows = Array.from({ length: 40 }, (_, index) =>
    row({ type: 'task.completed', agent_id: `a${index % 4}`, task_id: `t${index}`, run_id: 'r', duration_ms: index }),
  );
  await writer.insert(await writeSegment(store, { id: 'first', blocks: [rows] }));
});

interface Watched {
  readonly watch: PartsWatch;
  readonly clock: FakeClock;
  readonly counts: Map<string, number>;
  readonly said: string[];
  /** Parts that the engine was asked to check, one entry a check. */
  readonly checked: string[];
}

function startWatch(): Watched {
  const clock = new FakeClock();
  const counts = new Map<string, number>();
  const said: string[] = [];
  const checked: string[] = [];
  const counter = (name: string) => ({
    inc: (labels: object, by = 1) => {
      const key = [name, ...Object.values(labels)].join(' ');
      counts.set(key, (counts.get(key) ?? 0) + by);
    },
  });
  const note = (context: object, message: string) => void said.push(`${message} ${JSON.stringify(context)}`);
  const nextToken = createInsertToken(systemClock, seededRandom(3));
  const held = { store, nextToken, delivery: { whileHeld: <T>(work: () => Promise<T>) => work() } };
  const finalizer = new RollupDayFinalizer(
    {
      ...held,
      undeliveredSinceMs: () => null,
      clock: systemClock,
      logger: silentLogger,
      instruments: {
        finalizations: { inc: () => {} },
        agentsRepaired: { inc: () => {} },
        failures: { inc: () => {} },
        seconds: { observe: () => {} },
        lastSuccess: { set: () => {} },
      },
    },
    { skewFutureMs: 3_600_000 },
  );
  const reader = { rows: <Row>(query: Parameters<EngineStore['writerRows']>[0]) => store.writerRows<Row>(query) };
  const watch = new PartsWatch(
    {
      store: {
        command: (statement) => store.command(statement),
        insertStream: (statement, body) => store.insertStream(statement, body),
        writerRows: (query) => {
          if (query.name === 'check_of_a_part') checked.push(query.sql);
          return store.writerRows(query);
        },
      },
      ledger: new PartLedger(join(store.directory, 'parts.json')),
      mend: (table) => writeLostRows({ ...held, reader, finalizer }, table),
      restartEngine: () => store.test.engine.restart('test', { holdsMerges: true }),
      mayGo: () => false,
      clock,
      logger: { ...silentLogger, warn: note, error: note },
      instruments: {
        partsBroken: counter('broken'),
        partsDetached: counter('detached'),
        rowsMissing: counter('missing'),
        mergesHeld: { set: () => {} },
      },
    },
    store.test.dataDir,
  );
  onTestFinished(() => watch.stop());
  void watch.start();
  return { watch, clock, counts, said, checked };
}

async function looked({ watch }: Watched): Promise<void> {
  await expect.poll(() => Number(watch.health().details.parts)).toBeGreaterThan(0);
}

async function partDirectory(table: string): Promise<string> {
  const [part] = await store.client.writerRows<{ path: string }>({
    name: 'test',
    sql: `SELECT path FROM system.parts WHERE active AND database = '${database}' AND table = '${table}'`,
    params: {},
  });
  return directoryOf(part!.path, store.test.dataDir);
}

async function count(table: string): Promise<number> {
  const [found] = await store.select<{ rows: number }>(`SELECT count() AS rows FROM ${table}`);
  return found!.rows;
}

test('parts that are as they were are told as healthy, and remembered', async () => {
  const watched = startWatch();
  await looked(watched);
  expect(watched.watch.health()).toMatchObject({ name: 'parts', status: 'healthy', reason: null });
  const ledger = await new PartLedger(join(store.directory, 'parts.json')).read();
  expect(ledger?.map(({ table }) => table)).toContain(rawTable);
});

test('a rollup part that was cut is detached, named, and made again from the raw events', async () => {
  const before = await store.select('SELECT * FROM agent_performance_minutely ORDER BY ALL');
  truncateSync(join(await partDirectory('agent_performance_per_minute_v1'), 'data.bin'), 10);
  const watched = startWatch();
  await looked(watched);
  expect(watched.counts.get('broken start')).toBe(1);
  expect(watched.watch.health().details.troubles_first).toMatch(
    /^agent_performance_per_minute_v1\/.*detached.*mended$/,
  );
  expect(await store.select('SELECT * FROM agent_performance_minutely ORDER BY ALL')).toEqual(before);
});

test.skipIf(process.platform !== 'linux')(
  'a merge whose write failed gives way to the parts that it replaced, also of sums without raw events',
  async () => {
    const writer = createSegmentWriter({ store }, { database, transport: 'infile' });
    const rows = [row({ type: 'pattern.observed', agent_id: 'a', pattern_id: 'p', confidence: 1 })];
    for (const id of ['second', 'third']) await writer.insert(await writeSegment(store, { id, blocks: [rows] }));
    const observed = async () => await store.select('SELECT sum(observations) AS count FROM agent_patterns_v1');
    expect(await observed()).toEqual([{ count: 2 }]);
    const watched = startWatch();
    await looked(watched);
    store.limitFiles(100);
    // It succeeds.
    await store.run('OPTIMIZE TABLE agent_patterns_v1 FINAL');
    store.limitFiles('unlimited');
    await expect(observed()).rejects.toThrow();
    await nextTurn(watched);
    await expect.poll(() => observed().catch(() => null)).toEqual([{ count: 2 }]);
    expect(watched.counts.get('broken files')).toBe(1);
  },
);

test.skipIf(process.platform !== 'linux')(
  'merges wait after each restart for a broken one, longer each time, and go on by themselves',
  async () => {
    const writer = createSegmentWriter({ store }, { database, transport: 'infile' });
    const rows = [row({ type: 'pattern.observed', agent_id: 'a', pattern_id: 'p', confidence: 1 })];
    for (const id of ['second', 'third']) await writer.insert(await writeSegment(store, { id, blocks: [rows] }));
    const watched = startWatch();
    await looked(watched);
    const merge = () => store.run('OPTIMIZE TABLE agent_patterns_v1 FINAL');
    for (const [count, waitTurns] of [2, 4].entries()) {
      store.limitFiles(100);
      await merge();
      store.limitFiles('unlimited');
      await nextTurn(watched);
      await expect.poll(() => store.test.restarts.length).toBe(count + 1);
      for (let turn = 0; turn < waitTurns; turn++) {
        await store.test.engine.ready();
        await expect(merge()).rejects.toThrow(/Cancelled merging/);
        await nextTurn(watched);
      }
      await expect
        .poll(() =>
          merge()
            .then(() => 'done')
            .catch(String),
        )
        .toBe('done');
      const id = `more${count}`;
      await writer.insert(await writeSegment(store, { id, blocks: [rows] }));
    }
    expect(watched.said.filter((line) => line.startsWith('merges of the engine wait'))).toEqual([
      expect.stringContaining('20000'),
      expect.stringContaining('40000'),
    ]);
  },
);

test('an insert whose file was left empty, though the rows are there, is found by that file', async () => {
  writeFileSync(join(await partDirectory('agent_tries_v1'), 'columns.txt'), '');
  const watched = startWatch();
  await looked(watched);
  expect(watched.counts.get('broken start')).toBe(1);
  await expect.poll(() => count('agent_tries_v1')).toBe(40);
});

test('states of tasks that went with a deleted part are made again; lost raw rows are told and stay lost', async () => {
  await looked(startWatch());
  const tasks = await count('agent_task_history_v1');
  const pid = store.test.engine.pid();
  for (const table of ['agent_task_history_v1', rawTable]) rmSync(await partDirectory(table), { recursive: true });
  process.kill(pid!, 'SIGKILL');
  while (store.test.engine.pid() === pid) await new Promise((resolve) => setTimeout(resolve, 20));
  await store.test.engine.ready();
  expect([await count('agent_task_history_v1'), await count(rawTable)]).toEqual([0, 0]);
  // With the raw rows gone too there is nothing to make the tasks from.
  const first = startWatch();
  await looked(first);
  expect(first.counts.get(`missing ${rawTable}`)).toBe(40);
  expect(first.counts.get('missing agent_task_history_v1')).toBe(40);
  expect(first.watch.health()).toMatchObject({ status: 'degraded', reason: expect.stringContaining('40 of its rows') });
  const writer = createSegmentWriter({ store }, { database, transport: 'infile' });
  const rows = Array.from({ length: tasks }, (_, index) => row({ type: 'task.completed', task_id: `t${index}` }));
  await writer.insert(await writeSegment(store, { id: 'second', blocks: [rows] }));
  const ledger = new PartLedger(join(store.directory, 'parts.json'));
  first.clock.advance(60_000);
  const known = async () => (await ledger.read())?.some(({ table }) => table === 'agent_task_history_v1');
  await expect.poll(known).toBe(true);
  await store.run('TRUNCATE TABLE agent_task_history_v1');
  first.clock.advance(60_000);
  await expect.poll(() => count('agent_task_history_v1')).toBe(tasks);
});

/** Ten seconds on, once the look at all parts and the reading of one after another both wait for the clock. */
async function nextTurn({ clock }: Watched): Promise<void> {
  await expect.poll(() => clock.pendingTimers(), { interval: 5 }).toBe(2);
  clock.advance(10_000);
}

test('one flipped bit that no size tells is found when the part is read in its turn', async () => {
  const file = join(await partDirectory('agent_tries_v1'), 'data.bin');
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  const watched = startWatch();
  await looked(watched);
  for (let turn = 0; turn < 40 && !watched.counts.has('broken check'); turn++) await nextTurn(watched);
  await expect.poll(() => watched.counts.get('broken check')).toBe(1);
  await expect.poll(() => count('agent_tries_v1')).toBe(40);
});

test('every part is read once in its turn, and none again within ten minutes', async () => {
  const watched = startWatch();
  await looked(watched);
  const { watch, clock, checked } = watched;
  const parts = Number(watch.health().details.parts);
  expect(parts).toBeLessThan(50);
  while (clock.monotonicMs() < 600_000) await nextTurn(watched);
  expect([checked.length, new Set(checked).size]).toEqual([parts, parts]);
  while (clock.monotonicMs() < 700_000) await nextTurn(watched);
  await expect.poll(() => checked.length).toBeGreaterThan(parts);
});
