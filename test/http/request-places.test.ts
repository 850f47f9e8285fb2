import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { FakeClock } from '../support/fake-clock.js';
import { RawClient, route, serve } from '../support/served.js';

const upload = route('/events', ({ body }) => ({ status: 202, body: `${body.length}` }), {
  method: 'POST',
  scope: 'ingest',
  bodyBytesMax: 100_000,
});
const read = route('/runs', () => ({ status: 200, body: 'runs' }), { scope: 'read' });
const health = route('/health', () => ({ status: 200, body: 'well' }));
const deep = route('/health/deep', () => ({ status: 200, body: 'deep' }), { scope: 'read', monitoring: true });
const http = [upload, read, health, deep];

function head(key: string, length = 1_000): string {
  const headers = `Host: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Length: ${length}`;
  return `POST /events HTTP/1.1\r\n${headers}\r\n\r\n`;
}

/** A begun upload that nobody goes on with. */
function begun(port: number, key: string, from?: string): RawClient {
  return new RawClient(port, from).write(`${head(key)}beginning`);
}

async function statusOf(url: string, path: string, key: string): Promise<number> {
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${key}` } });
  await response.text();
  return response.status;
}

async function sent(url: string, key: string): Promise<readonly [number, string, string | null]> {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${url}/events`, { method: 'POST', body: 'event', headers });
  const text = await response.text();
  return [response.status, /"code":"(\w+)"/.exec(text)?.[1] ?? text, response.headers.get('retry-after')];
}

test('a thousand abandoned uploads give their places back at once, and nobody else is told to wait', async () => {
  const { server, url, requests } = await serve({ http, requestsMax: 1_000, bodyTimeoutMs: 600_000 });
  for (let round = 0; round < 10; round++) {
    const uploads = Array.from({ length: 100 }, () => begun(server.port, 'good'));
    await expect.poll(() => server.requestsUnderWay()).toBe(100);
    for (const client of uploads) client.destroy();
    await expect.poll(() => server.requestsUnderWay()).toBe(0);
  }
  expect(requests.filter((request) => request === 'POST /events 499')).toHaveLength(1_000);
  expect(await sent(url, 'good')).toEqual([202, '5', null]);
});

test('uploads that fill all their places leave health, metrics and reads theirs', async () => {
  const { server, url } = await serve({ http, requestsMax: 20, bodyTimeoutMs: 600_000 });
  for (let index = 0; index < 20; index++) begun(server.port, 'good');
  await expect.poll(() => server.requestsUnderWay()).toBe(20);
  expect(await sent(url, 'good')).toEqual([429, 'overloaded', '1']);
  expect(await statusOf(url, '/health', 'good')).toBe(200);
  expect(await statusOf(url, '/health/deep', 'good')).toBe(200);
  expect(await statusOf(url, '/runs', 'good')).toBe(200);
});

test('answers that do not end take no place of those that do', async () => {
  async function* untilGone(signal: AbortSignal) {
    yield Buffer.from('begun');
    await once(signal, 'abort');
  }
  const stream = route('/stream', ({ signal }) => ({ status: 200, body: untilGone(signal) }), {
    scope: 'read',
    longLived: true,
  });
  const { server, url } = await serve({ http: [...http, stream], requestsMax: 4, monitoringRequestsMax: 4 });
  const listeners = Array.from({ length: 12 }, () =>
    new RawClient(server.port).write('GET /stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\n\r\n'),
  );
  for (const listener of listeners) await expect.poll(() => listener.text).toContain('begun');
  expect(await statusOf(url, '/runs', 'good')).toBe(200);
  expect(await statusOf(url, '/health', 'good')).toBe(200);
  expect(await sent(url, 'good')).toEqual([202, '5', null]);
  for (const listener of listeners) listener.destroy();
  await expect.poll(() => server.requestsUnderWay()).toBe(0);
});

test('one key holds its share of the places and no more, the rest is for others', async () => {
  const { server, url, refused } = await serve({
    http,
    requestsMax: 20,
    requestsKeyRatioMax: 0.5,
    bodyTimeoutMs: 600_000,
  });
  for (let index = 0; index < 10; index++) begun(server.port, 'good-first');
  await expect.poll(() => server.requestsUnderWay()).toBe(10);
  expect(await sent(url, 'good-first')).toEqual([429, 'key_overloaded', '1']);
  expect(await sent(url, 'good-second')).toEqual([202, '5', null]);
  expect(refused).toEqual(['key_overloaded']);
});

test('one address holds its share of the places and no more, with however many keys', async () => {
  const { server, url, refused } = await serve({
    http,
    requestsMax: 20,
    requestsAddressRatioMax: 0.5,
    bodyTimeoutMs: 600_000,
  });
  for (let index = 0; index < 10; index++) begun(server.port, `good-${index}`, '127.0.0.2');
  await expect.poll(() => server.requestsUnderWay()).toBe(10);
  const more = begun(server.port, 'good-more', '127.0.0.2');
  await expect.poll(() => more.text).toContain('address_overloaded');
  expect(await sent(url, 'good-more')).toEqual([202, '5', null]);
  expect(refused).toEqual(['address_overloaded']);
});

test('bodies that wait hold no more memory than all may, nor one key more than its share', async () => {
  const given = { http, requestsMax: 100, bodiesBytesMax: 400_000, requestsKeyRatioMax: 0.5, bodyTimeoutMs: 600_000 };
  const { server, url, refused } = await serve(given);
  const large = () => new RawClient(server.port).write(head('good-first', 99_000)).write('x'.repeat(98_000));
  const first = [large(), large()];
  await expect.poll(() => server.bodyBytesHeld()).toBeGreaterThan(190_000);
  const third = large();
  await expect.poll(() => third.statuses).toEqual([429]);
  expect(third.text).toContain('key_overloaded');
  await expect.poll(() => third.closed).toBe(true);
  expect(await sent(url, 'good-second')).toEqual([202, '5', null]);
  expect(refused).toEqual(['key_overloaded']);
  for (const client of first) client.write('y'.repeat(1_000));
  await expect.poll(() => first.map(({ statuses }) => statuses)).toEqual([[202], [202]]);
  await expect.poll(() => server.bodyBytesHeld()).toBe(0);
});

test('a body below the least rate is given up after its first seconds, a steady one is not', async () => {
  const clock = new FakeClock();
  const { server } = await serve({ http, clock, bodyTimeoutMs: 30_000, bodyBytesPerSecondMin: 1_000 });
  const slow = new RawClient(server.port).write(`${head('good', 50_000)}${'x'.repeat(4_000)}`);
  const steady = new RawClient(server.port).write(`${head('good', 50_000)}${'x'.repeat(6_000)}`);
  await expect.poll(() => server.bodyBytesHeld()).toBe(4_096 + 6_000);
  clock.advance(5_000);
  await expect.poll(() => slow.statuses).toEqual([408]);
  expect(slow.text).toContain('less than 1000 bytes a second');
  // What is still on its way is taken for a second.
  clock.advance(1_000);
  await expect.poll(() => slow.closed).toBe(true);
  expect(steady.statuses).toEqual([]);
  steady.write('x'.repeat(44_000));
  await expect.poll(() => steady.statuses).toEqual([202]);
});

test('a thousand connections with half a head keep nobody out', async () => {
  const { server, url } = await serve({ http, requestsMax: 10, monitoringRequestsMax: 10 });
  const halves = Array.from({ length: 1_000 }, () => new RawClient(server.port).write('GET /health HTTP/1.1\r\nHo'));
  expect(await statusOf(url, '/health', 'good')).toBe(200);
  expect(await sent(url, 'good')).toEqual([202, '5', null]);
  expect(server.requestsUnderWay()).toBe(0);
  for (const half of halves) half.destroy();
});

const socket: SocketRoute = {
  path: '/live',
  scope: 'read',
  payloadBytesMax: 1_024,
  protocol: 'tidemark.v1',
  errorMessage: (error) => JSON.stringify({ op: 'error', ...error }),
  open: () => ({ message() {}, end() {}, closed() {} }),
};

function opened(port: number, key: string, localAddress = '127.0.0.1'): Promise<WebSocket> {
  const headers = { authorization: `Bearer ${key}` };
  const client = new WebSocket(`ws://127.0.0.1:${port}/live`, { headers, localAddress });
  onTestFinished(() => client.terminate());
  return new Promise((resolve, reject) => {
    client.on('open', () => resolve(client));
    client.on('error', reject);
  });
}

test('one key and one address leave connections for others, and a closed one is free again', async () => {
  const shares = { connectionsKeyRatioMax: 0.5, connectionsAddressRatioMax: 0.75 };
  const { server, refused } = await serve({ sockets: [socket], connectionsMax: 4, ...shares });
  const first = await opened(server.port, 'good-first');
  await opened(server.port, 'good-first');
  await expect(opened(server.port, 'good-first')).rejects.toThrow('429');
  await opened(server.port, 'good-second');
  await expect(opened(server.port, 'good-third')).rejects.toThrow('429');
  await opened(server.port, 'good-third', '127.0.0.2');
  await expect(opened(server.port, 'good-fourth', '127.0.0.3')).rejects.toThrow('503');
  first.close();
  await expect.poll(() => server.connections()).toBe(3);
  await opened(server.port, 'good-first', '127.0.0.3');
  expect(refused).toEqual(['key_overloaded', 'address_overloaded', 'connections_exhausted']);
});
