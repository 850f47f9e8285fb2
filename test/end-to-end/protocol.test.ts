import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack, unpack } from 'msgpackr';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { WireClient } from '../support/wire-client.js';

const ingestKey = 'tdm_test_key_that_only_ingests';
const readKey = 'tdm_test_key_that_only_reads';
const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-protocol-'));
const collector = new CollectorProcess({
  dataDir,
  env: {
    TIDEMARK_API_KEYS: `${testKey}:default:admin,${ingestKey}:default:ingest,${readKey}:default:read`,
    TIDEMARK_LIMITS_FRAME_BYTES_MAX: '65536',
    TIDEMARK_LIMITS_EVENTS_PER_FRAME_MAX: '500',
    TIDEMARK_INGEST_BATCH_BYTES_MAX: '131072',
  },
});

beforeAll(() => collector.start());
afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

function task(id: string, more: object = {}): Record<string, unknown> {
  return { type: 'task.completed', agent_id: 'wire', task_id: id, duration_ms: 5, ...more };
}

function post(body: string | Uint8Array, headers: Record<string, string>, key = testKey): Promise<Response> {
  return fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    body,
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
}

async function rowsOf(taskPrefix: string): Promise<string[]> {
  const rows = await collector.query<{ readonly task_id: string }>(
    `SELECT task_id FROM agent_events WHERE startsWith(task_id, '${taskPrefix}') ORDER BY task_id`,
  );
  return rows.map((row) => row.task_id);
}

test('hello says who the client is, what is durable and how much it may send', async () => {
  const client = await WireClient.open(collector, '?producer=hello-1');
  expect(client.received[0]).toEqual({
    op: 'hello',
    producer: 'hello-1',
    last_seq: 0,
    credit: 64,
    max_frame_bytes: 65_536,
  });
  const anonymous = await WireClient.open(collector);
  expect(anonymous.received[0]?.producer).toMatch(/^anonymous-[0-9a-f]{24}$/);
});

test('each shape is acknowledged, and a reconnecting producer is told what is durable', async () => {
  const client = await WireClient.open(collector, '?producer=shapes');
  client.sendPacked({ seq: 1, events: [task('shape-1'), task('shape-2')] });
  client.sendPacked({
    seq: 5,
    columns: ['agent_id', 'type', 'task_id'],
    rows: [
      ['wire', 'task.failed', 'shape-bad'],
      ['wire', 'task.completed', 'shape-3'],
    ],
  });
  await client.untilAck(5);
  expect(client.ops()).toContain('reject 5');
  expect(client.received.find(({ op }) => op === 'reject')).toMatchObject({
    accepted: 1,
    errors: [{ index: 0, code: 'field_required', path: 'error_category' }],
  });
  expect(client.ops().indexOf('reject 5')).toBeLessThan(client.ops().indexOf('ack 5'));
  client.close();
  await client.untilClosed();
  const again = await WireClient.open(collector, '?producer=shapes');
  expect(again.received[0]?.last_seq).toBe(5);
  await expect.poll(() => rowsOf('shape-')).toEqual(['shape-1', 'shape-2', 'shape-3']);
});

test('frames without numbers are numbered by the server', async () => {
  const client = await WireClient.open(collector);
  client.sendPacked(task('unnumbered-1'));
  client.sendPacked([task('unnumbered-2'), task('unnumbered-3')]);
  await client.untilAck(2);
  await expect.poll(() => rowsOf('unnumbered-')).toHaveLength(3);
});

test('text frames are JSON and are answered in JSON', async () => {
  const client = await WireClient.open(collector, '?format=json');
  client.sendText(JSON.stringify({ seq: 1, events: [task('json-1'), { type: 'log' }] }));
  await client.untilAck(1);
  expect(client.ops().slice(1)).toEqual(['reject 1', 'ack 1']);
});

test('a frame sent twice, at once or after a reconnect, is acknowledged again and counted once', async () => {
  const client = await WireClient.open(collector, '?producer=twice');
  const frame = { seq: 1, events: [task('twice-1')] };
  client.sendPacked(frame);
  client.sendPacked(frame);
  client.sendPacked({ events: [task('twice-1')], seq: 1 });
  client.sendPacked({ seq: 2, events: [task('twice-2')] });
  await client.untilAck(2);
  client.close();
  await client.untilClosed();
  const again = await WireClient.open(collector, '?producer=twice');
  again.sendPacked(frame);
  await again.untilAck(2);
  again.sendPacked({ seq: 3, events: [task('twice-3')] });
  await again.untilAck(3);
  await expect.poll(() => rowsOf('twice-')).toEqual(['twice-1', 'twice-2', 'twice-3']);
});

test('a frame that is sent again is told about its bad events again', async () => {
  const client = await WireClient.open(collector, '?producer=told-again');
  client.sendPacked({ seq: 1, events: [task('told-1'), { type: 'log' }] });
  await client.untilAck(1);
  client.sendPacked({ seq: 1, events: [task('told-1'), { type: 'log' }] });
  await client.until((messages) => messages.filter(({ op }) => op === 'ack').length === 2);
  expect(client.ops().slice(1)).toEqual(['reject 1', 'ack 1', 'reject 1', 'ack 1']);
});

test('an event_id seen twice is counted once, within a frame, between frames and over HTTP', async () => {
  const client = await WireClient.open(collector);
  const event = (id: string, eventId: string) => task(id, { event_id: eventId });
  client.sendPacked([event('eid-1', 'e1'), event('eid-1-again', 'e1'), event('eid-2', 'e2')]);
  await client.untilAck(1);
  client.sendPacked([event('eid-2-again', 'e2'), event('eid-3', 'e3')]);
  await client.untilAck(2);
  const answer = await post(JSON.stringify([event('eid-3-again', 'e3'), event('eid-4', 'e4')]), {
    'content-type': 'application/json',
  });
  expect(await answer.json()).toEqual({ accepted: 2, rejected: 0, duplicates: 1, errors: [] });
  await expect.poll(() => rowsOf('eid-')).toEqual(['eid-1', 'eid-2', 'eid-3', 'eid-4']);
});

test('a newer connection of a producer closes the older with its code, and nothing is lost between them', async () => {
  const old = await WireClient.open(collector, '?producer=replaced');
  for (let seq = 1; seq <= 20; seq++)
    old.sendPacked({ seq, events: [task(`replaced-${String(seq).padStart(2, '0')}`)] });
  const young = await WireClient.open(collector, '?producer=replaced');
  await old.untilClosed();
  expect(old.closeCode).toBe(4409);
  const lastSeq = young.received[0]?.last_seq ?? -1;
  for (let seq = lastSeq + 1; seq <= 21; seq++)
    young.sendPacked({ seq, events: [task(`replaced-${String(seq).padStart(2, '0')}`)] });
  await young.untilAck(21);
  await expect.poll(() => rowsOf('replaced-')).toHaveLength(21);
});

const refusedFrames: readonly (readonly [string, (client: WireClient) => void, string, number])[] = [
  ['not MessagePack', (client) => client.sendBytes(new Uint8Array([0xc1, 1, 2])), 'frame_malformed', 4400],
  [
    'truncated MessagePack',
    (client) => client.sendBytes(pack({ seq: 2, events: [task('x')] }).subarray(0, 20)),
    'frame_malformed',
    4400,
  ],
  ['not JSON', (client) => client.sendText('{"seq":2,'), 'frame_malformed', 4400],
  ['an empty message', (client) => client.sendBytes(new Uint8Array(0)), 'frame_empty', 4400],
  ['none of the shapes', (client) => client.sendPacked({ seq: 2, events: 'many' }), 'frame_shape', 4400],
  ['no events', (client) => client.sendPacked({ seq: 2, events: [] }), 'frame_empty', 4400],
  [
    'too many events',
    (client) => client.sendPacked({ seq: 2, events: Array.from({ length: 501 }, () => ({})) }),
    'frame_too_many_events',
    4413,
  ],
  [
    'a frame too large',
    (client) => client.sendPacked({ seq: 2, events: [task('x', { message: 'm'.repeat(70_000) })] }),
    'frame_too_large',
    4413,
  ],
  ['seq missing after numbered frames', (client) => client.sendPacked({ events: [task('x')] }), 'seq_missing', 4422],
  [
    'seq going back to a skipped number',
    (client) => {
      client.sendPacked({ seq: 9, events: [task('seq-9')] });
      client.sendPacked({ seq: 5, events: [task('seq-5')] });
    },
    'seq_regressed',
    4422,
  ],
  ['seq that is no number', (client) => client.sendPacked({ seq: 'two', events: [task('x')] }), 'seq_invalid', 4422],
  ['seq with a fraction', (client) => client.sendPacked({ seq: 2.5, events: [task('x')] }), 'seq_invalid', 4422],
];

test.each(refusedFrames)(
  '%s: the frames before it are acknowledged, then the connection is closed with a code',
  async (name, send, code, closeCode) => {
    const client = await WireClient.open(collector, `?producer=refused-${closeCode}-${name.replaceAll(/\W/g, '_')}`);
    client.sendPacked({ seq: 1, events: [task(`kept-${name}`)] });
    send(client);
    client.sendPacked({ seq: 100, events: [task(`after-${name}`)] });
    await client.untilClosed();
    expect(client.closeCode).toBe(closeCode);
    expect(client.received.at(-1)).toMatchObject({ op: 'error', code });
    expect(client.ops().some((op) => op.startsWith('ack'))).toBe(true);
    await expect.poll(() => rowsOf(`kept-${name}`)).toHaveLength(1);
    expect(await rowsOf(`after-${name}`)).toEqual([]);
  },
);

test('a client that sends more than its credit is closed with a code and loses nothing acknowledged', async () => {
  const client = await WireClient.open(collector, '?producer=overrun');
  for (let seq = 1; seq <= 400; seq++) client.sendPacked({ seq, events: [task(`overrun-${seq}`)] });
  await client.untilClosed();
  expect(client.closeCode).toBe(4429);
  const acknowledged = Math.max(...client.received.map(({ op, seq }) => (op === 'ack' ? (seq ?? 0) : 0)));
  await expect.poll(async () => (await rowsOf('overrun-')).length).toBe(acknowledged);
});

test('a connection with a wrong key, a key without scope or a bad producer id is refused', async () => {
  const refused = async (query: string, key: string) => (await WireClient.open(collector, query, key)).closeCode;
  expect(await refused('', 'wrong')).toBe(1006);
  expect(await refused('', readKey)).toBe(1006);
  const bad = await WireClient.open(collector, '?producer=a%20b');
  await bad.untilClosed();
  expect([bad.closeCode, bad.received[0]?.code]).toEqual([4400, 'producer_invalid']);
});

test('HTTP takes the three shapes, NDJSON and gzip, and answers when it is on disk', async () => {
  const send = async (body: string | Uint8Array, type: string, more: Record<string, string> = {}) => {
    const response = await post(body, { 'content-type': type, ...more });
    return [response.status, await response.json()];
  };
  const accepted = (count: number) => [202, { accepted: count, rejected: 0, duplicates: 0, errors: [] }];
  expect(await send(JSON.stringify(task('http-1')), 'application/json')).toEqual(accepted(1));
  expect(await send(pack([task('http-2'), task('http-3')]), 'application/msgpack')).toEqual(accepted(2));
  expect(
    await send(
      JSON.stringify({ columns: ['type', 'agent_id', 'task_id'], rows: [['task.completed', 'wire', 'http-4']] }),
      'application/json; charset=utf-8',
    ),
  ).toEqual(accepted(1));
  expect(
    await send(`${JSON.stringify(task('http-5'))}\n\n${JSON.stringify(task('http-6'))}\n`, 'application/x-ndjson'),
  ).toEqual(accepted(2));
  expect(
    await send(gzipSync(JSON.stringify([task('http-7')])), 'application/json', { 'content-encoding': 'gzip' }),
  ).toEqual(accepted(1));
  await expect.poll(() => rowsOf('http-')).toHaveLength(7);
});

test('a line of NDJSON that is not JSON costs that line only', async () => {
  const response = await post(`${JSON.stringify(task('line-1'))}\n{"type":\n${JSON.stringify(task('line-2'))}`, {
    'content-type': 'application/x-ndjson',
  });
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({ accepted: 2, rejected: 1, errors: [{ index: 1 }] });
});

test('a repeated Idempotency-Key gets the first answer byte for byte, after a kill what is known of it', async () => {
  const send = async (tasks: readonly object[], key: string) => {
    const response = await post(JSON.stringify(tasks), {
      'content-type': 'application/json',
      'idempotency-key': key,
    });
    return [response.status, response.headers.get('idempotency-answer'), await response.text()];
  };
  const good = [task('retry-1'), task('retry-2')];
  const bad = [{ type: 'log' }];
  const first = await send(good, 'order-1');
  expect(first).toEqual([202, null, '{"accepted":2,"rejected":0,"duplicates":0,"errors":[]}\n']);
  expect(await send(good, 'order-1')).toEqual([202, 'first', first[2]]);
  const refused = await send(bad, 'order-2');
  expect([refused[0], refused[1]]).toEqual([400, null]);
  expect(await send(bad, 'order-2')).toEqual([400, 'first', refused[2]]);
  expect(await send([task('retry-3')], 'order-1')).toEqual([
    422,
    null,
    expect.stringContaining('"code":"idempotency_mismatch"'),
  ]);
  await collector.kill();
  await collector.start();
  const again = '{"accepted":2,"rejected":0,"duplicates":2,"errors":[]}\n';
  expect(await send(good, 'order-1')).toEqual([202, 'again', again]);
  expect(await send(bad, 'order-2')).toEqual([400, 'again', refused[2]]);
  expect((await send([task('retry-3')], 'order-1'))[0]).toBe(422);
  await expect.poll(() => rowsOf('retry-')).toEqual(['retry-1', 'retry-2']);
});

test('a browser with a wrong key hears of it in the format it speaks', async () => {
  for (const [query, isJson] of [
    ['', false],
    ['?format=json', true],
  ] as const) {
    const socket = new WebSocket(`${collector.streamUrl}${query}`, ['tidemark.v1', 'tidemark.key.wrong']);
    const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
    const message = isBinary ? unpack(data) : JSON.parse(String(data));
    expect([isBinary, message]).toEqual([!isJson, expect.objectContaining({ op: 'error', code: 'key_invalid' })]);
    expect((await once(socket, 'close'))[0]).toBe(4401);
  }
});

test('a request that cannot be taken is a problem with its code', async () => {
  const json = { 'content-type': 'application/json' };
  const code = async (response: Promise<Response>) => {
    const { status, headers, ...rest } = await response.then(async (answer) => ({
      status: answer.status,
      headers: answer.headers,
      body: (await answer.json()) as { code: string },
    }));
    expect(headers.get('content-type')).toBe('application/problem+json');
    return [status, rest.body.code];
  };
  expect(await code(post('{}', json, 'wrong'))).toEqual([401, 'key_invalid']);
  expect(await code(fetch(`${collector.url}/v1/events`, { method: 'POST', body: '{}' }))).toEqual([401, 'key_missing']);
  expect(await code(post('{}', json, readKey))).toEqual([403, 'scope_missing']);
  expect(await code(post('{"type":"log"}', json))).toEqual([400, 'field_required']);
  expect(await code(post('{"type"', json))).toEqual([400, 'frame_malformed']);
  expect(await code(post('[]', json))).toEqual([400, 'frame_empty']);
  expect(await code(post('<a/>', { 'content-type': 'text/xml' }))).toEqual([415, 'media_type_unsupported']);
  expect(await code(post('{}', { ...json, 'content-encoding': 'br' }))).toEqual([415, 'media_type_unsupported']);
  expect(await code(post('not gzip', { ...json, 'content-encoding': 'gzip' }))).toEqual([400, 'body_invalid']);
  expect(await code(post(gzipSync(Buffer.alloc(10_000_000, 32)), { ...json, 'content-encoding': 'gzip' }))).toEqual([
    413,
    'body_too_large',
  ]);
  expect(await code(post(Buffer.alloc(70_000, 32), json))).toEqual([413, 'body_too_large']);
  expect(await code(post('{}', { ...json, 'idempotency-key': 'k'.repeat(300) }))).toEqual([400, 'parameter_invalid']);
  expect(await code(fetch(`${collector.url}/v1/events`))).toEqual([405, 'method_not_allowed']);
  expect(await code(fetch(`${collector.url}/v1/nothing`))).toEqual([404, 'path_unknown']);
  expect(
    await code(fetch(`${collector.url}/api/v1/agents`, { headers: { authorization: `Bearer ${ingestKey}` } })),
  ).toEqual([403, 'scope_missing']);
});

test('a second collector on the same data directory is refused with a clear message', async () => {
  const second = new CollectorProcess({ dataDir });
  await expect(second.start()).rejects.toThrow(/exited with \d+:[\s\S]*cannot lock data directory/);
});

test('the ledger closes after all of this', async () => {
  const ledger = async () => (await collector.get<{ readonly ledger: object }>('/health/deep')).ledger;
  await expect.poll(ledger).toMatchObject({ balanced: true, underway: 0 });
});
