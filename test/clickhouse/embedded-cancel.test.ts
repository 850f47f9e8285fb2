import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { defaultWatch } from '../../src/clickhouse/embedded/process/engine-watch.js';
import { askChannel, askPort, type EngineAnswer } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

/** What is under way on the open port, and how it ends before it is done. */
let rig: TestEngine;

const readers = [
  { name: 'default', password: '', tenant: null },
  { name: 'ann', password: 'anns', tenant: 'a' },
];

beforeAll(async () => {
  rig = createTestEngine({ readerTables: ['t'], readers });
  await rig.engine.start();
  expect(await write('CREATE TABLE t (n UInt64) ENGINE = Null')).toMatchObject({ code: 0 });
});

afterAll(() => rig.end());

const endlessRead = 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)';
const endlessInsert = 'INSERT INTO t SELECT number FROM numbers(1000000000000)';

function write(sql: string, query = '', init: RequestInit = {}): Promise<EngineAnswer> {
  return askPort(rig, sql, { user: 'tidemark', query, init });
}

/** A statement that only ends when somebody ends it. */
function begin(user: string, sql: string, queryId: string): Promise<EngineAnswer> {
  const password = readers.find(({ name }) => name === user)?.password;
  return askPort(rig, sql, { user, query: `query_id=${queryId}`, ...(password === undefined ? {} : { password }) });
}

/** As the engine sees them. */
async function underWay(): Promise<number> {
  const sql = "SELECT count() FROM system.processes WHERE query LIKE '%numbers(1000000000000)%'";
  return Number((await askChannel(rig, `${sql} AND query NOT LIKE '%system.processes%'`)).text);
}

/** The ids that the writer could end. */
async function listed(): Promise<readonly string[]> {
  const { text } = await write('KILL QUERY WHERE 1 TEST FORMAT JSONEachRow');
  return text.trim() === ''
    ? []
    : text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { query_id: string }).query_id)
        .sort();
}

test('an INSERT without end holds up no DDL and no KILL, and is ended by its id', async () => {
  const inserts = ['i1', 'i2'].map((id) => begin('tidemark', endlessInsert, id));
  await expect.poll(underWay).toBe(2);
  const third = begin('tidemark', endlessInsert, 'i3');
  await expect.poll(listed).toEqual(['i1', 'i2', 'i3']);
  expect(await write('CREATE TABLE u (n UInt64) ENGINE = Null')).toMatchObject({ code: 0 });
  expect(await write('DROP TABLE u')).toMatchObject({ code: 0 });
  const killed = await write("KILL QUERY WHERE query_id IN ('i1', 'i3') FORMAT JSONEachRow");
  expect(
    killed.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  ).toEqual(
    ['i1', 'i3'].map((query_id) => ({ kill_status: 'waiting', query_id, user: 'tidemark', query: endlessInsert })),
  );
  expect(await inserts[0]).toMatchObject({ code: 394 });
  expect(await third).toMatchObject({ code: 394 });
  expect((await write("KILL QUERY WHERE query_id = 'i2' SYNC")).text).toContain('finished\ti2\ttidemark\t');
  expect(await inserts[1]).toMatchObject({ code: 394 });
  await expect.poll(underWay).toBe(0);
});

test('a writer that goes away ends his INSERT', async () => {
  const controller = new AbortController();
  const gone = write(endlessInsert, '', { signal: controller.signal }).catch(() => 'gone');
  await expect.poll(underWay).toBe(1);
  controller.abort();
  expect(await gone).toBe('gone');
  await expect.poll(underWay).toBe(0);
});

test('a reader ends his own statements and nobody else his; the writer those of all', async () => {
  const anns = begin('ann', endlessRead, 'same');
  const other = begin('default', endlessRead, 'same');
  await expect.poll(underWay).toBe(2);
  const kill = "KILL QUERY WHERE query_id = 'same'";
  expect((await askPort(rig, kill)).text).toContain('waiting\tsame\tdefault\t');
  expect(await other).toMatchObject({ code: 394 });
  expect(await askPort(rig, 'KILL QUERY WHERE 1')).toMatchObject({ code: 0, text: '' });
  expect(await underWay()).toBe(1);
  expect((await write("KILL QUERY WHERE user = 'ann' AND elapsed >= 0 AND query LIKE 'SELECT sum%'")).code).toBe(0);
  expect(await anns).toMatchObject({ code: 394 });
  await expect.poll(underWay).toBe(0);
});

test('two statements of one user have not one id at a time', async () => {
  const first = begin('default', endlessRead, 'twice');
  await expect.poll(underWay).toBe(1);
  expect(await begin('default', 'SELECT 1', 'twice')).toMatchObject({ code: 216, status: 500 });
  expect(await begin('ann', 'SELECT 1', 'twice')).toMatchObject({ code: 0 });
  await askPort(rig, "KILL QUERY WHERE query_id = 'twice'");
  expect(await first).toMatchObject({ code: 394 });
  expect(await begin('default', 'SELECT 1', 'twice')).toMatchObject({ code: 0, text: '1\n' });
});

test('a statement is told the id that its client knows, in a column of the name that it asked for', async () => {
  const sql = "SELECT queryID(), initialQueryID() AS i, length(query_id()) WHERE queryID() != '' FORMAT JSONEachRow";
  for (const stream of ['', '&wait_end_of_query=0']) {
    const { text } = await askPort(rig, sql, { query: `query_id=it's "1"${stream}` });
    expect(JSON.parse(text)).toEqual({ 'queryID()': 'it\'s "1"', i: 'it\'s "1"', 'length(query_id())': 8 });
  }
});

test('a condition of KILL passes the guard, and KILL itself is no GET', async () => {
  const refused: Record<string, number> = {
    "KILL QUERY WHERE file('/etc/passwd') != ''": 497,
    'KILL QUERY WHERE 1 IN (SELECT n FROM hidden)': 0,
    "KILL QUERY WHERE 1 IN (SELECT 1 FROM file('/etc/passwd', 'LineAsString'))": 497,
    'KILL QUERY WHERE 1 IN system.parts': 497,
    "KILL QUERY ON CLUSTER 'x' WHERE 1": 164,
    'KILL MUTATION WHERE 1': 164,
    "KILL MUTATION WHERE query_id = 'x' ASYNC": 164,
    'KILL QUERY WHERE nope = 1': 47,
  };
  const waiting = begin('default', endlessRead, 'w');
  onTestFinished(async () => void (await waiting));
  await expect.poll(underWay).toBe(1);
  for (const [sql, code] of Object.entries(refused)) {
    const answer = await askPort(rig, sql);
    if (code === 0) expect(answer.code, sql).not.toBe(0);
    else expect(answer.code, sql).toBe(code);
  }
  const get = await fetch(`${rig.engine.url}/?query=${encodeURIComponent('KILL QUERY WHERE 1')}`);
  expect(get.headers.get('x-clickhouse-exception-code')).toBe('164');
  const missing = expect.stringContaining("Requested cluster 'x' not found");
  expect(await write("KILL QUERY ON CLUSTER 'x' WHERE 1")).toMatchObject({ code: 701, text: missing });
  expect(await underWay()).toBe(1);
  expect((await askPort(rig, 'KILL QUERY WHERE 1')).text).toContain('waiting\tw\tdefault');
});

test('system.processes has the statements of a reader by their ids, and takes no place of a read', async () => {
  const ids = async (user: string, where = '1') => {
    const sql = `SELECT query_id FROM system.processes WHERE ${where} ORDER BY query_id`;
    const password = readers.find(({ name }) => name === user)?.password;
    const { text } = await askPort(rig, sql, {
      user,
      query: 'query_id=asks',
      ...(password === undefined ? {} : { password }),
    });
    return text.split('\n').slice(0, -1);
  };
  const anns = begin('ann', endlessRead, 'anns');
  const other = begin('default', endlessRead, 'other');
  await expect.poll(() => ids('tidemark')).toEqual(['anns', 'asks', 'other']);
  expect(await ids('ann')).toEqual(['anns', 'asks']);
  expect(await ids('default', "query LIKE 'SELECT sum%' AND elapsed > 0 AND interface = 2")).toEqual(['other']);
  // Where the front's own table does not take its place, there is nothing of anybody.
  for (const sql of [
    'SELECT count() FROM numbers(1) AS n, system.processes AS p',
    "SELECT count() FROM numbers(1) WHERE ('', '') IN (SELECT query, user FROM numbers(1) AS n, system.processes AS p)",
  ]) {
    expect([sql, await askPort(rig, sql)]).toEqual([sql, { code: 0, status: 200, text: '0\n' }]);
  }
  expect((await askPort(rig, 'SELECT 1 IN system.processes')).code).toBe(497);
  expect((await write("KILL QUERY WHERE query_id IN ('anns', 'other')")).code).toBe(0);
  expect([await anns, await other].map(({ code }) => code)).toEqual([394, 394]);
  await expect.poll(() => ids('tidemark')).toEqual(['asks']);
});

test('statements that were ended are counted by reason, and so are results that became streams', async () => {
  const own = createTestEngine({ readers, watch: { ...defaultWatch, pauseMs: 200 } });
  onTestFinished(() => own.end());
  await own.engine.start();
  const isUnderWay = async () => {
    const { text } = await askPort(own, "KILL QUERY WHERE query LIKE 'SELECT sum%' TEST", { user: 'tidemark' });
    return text !== '';
  };
  const killed = askPort(own, endlessRead, { query: 'query_id=killed' });
  await expect.poll(isUnderWay).toBe(true);
  await askPort(own, "KILL QUERY WHERE query_id = 'killed' SYNC", { user: 'tidemark' });
  expect((await killed).code).toBe(394);
  const gone = new AbortController();
  const left = askPort(own, endlessRead, { init: { signal: gone.signal } }).catch(() => 'left');
  await expect.poll(isUnderWay).toBe(true);
  gone.abort();
  expect(await left).toBe('left');
  expect((await askPort(own, "SELECT repeat('x', 1000) FROM numbers(3000)")).text.length).toBe(3_003_000);
  const counted = { kill: 1, disconnect: 1, streamed: 1 };
  await expect.poll(() => Object.fromEntries(own.endings)).toEqual(counted);
});
