import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { unpackMessage } from '../../src/core/msgpack.js';
import { nodeSurroundings } from '../../src/sdk/record/node.js';
import type { TidemarkOptions } from '../../src/sdk/record/options.js';
import { Tidemark } from '../../src/sdk/record/tidemark.js';
import type { ReceivedFrame } from './scripted-collector.js';

interface Answer {
  readonly status: number;
  readonly body?: object;
  /** In place of a body. */
  readonly page?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Received {
  readonly path: string;
  readonly key: string;
  readonly name: string;
  readonly rows: number;
}

/** An HTTP server that answers as the test says; `null` breaks the connection. */
async function poster(answer: (received: Received, number: number) => Answer | null, options: TidemarkOptions = {}) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const frame = unpackMessage(await bodyOf(request)) as ReceivedFrame;
    const { authorization: key = '', 'idempotency-key': name } = request.headers;
    received.push({ path: request.url ?? '', key, name: String(name), rows: frame.rows.length });
    const said = answer(received.at(-1)!, received.length);
    if (said === null) return void request.socket.destroy();
    response.writeHead(said.status, said.headers).end(said.page ?? JSON.stringify(said.body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const problems: string[] = [];
  const tm = new Tidemark(nodeSurroundings, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key: 'k',
    agent: 'a',
    transport: 'post',
    producer: 'lambda-1',
    batchAgeMs: 60_000,
    signals: false,
    onProblem: (text) => problems.push(text),
    ...options,
  });
  return { tm, received, problems };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const accepted = ({ rows }: Received): Answer => ({ status: 202, body: { accepted: rows, rejected: 0, errors: [] } });

test('a flush is one request with everything, and nothing is sent before', async () => {
  const { tm, received } = await poster(accepted);
  tm.task('t', () => tm.tool('s', () => 1));
  expect(received).toEqual([]);
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 3, pending: 0, rejected: 0, dropped: 0 });
  expect(received).toEqual([{ path: '/v1/events', key: 'Bearer k', name: 'lambda-1-1', rows: 3 }]);
});

test('a request that fails is made again under the same name, and the next batch has another', async () => {
  const { tm, received } = await poster((request, number) => {
    if (number === 1) return null;
    if (number === 2) return { status: 503, headers: { 'retry-after': '0' } };
    return accepted(request);
  });
  tm.task('t', () => 1);
  expect(await tm.flush({ timeoutMs: 20_000 })).toMatchObject({ acked: 2, pending: 0 });
  tm.task('t', () => 1);
  expect(await tm.flush({ timeoutMs: 60_000 })).toMatchObject({ acked: 4 });
  expect(received.map(({ name }) => name)).toEqual(['lambda-1-1', 'lambda-1-1', 'lambda-1-1', 'lambda-1-2']);
  expect(tm.stats()).toMatchObject({ resent: 2, state: 'connected' });
});

test('rejected events are counted, duplicates are acknowledged', async () => {
  const { tm, problems } = await poster(() => ({
    status: 202,
    body: { accepted: 2, duplicates: 1, rejected: 2, errors: [{ index: 0, code: 'value_invalid' }] },
  }));
  tm.task('t', () => tm.task('u', () => 1));
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 2, pending: 0, rejected: 2, dropped: 0 });
  expect(problems).toHaveLength(1);
});

test('when every event is bad the batch is rejected and not sent again', async () => {
  const { tm, received } = await poster(() => ({ status: 400, body: { code: 'events_rejected' } }));
  tm.task('t', () => 1);
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 0, pending: 0, rejected: 2, dropped: 0 });
  expect(received).toHaveLength(1);
});

test('a flush that runs out of time says what is pending, and a refused key is tried until it is made', async () => {
  let answer: object = { status: 503, body: { code: 'key_invalid' } };
  const { tm } = await poster(() => answer as ReturnType<Parameters<typeof poster>[0]>);
  tm.task('t', () => 1);
  expect(await tm.flush({ timeoutMs: 50 })).toEqual({ acked: 0, pending: 2, rejected: 0, dropped: 0 });
  answer = { status: 401, body: { code: 'key_invalid' } };
  await tm.flush({ timeoutMs: 50 });
  expect(tm.stats()).toMatchObject({ state: 'connecting', pending: 2 });
  answer = { status: 202, body: { accepted: 2, errors: [] } };
  expect(await tm.flush({ timeoutMs: 10_000 })).toMatchObject({ acked: 2, pending: 0 });
});

test('what does not fit is dropped by whole batches, the oldest first, and counted', async () => {
  const { tm, received } = await poster(() => ({ status: 503 }), { bufferBytesMax: 5_000, batchEventsMax: 10 });
  for (let index = 0; index < 1_000; index += 1) tm.log('info', `line ${index}`);
  const { offered, dropped, pending } = tm.stats();
  expect({ offered, sum: dropped + pending }).toEqual({ offered: 1_000, sum: 1_000 });
  expect(dropped).toBeGreaterThan(500);
  await expect.poll(() => received.length).toBeGreaterThan(0);
  expect(received[0]!.name).toBe('lambda-1-1');
});

test('a batch is sealed before it is too large, and one that is refused for its size is not sent again', async () => {
  const { tm, received } = await poster((request) => (request.rows < 40 ? accepted(request) : { status: 413 }));
  for (let index = 0; index < 100; index += 1) tm.log('info', 'x'.repeat(8_000));
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 100, pending: 0, rejected: 0, dropped: 0 });
  expect(received.length).toBeGreaterThan(2);
  for (let index = 0; index < 50; index += 1) tm.log('info', 'short');
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 100, pending: 0, rejected: 50, dropped: 0 });
});

test('an event that cannot be encoded is rejected alone, and nothing throws', async () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const { tm, problems } = await poster(accepted, {
    redact: (event) => (event.name === 'bad' ? { ...event, labels: cyclic as never } : event),
  });
  for (const name of ['a', 'bad', 'c']) tm.task(name, () => 1);
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 4, pending: 0, rejected: 2, dropped: 0 });
  expect(problems[0]).toContain('the event cannot be encoded');
});

test.each([
  [404, '{}'],
  [400, '<html>Bad Request</html>'],
  [200, '<html>Sign in</html>'],
  [200, '{"status":"ok"}'],
])('what somebody between says is not the last word: %i with %s is tried again', async (status, page) => {
  const { tm, received } = await poster((request, number) => (number === 1 ? { status, page } : accepted(request)));
  tm.task('t', () => 1);
  expect(await tm.flush({ timeoutMs: 20_000 })).toEqual({
    acked: received[0]!.rows,
    pending: 0,
    rejected: 0,
    dropped: 0,
  });
  expect(received.map(({ name }) => name)).toEqual(['lambda-1-1', 'lambda-1-1']);
});

test('a batch that is too large for somebody between is rejected, and counted', async () => {
  const { tm, received } = await poster(() => ({ status: 413, page: '<html>Too Large</html>' }));
  tm.task('t', () => 1);
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({
    acked: 0,
    pending: 0,
    rejected: received[0]!.rows,
    dropped: 0,
  });
});
