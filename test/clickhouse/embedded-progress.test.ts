import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { askPort } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

/** How far a statement is, told while it runs: in the head of the answer, and in formats that have lines for it. */
let rig: TestEngine;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const told = 'send_progress_in_http_headers=1&http_headers_progress_interval_ms=100';
/** Two seconds, a row at a time. */
const slow = 'SELECT count() FROM numbers(20) WHERE sleepEachRow(0.1) = 0 SETTINGS max_block_size = 1';

beforeAll(async () => {
  rig = createTestEngine();
  await rig.engine.start();
  await askPort(rig, 'CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n', { user: 'tidemark' });
});

afterAll(async () => {
  agent.destroy();
  await rig.end();
});

/** An answer whose every line of the head is kept; `fetch` joins those of one name. */
async function ask(sql: string, query = ''): Promise<IncomingMessage> {
  const headers = writer();
  // A busy machine takes its time, and a line is told every 100 ms: 16 KiB are full after ten seconds.
  const sent = request(`${rig.engine.url}/?${query}`, { method: 'POST', headers, agent, maxHeaderSize: 1_048_576 });
  sent.end(sql);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

/** Asks again until one was told of more than five times: a busy machine looks and listens less often than it may. */
async function untilTold<Asked>(asked: () => Promise<Asked>, timesTold: (one: Asked) => number): Promise<Asked> {
  let last = await asked();
  for (let again = 0; again < 20 && timesTold(last) <= 5; again++) last = await asked();
  expect(timesTold(last)).toBeGreaterThan(5);
  return last;
}

function writer(): Record<string, string> {
  return { 'x-clickhouse-user': 'tidemark', 'x-clickhouse-key': rig.writerPassword };
}

function progressOf({ rawHeaders }: IncomingMessage): Record<string, string>[] {
  const values = rawHeaders.filter((_, at) => rawHeaders[at - 1] === 'X-ClickHouse-Progress');
  return values.map((value) => JSON.parse(value) as Record<string, string>);
}

function summaryOf({ headers }: IncomingMessage): Record<string, string> {
  return JSON.parse(String(headers['x-clickhouse-summary'])) as Record<string, string>;
}

test('send_progress_in_http_headers tells in the head how far a statement is, and its connection goes on', async () => {
  const asked = async () => {
    const answer = await ask(slow.replace('numbers(20)', 'numbers(40)'), told);
    const { localPort } = answer.socket;
    expect([answer.statusCode, await text(answer)]).toEqual([200, '40\n']);
    return { answer, localPort, progress: progressOf(answer) };
  };
  const { answer, localPort, progress } = await untilTold(asked, ({ progress: lines }) => lines.length);
  const rows = progress.map((one) => Number(one.read_rows));
  expect(rows).toEqual(rows.toSorted((a, b) => a - b));
  expect(rows.at(-1)).toBeGreaterThan(rows[0] ?? 0);
  for (const one of progress) {
    // Of a statement that is still being planned, as on a busy machine, the engine knows no total.
    const total = one.read_rows === '0' ? expect.stringMatching(/^(0|40)$/) : '40';
    expect(one).toMatchObject({ total_rows_to_read: total, elapsed_ns: expect.any(String) });
  }
  // Of what was read the engine tells the last look, of the result what is right.
  expect(summaryOf(answer)).toMatchObject({
    read_rows: String(rows.at(-1)),
    total_rows_to_read: '40',
    result_rows: '1',
  });
  const next = await ask('SELECT 42');
  expect([next.socket.localPort, progressOf(next), await text(next)]).toEqual([localPort, [], '42\n']);
});

test('the lines of the head go out while the statement runs', async () => {
  const socket = connect(rig.engine.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let head = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    head += chunk;
  });
  const lines = Object.entries({ host: '127.0.0.1', ...writer() }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET /?${told}&query=${encodeURIComponent(slow)} HTTP/1.1\r\n${lines.join('')}\r\n`);
  await expect.poll(() => head.split('X-ClickHouse-Progress').length).toBeGreaterThan(2);
  expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\nX-ClickHouse-Progress: \{"read_rows":"\d+"/);
  expect(head).not.toContain('\r\n\r\n');
  await expect.poll(() => head).toContain('\r\n\r\n20\n');
  expect(head.match(/HTTP\/1\.1/g)).toHaveLength(1);
});

test('a statement that fails after its progress was told has status 200 and its code in the head', async () => {
  // After three seconds, within which a busy machine looks at it too.
  const failing = slow
    .replace('numbers(20)', 'numbers(40)')
    .replace('= 0 ', "= 0 AND NOT throwIf(number = 30, 'boom') ");
  const answer = await ask(failing, told);
  const { statusCode, headers } = answer;
  expect([statusCode, headers['x-clickhouse-exception-code']]).toEqual([200, '395']);
  expect(await text(answer)).toContain('boom');
  const quick = await ask("SELECT throwIf(1, 'boom')", told);
  expect([quick.statusCode, progressOf(quick)]).toEqual([500, []]);
  quick.resume();
});

test('what an INSERT … SELECT writes is told while it runs, compressed answers keep their heads', async () => {
  const insert = 'INSERT INTO t SELECT number FROM numbers(15) WHERE sleepEachRow(0.1) = 0 SETTINGS max_block_size = 1';
  const written = async () => {
    const answer = await ask(`${insert}, min_insert_block_size_rows = 1, min_insert_block_size_bytes = 1`, told);
    expect([answer.statusCode, await text(answer)]).toEqual([200, '']);
    return Number(summaryOf(answer).written_rows);
  };
  await untilTold(written, (rowsToldLast) => rowsToldLast);
  const response = await fetch(`${rig.engine.url}/?${told}&enable_http_compression=1`, {
    method: 'POST',
    body: slow,
    headers: writer(),
  });
  expect([response.headers.get('content-encoding'), await response.text()]).toEqual(['gzip', '20\n']);
  expect(response.headers.get('x-clickhouse-progress')).toContain('read_rows');
});

test('lines of JSONEachRowWithProgress come as they are made, and so does its failure', async () => {
  const rows = `SELECT number, throwIf(number = 12, 'boom') AS x, sleepEachRow(0.1) AS y FROM numbers(20)`;
  const asked = async () => {
    const answer = await ask(`${rows} SETTINGS max_block_size = 1 FORMAT JSONEachRowWithProgress`);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/json; charset=UTF-8']);
    const chunks: string[] = [];
    answer.setEncoding('utf8').on('data', (chunk: string) => void chunks.push(chunk));
    await once(answer, 'close').catch(() => undefined);
    return { answer, chunks };
  };
  const { answer, chunks } = await untilTold(asked, ({ chunks: found }) => found.length);
  const lines = chunks.join('').split('\n');
  expect(lines.filter((line) => line.startsWith('{"progress"')).length).toBeGreaterThan(5);
  expect(lines.filter((line) => line.startsWith('{"row"')).length).toBeGreaterThan(5);
  expect(chunks.join('')).toContain(
    `__exception__\r\n${String(answer.headers['x-clickhouse-exception-tag'])}\r\nCode: 395`,
  );
});
