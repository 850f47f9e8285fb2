import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { CollectorError, errorTable } from '../../src/core/errors.js';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { problem } from '../../src/core/problem.js';
import { FakeClock } from '../support/fake-clock.js';
import { RawClient, route, serve } from '../support/served.js';

async function codeOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { readonly code: unknown }).code;
}

const echoSocket: SocketRoute = {
  path: '/echo',
  scope: 'read',
  payloadBytesMax: 1_024,
  protocol: 'tidemark.v1',
  errorMessage: (error) => JSON.stringify({ op: 'error', ...error }),
  open: (socket, request) => ({
    message: (bytes, isBinary) =>
      void socket.send(
        isBinary ? new Uint8Array(bytes.slice(0)) : `${request.principal.tenant}:${Buffer.from(bytes).toString()}`,
      ),
    end: (code) => socket.close(errorTable[code].closeCode ?? 1011, code),
    closed() {},
  }),
};

test('a path parameter reaches its handler decoded, and a literal segment wins over a parameter', async () => {
  const { url } = await serve({
    http: [
      route('/agents/{id}', ({ params }) => ({ status: 200, body: params.id ?? '' })),
      route('/agents/history', () => ({ status: 200, body: 'literal' })),
    ],
  });
  expect(await (await fetch(`${url}/agents/${encodeURIComponent('a/"%ü')}`)).text()).toBe('a/"%ü');
  expect(await (await fetch(`${url}/agents/history`)).text()).toBe('literal');
});

test('an unknown path, a wrong method and a malformed escape are problems with their codes', async () => {
  const { url, requests } = await serve({ http: [route('/a/{id}', () => ({ status: 200 }))] });
  const unknown = await fetch(`${url}/nowhere`);
  expect([unknown.status, await codeOf(unknown)]).toEqual([404, 'path_unknown']);
  expect(unknown.headers.get('content-type')).toBe('application/problem+json');
  const method = await fetch(`${url}/a/1`, { method: 'POST', body: 'x' });
  expect([method.status, method.headers.get('allow'), await codeOf(method)]).toEqual([
    405,
    'GET',
    'method_not_allowed',
  ]);
  expect((await fetch(`${url}/a/%E0%A4%A`)).status).toBe(404);
  expect(requests).toEqual(['GET (unmatched) 404', 'POST (unmatched) 405', 'GET (unmatched) 404']);
});

test('a request without key, with a wrong key and with a key lacking the scope is refused', async () => {
  const { url } = await serve({
    http: [
      route('/read', (_request, who) => ({ status: 200, body: who.tenant }), { scope: 'read' }),
      route('/admin', () => ({ status: 200 }), { scope: 'admin' }),
    ],
  });
  const get = async (path: string, key?: string) => {
    const response = await fetch(
      `${url}${path}`,
      key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } },
    );
    return [response.status, response.ok ? await response.text() : await codeOf(response)];
  };
  expect(await get('/read')).toEqual([401, 'key_missing']);
  expect(await get('/read', 'bad')).toEqual([401, 'key_invalid']);
  expect(await get('/admin', 'good')).toEqual([403, 'scope_missing']);
  expect(await get('/read', 'good')).toEqual([200, 'acme']);
});

test('a body arrives whole up to its limit, and one byte more is refused, with and without a length', async () => {
  const sizes: number[] = [];
  const post = route('/body', ({ body }) => ({ status: 200, body: String(sizes.push(body.byteLength)) }), {
    method: 'POST',
    bodyBytesMax: 300_000,
  });
  const { url } = await serve({ http: [post] });
  expect((await fetch(`${url}/body`, { method: 'POST', body: new Uint8Array(300_000) })).status).toBe(200);
  expect(sizes).toEqual([300_000]);
  const tooLarge = await fetch(`${url}/body`, { method: 'POST', body: new Uint8Array(300_001) });
  expect([tooLarge.status, await codeOf(tooLarge)]).toEqual([413, 'body_too_large']);
  expect(sizes).toEqual([300_000]);
});

test('a body that stops arriving is answered with a timeout', async () => {
  const post = route('/body', () => ({ status: 200 }), { method: 'POST', bodyBytesMax: 100 });
  const { server } = await serve({ http: [post], bodyTimeoutMs: 50 });
  const socket = connect(server.port, '127.0.0.1');
  socket.write('POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc');
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
      if (text.includes('request_timeout')) resolve(text);
    });
  });
  expect(answer).toContain('408');
  socket.destroy();
});

test('a socket says that nothing waits any more when its client has read all of it, and not before', async () => {
  const chunk = new Uint8Array(64_000);
  const outcomes: string[] = [];
  const slow: SocketRoute = {
    ...echoSocket,
    open: (socket) => ({
      message() {
        for (let index = 0; index < 200; index++) outcomes.push(socket.send(chunk));
      },
      end() {},
      closed() {},
      drained: () => void outcomes.push(`drained, then ${socket.send('more')}`),
    }),
  };
  const { url } = await serve({ sockets: [slow], outboundBytesMax: 64_000_000 });
  const client = new WebSocket(`${url.replace('http', 'ws')}/echo`, { headers: { authorization: 'Bearer good' } });
  await once(client, 'open');
  client.pause();
  client.send('begin');
  await expect.poll(() => outcomes).toContain('buffered');
  client.resume();
  await expect.poll(() => outcomes.at(-1)).toBe('drained, then sent');
  expect(outcomes.filter((outcome) => outcome.startsWith('drained, then buffered'))).toEqual([]);
  client.close();
});

test('a connection whose body did not arrive in time takes no further request', async () => {
  const asked: string[] = [];
  const post = route('/body', () => ({ status: 200 }), { method: 'POST', bodyBytesMax: 100 });
  const get = route('/next', () => ({ status: 200, body: String(asked.push('next')) }));
  const { server } = await serve({ http: [post, get], bodyTimeoutMs: 50 });
  const client = new RawClient(server.port);
  client.write('POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc');
  await expect.poll(() => client.statuses).toEqual([408]);
  expect(client.text.toLowerCase()).toContain('connection: close');
  // The rest of the body, and what would be the next request if it were read as such.
  client.write('defghijGET /next HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await expect.poll(() => client.closed).toBe(true);
  expect([client.statuses, asked]).toEqual([[408], []]);
});

test('what is answered as internal is told in the log, whoever threw it, and nothing else is', async () => {
  const thrower = (path: string, error: Error) =>
    route(path, () => {
      throw error;
    });
  const { url, logged } = await serve({
    http: [
      thrower('/bug', new Error('a bug')),
      thrower('/sql', new CollectorError('internal', 'cannot read tasks: unknown column')),
      thrower('/away', new CollectorError('store_unreachable', 'nobody listens')),
      thrower('/none', new CollectorError('not_found', 'no such agent')),
    ],
  });
  for (const path of ['/bug', '/sql', '/away', '/none']) await (await fetch(`${url}${path}`)).text();
  expect(logged).toMatchObject([
    { route: '/bug', cause: 'a bug' },
    { route: '/sql', cause: 'cannot read tasks: unknown column' },
  ]);
});

test('a failure of a handler is an internal problem without its text, a CollectorError keeps its code', async () => {
  const { url } = await serve({
    http: [
      route('/bug', () => {
        throw new Error('secret detail');
      }),
      route('/away', () => Promise.reject(new CollectorError('store_unavailable', 'cannot reach the store'))),
    ],
  });
  const bug = await (await fetch(`${url}/bug`)).text();
  expect(bug).toContain('"code":"internal"');
  expect(bug).not.toContain('secret');
  const away = await fetch(`${url}/away`);
  expect([away.status, away.headers.get('retry-after')]).toEqual([503, '1']);
});

test('a streamed answer arrives whole and in order', async () => {
  async function* chunks() {
    for (let index = 0; index < 200; index++) yield Buffer.alloc(10_000, 97 + (index % 26));
  }
  const { url } = await serve({ http: [route('/stream', () => ({ status: 200, body: chunks() }))] });
  const text = await (await fetch(`${url}/stream`)).text();
  expect(text.length).toBe(2_000_000);
  expect([text[0], text[10_000], text.at(-1)]).toEqual(['a', 'b', 'r']);
});

test('a streamed answer that fails midway does not look complete', async () => {
  let fail = () => {};
  const failing = new Promise<void>((resolve) => {
    fail = resolve;
  });
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('the beginning');
    await failing;
    throw new CollectorError('store_unavailable', 'cannot go on');
  }
  const { url } = await serve({ http: [route('/failing', () => ({ status: 200, body: body() }))] });
  const response = await fetch(`${url}/failing`);
  expect(response.status).toBe(200);
  fail();
  await expect(response.text()).rejects.toThrow('terminated');
});

test('a client that takes nothing of a streamed answer is cut off, and the body is told', async () => {
  let ended = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(65_536);
    } finally {
      ended = true;
    }
  }
  const { server } = await serve({
    http: [route('/endless', () => ({ status: 200, body: endless() }))],
    replyIdleTimeoutMs: 100,
  });
  const socket = connect(server.port, '127.0.0.1');
  socket.pause();
  socket.write('GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await expect.poll(() => ended).toBe(true);
  let received = '';
  socket.on('data', (data) => {
    received = (received + data.toString('latin1')).slice(-5);
  });
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  expect(received).not.toBe('0\r\n\r\n');
});

test('HEAD has the headers and the length of GET and no body', async () => {
  const { url } = await serve({ http: [route('/x', () => ({ status: 200, body: 'hello', headers: { 'x-a': 'b' } }))] });
  const response = await fetch(`${url}/x`, { method: 'HEAD' });
  expect([response.status, response.headers.get('x-a'), response.headers.get('content-length')]).toEqual([
    200,
    'b',
    '5',
  ]);
});

/** What a raw socket answers to `parts`, sent one after another, until it is closed or falls silent. */
async function rawAnswer(port: number, parts: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  let text = '';
  socket.on('data', (data) => {
    text += data.toString();
  });
  const answered = new Promise<void>((resolve) => {
    socket.on('data', () => resolve());
    socket.on('close', () => resolve());
  });
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await answered;
  socket.destroy();
  return text;
}

test('a URL of 64 kB is refused with 414 and its code, in the path as well as in the query', async () => {
  const { server, requests } = await serve({
    http: [route('/a/{id}', ({ query }) => ({ status: 200, body: `${query}` }))],
  });
  const end = ' HTTP/1.1\r\nHost: localhost\r\n\r\n';
  for (const target of [`/a/${'x'.repeat(65_536)}`, `/a/1?q=${"'".repeat(65_536)}`, '/'.repeat(65_536)]) {
    const answer = await rawAnswer(server.port, [`GET ${target}${end}`]);
    expect(answer).toMatch(/^HTTP\/1\.1 414 /);
    expect(answer).toContain('"code":"url_too_long"');
    expect(answer.length).toBeLessThan(500);
  }
  expect(requests).toEqual(['GET /a/{id} 414', 'GET /a/{id} 414', 'GET (unmatched) 414']);
  expect(await rawAnswer(server.port, [`GET /a/1?q=${'x'.repeat(16_000)}${end}`])).toMatch(/^HTTP\/1\.1 200 /);
});

test('a head of more than 96 kB is refused while it arrives', async () => {
  const { server, refused } = await serve({ http: [route('/a', () => ({ status: 200 }))] });
  const answer = await rawAnswer(server.port, [`GET /a HTTP/1.1\r\nHost: localhost\r\nA: `, 'x'.repeat(100_000)]);
  expect(answer).toMatch(/^HTTP\/1\.1 431 .*"code":"head_too_large"/s);
  expect(refused).toEqual(['head_too_large']);
});

test('a client that goes away before its answer is recorded as gone, not as a failure', async () => {
  const underWay: { readonly signal: AbortSignal; readonly answer: () => void }[] = [];
  const slow = route(
    '/slow',
    ({ signal }) =>
      new Promise((resolve) => underWay.push({ signal, answer: () => resolve(problem('query_timeout')) })),
  );
  const { url, requests } = await serve({ http: [slow] });
  const gone = new AbortController();
  const asked = fetch(`${url}/slow`, { signal: gone.signal });
  await expect.poll(() => underWay.length).toBe(1);
  gone.abort();
  await expect(asked).rejects.toThrow();
  await expect.poll(() => underWay[0]?.signal.aborted).toBe(true);
  underWay[0]?.answer();
  await expect.poll(() => requests).toEqual(['GET /slow 499']);
});

test('requests beyond the limit are told to come back', async () => {
  let finish = () => {};
  const slow = route('/slow', () => new Promise((resolve) => (finish = () => resolve({ status: 200 }))));
  const fast = route('/fast', () => ({ status: 200 }));
  const { url } = await serve({ http: [slow, fast], monitoringRequestsMax: 1 });
  const first = fetch(`${url}/slow`);
  await expect.poll(async () => (await fetch(`${url}/fast`)).status).toBe(429);
  finish();
  expect((await first).status).toBe(200);
  expect((await fetch(`${url}/fast`)).status).toBe(200);
});

function open(url: string, options: { readonly protocols?: string[]; readonly key?: string }): Promise<WebSocket> {
  const headers = options.key === undefined ? {} : { authorization: `Bearer ${options.key}` };
  const socket = new WebSocket(url, options.protocols ?? [], { headers });
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve(socket));
    socket.on('error', reject);
  });
}

test('a WebSocket is opened with a key by header or by sub-protocol and echoes both kinds of frames', async () => {
  const { url } = await serve({ sockets: [echoSocket] });
  const ws = url.replace('http', 'ws');
  const byHeader = await open(`${ws}/echo`, { key: 'good' });
  byHeader.send('hi');
  expect(String(await new Promise((resolve) => byHeader.once('message', resolve)))).toBe('acme:hi');
  byHeader.close();
  const byProtocol = await open(`${ws}/echo`, { protocols: ['tidemark.v1', 'tidemark.key.good'] });
  expect(byProtocol.protocol).toBe('tidemark.v1');
  byProtocol.send(Buffer.from([1, 2, 3]));
  expect(await new Promise((resolve) => byProtocol.once('message', resolve))).toEqual(Buffer.from([1, 2, 3]));
  byProtocol.close();
});

test('a wrong key is a 401 to a client with headers and a close code to a browser', async () => {
  const { url } = await serve({ sockets: [echoSocket] });
  const ws = url.replace('http', 'ws');
  await expect(open(`${ws}/echo`, { key: 'bad' })).rejects.toThrow('401');
  const browser = await open(`${ws}/echo`, { protocols: ['tidemark.v1', 'tidemark.key.bad'] });
  expect(
    await new Promise((resolve) => browser.once('close', (code, reason) => resolve([code, String(reason)]))),
  ).toEqual([4401, 'key_invalid']);
});

test('a browser is told what was wrong with its key or its sub-protocols, whatever it offered', async () => {
  const { url } = await serve({ sockets: [echoSocket] });
  const told = async (protocols: string[], headers: Record<string, string> = {}) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/echo`, protocols, { headers });
    const messages: string[] = [];
    socket.on('message', (data) => messages.push((JSON.parse(String(data)) as { readonly code: string }).code));
    const code = await new Promise((resolve) => socket.once('close', resolve));
    return [...messages, code];
  };
  expect(await told(['tidemark.v1', 'tidemark.key.bad'])).toEqual(['key_invalid', 4401]);
  expect(await told(['tidemark.v1'])).toEqual(['key_missing', 4401]);
  expect(await told(['tidemark.v1', 'tidemark.key.'])).toEqual(['key_missing', 4401]);
  expect(await told(['tidemark.key.good'])).toEqual(['protocol_unknown', 4400]);
  expect(await told(['tidemark.v2', 'tidemark.key.good'])).toEqual(['protocol_unknown', 4400]);
  expect(await told([], { origin: url })).toEqual(['key_missing', 4401]);
});

test('connections beyond the limit are refused with their code', async () => {
  const { url, server, requests } = await serve({ sockets: [echoSocket], connectionsMax: 1 });
  const ws = url.replace('http', 'ws');
  const first = await open(`${ws}/echo`, { key: 'good' });
  await expect(open(`${ws}/echo`, { key: 'good' })).rejects.toThrow('503');
  expect(requests, 'a refused upgrade is counted').toEqual(['GET /echo 101', 'GET /echo 503']);
  first.close();
  await expect.poll(() => server.connections()).toBe(0);
  (await open(`${ws}/echo`, { key: 'good' })).close();
});

test('stop drains what a route has under way, then closes its sockets with a code', async () => {
  const order: string[] = [];
  const { url, server } = await serve({
    sockets: [{ ...echoSocket, drain: async () => void order.push('drained') }],
  });
  const socket = await open(`${url.replace('http', 'ws')}/echo`, { key: 'good' });
  const closed = new Promise<number>((resolve) =>
    socket.once('close', (code) => {
      order.push('closed');
      resolve(code);
    }),
  );
  await server.stop(1_000);
  expect(await closed).toBe(1012);
  expect(order).toEqual(['drained', 'closed']);
  await expect(fetch(url)).rejects.toThrow();
});

test('a stop waits for no WebSocket that has closed before', async () => {
  // Its time stands still: whatever waited for a deadline would wait for ever.
  const { server, host } = await serve({ clock: new FakeClock(), sockets: [echoSocket] });
  const socket = new WebSocket(`ws://${host}/echo`, { headers: { authorization: 'Bearer good' } });
  await once(socket, 'open');
  socket.close();
  await once(socket, 'close');
  await server.stop(60_000);
  await expect(fetch(`http://${host}/`)).rejects.toThrow();
});
