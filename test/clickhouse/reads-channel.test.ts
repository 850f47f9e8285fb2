import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ReadsChannel } from '../../src/clickhouse/embedded/process/reads-channel.js';
import {
  type Frame,
  FrameReader,
  frameHead,
  frameKinds,
  readsProtocol,
} from '../../src/clickhouse/embedded/process/statement-frames.js';
import { mustBePid } from '../support/embedded-engine.js';
import { EngineStore } from '../support/engine-store.js';
import { seededRandom } from '../support/seeded-random.js';

/** Reads of the collector over a socket of frames, on the real engine. */
let store: EngineStore;
const opened: ReadsChannel[] = [];
const never = new AbortController().signal;

beforeAll(async () => {
  store = await EngineStore.start({ readConnections: 4, queryBytesMax: 20_000 });
});

afterAll(async () => {
  for (const channel of opened) channel.close();
  await store.end();
});

function open(user = 'collector', password = store.test.writerPassword): ReadsChannel {
  const path = store.test.engine.channelPath;
  const channel = new ReadsChannel({ path, user, password, database: 'tidemark', settings: {} });
  opened.push(channel);
  return channel;
}

const query = (sql: string, params = {}) => ({ name: 'test', sql, params });

test('parameters of every kind are read as they were meant', async () => {
  const text = 'it\'s \\ a "test"\nwith\ttabs,\r \\n and ünïcode ✓ \0 end';
  const list = ["a'b", 'c\\d', 'e,f', '', "['x']", 'line\n\nDROP TABLE ev', '\t'];
  const params = { text, list, many: Number.MAX_SAFE_INTEGER, part: -0.25, none: [], yes: true, no: false };
  const sql = `SELECT {text:String} AS text, {list:Array(String)} AS list, {many:UInt64} AS many,
    {part:Float64} AS part, {none:Array(String)} AS none, {yes:Bool} AS yes, {no:Bool} AS no`;
  expect(await store.client.rows(query(sql, params))).toEqual([params]);
  expect(await store.client.rows(query('SELECT {a:Float64} = inf AS a', { a: Number.POSITIVE_INFINITY }))).toEqual([
    { a: 1 },
  ]);
});

test('a small read is planned by the first analyzer on one thread, the next one that is not as any other', async () => {
  const channel = open();
  const asked = query(
    "SELECT getSetting('max_threads') AS threads, getSetting('allow_experimental_analyzer') AS second",
  );
  const usual = await channel.rows(asked, never);
  expect(await channel.rows({ ...asked, isSmall: true }, never)).toEqual([{ threads: 1, second: false }]);
  expect(await channel.rows(asked, never)).toEqual(usual);
  expect(usual).toMatchObject([{ second: true }]);
});

test('settings of a statement are those of its own, beside what every read has', async () => {
  const sql = `SELECT getSetting('max_block_size') AS size, getSetting('use_skip_indexes_on_data_read') AS late`;
  const size = async (settings?: Record<string, number>) =>
    await store.client.rows({ ...query(sql), ...(settings === undefined ? {} : { settings }) });
  const usual = await size();
  expect(await size({ max_block_size: 77 })).toEqual([{ size: 77, late: false }]);
  expect(await size()).toEqual(usual);
  expect(usual).toEqual([{ size: 65_409, late: false }]);
});

test('no rows, one row and rows of several megabytes arrive whole', async () => {
  const channel = open();
  expect(await channel.rows(query('SELECT 1 AS a WHERE 0'), never)).toEqual([]);
  const many = query("SELECT number AS n, concat('a\\n✓', repeat('x', 90)) AS s FROM numbers(50000)");
  const rows = await store.client.rows<{ n: number; s: string }>(many);
  expect(rows).toHaveLength(50_000);
  expect(rows.every(({ n, s }, index) => n === index && s === `a\n✓${'x'.repeat(90)}`)).toBe(true);
});

test('a statement that is ready sooner is answered sooner', async () => {
  const channel = open();
  const gone = new AbortController();
  const order: string[] = [];
  const slow = channel.rows(query('SELECT count() FROM numbers(1e13)'), gone.signal).catch(() => order.push('slow'));
  expect(await channel.rows(query('SELECT 1 AS a'), never)).toEqual([{ a: 1 }]);
  order.push('quick');
  gone.abort();
  await slow;
  expect(order).toEqual(['quick', 'slow']);
});

test("errors have ClickHouse's number, and the socket goes on", async () => {
  const channel = open();
  const failure = (sql: string) => channel.rows(query(sql), never).catch((error: { code: string }) => error.code);
  expect(await failure('SELECT * FROM nothing')).toBe('60');
  expect(await failure('SELEC 1')).toBe('62');
  expect(await failure(`SELECT 1 -- ${'x'.repeat(20_000)}`)).toBe('223');
  expect(await failure('SELECT {a:UInt8}')).toBe('456');
  await expect(channel.rows({ name: 'x', sql: 'SELECT 1', params: { 'a b': 1 } }, never)).rejects.toMatchObject({
    code: '36',
  });
  expect(await channel.rows(query('SELECT 1 AS a'), never)).toEqual([{ a: 1 }]);
});

test('nothing but reads is taken, and from nobody but the account that reads', async () => {
  await store.run('CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a');
  for (const sql of ['DROP TABLE kept', 'INSERT INTO kept VALUES (1)', 'CREATE TEMPORARY TABLE x (a UInt8)']) {
    await expect(open().rows(query(sql), never)).rejects.toMatchObject({ code: '164' });
  }
  expect(await store.select('SELECT count() AS n FROM kept')).toEqual([{ n: 0 }]);
  await expect(open('collector', 'guess').rows(query('SELECT 1'), never)).rejects.toMatchObject({ code: '516' });
  await expect(open('tidemark').rows(query('SELECT 1'), never)).rejects.toMatchObject({ code: '497' });
});

test('a read that nobody waits for is cancelled in the engine', async () => {
  const controller = new AbortController();
  const endless = query('SELECT count() FROM numbers(1e13)');
  const read = store.client.rows({ ...endless, signal: controller.signal });
  const running = async () => (await store.test.engine.health()).details.reads_running;
  await expect.poll(running).toBe(1);
  controller.abort();
  await expect(read).rejects.toMatchObject({ code: 'query_timeout' });
  await expect.poll(running).toBe(0);
  const channel = open();
  const gone = channel.rows(endless, never).catch((error: { code: string }) => error.code);
  await expect.poll(running).toBe(1);
  channel.close();
  expect(await gone).toBe('ECONNABORTED');
  await expect.poll(running).toBe(0);
});

test('a port that is open to others takes no such socket', async () => {
  const headers = { Connection: 'Upgrade', Upgrade: readsProtocol, 'X-ClickHouse-User': 'default' };
  const status = await new Promise((resolve) => {
    request(`${store.test.engine.url}/ping`, { headers })
      .once('upgrade', () => resolve('upgraded'))
      .once('response', (answer) => resolve(answer.resume().statusCode))
      .end();
  });
  expect(status).toBe(200);
});

test('bytes that are no frames end their socket and nothing else', async () => {
  const head = ['GET / HTTP/1.1', 'Host: x', 'Connection: Upgrade', `Upgrade: ${readsProtocol}`];
  head.push('X-ClickHouse-User: collector', `X-ClickHouse-Key: ${store.test.writerPassword}`, '', '');
  const oversized = frameHead(frameKinds.statement, 1, 0xffffffff);
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), frameHead(9, 1, 0), oversized]) {
    const socket = connect(store.test.engine.channelPath);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume().on('error', () => undefined);
    socket.write(Buffer.concat([Buffer.from(head.join('\r\n')), bytes]));
    await closed;
  }
  expect(await store.select('SELECT 1 AS a')).toEqual([{ a: 1 }]);
});

test('frames are the same however their bytes are cut', () => {
  const random = seededRandom(15);
  const sent = Array.from({ length: 40 }, (_, id) => ({ id, payload: Buffer.alloc(Math.floor(random() * 300), id) }));
  const bytes = Buffer.concat(sent.flatMap(({ id, payload }) => [frameHead(3, id, payload.length), payload]));
  for (let turn = 0; turn < 50; turn++) {
    const reader = new FrameReader(300);
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + Math.floor(random() * 40 * (turn % 7 === 0 ? 20 : 1));
      frames.push(...reader.read(bytes.subarray(at, end)));
      at = end;
    }
    expect(frames).toEqual(sent.map(({ id, payload }) => ({ kind: 3, id, payload })));
  }
});

test('when the engine ends, what is under way fails at once, and the next read finds the one after it', async () => {
  const endless = store.client.rows(query('SELECT count() FROM numbers(1e13)'));
  await expect.poll(async () => (await store.test.engine.health()).details.reads_running).toBe(1);
  process.kill(mustBePid(store.test.engine.pid()), 'SIGKILL');
  await expect(endless).rejects.toMatchObject({ code: 'store_unavailable' });
  await store.test.engine.ready();
  await expect.poll(() => store.select('SELECT 1 AS a').catch(() => null)).toEqual([{ a: 1 }]);
});

test.each([
  ['a kind that is none', frameHead(9, 1, 0)],
  ['an exception that is none', Buffer.concat([frameHead(frameKinds.exception, 1, 1), Buffer.from('{')])],
])('a read ends with its socket when what comes is %s', async (_, bytes) => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-reads-'));
  const path = join(directory, 'engine.sock');
  const server = createServer().on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tidemark-reads\r\n\r\n');
    socket.once('data', () => socket.write(bytes));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const channel = new ReadsChannel({ path, user: 'collector', password: '', database: 'tidemark', settings: {} });
  await expect(channel.rows(query('SELECT 1'), never)).rejects.toThrow('cannot read from the engine');
  channel.close();
  server.close();
  rmSync(directory, { recursive: true });
});
