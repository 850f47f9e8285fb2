import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { CollectorError } from '../../src/core/errors.js';
import type { HttpReply, HttpRoute } from '../../src/core/ports/http-route.js';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { serve as serveRoutes } from '../support/served.js';

const page = 'https://board.example.com';

function keyed(method: HttpRoute['method'], path: string, reply: () => HttpReply): HttpRoute {
  return { method, path, scope: 'read', handle: reply };
}

const routes = [
  keyed('GET', '/runs/{run_id}', () => ({ status: 200, headers: { age: '0' }, body: 'here' })),
  keyed('DELETE', '/runs/{run_id}', () => ({ status: 200, body: 'gone' })),
  keyed('GET', '/varied', () => ({ status: 200, headers: { vary: 'accept' } })),
  keyed('GET', '/busy', () => {
    throw new CollectorError('overloaded', 'too much');
  }),
];
const socket: SocketRoute = {
  path: '/live',
  scope: 'read',
  payloadBytesMax: 1_024,
  protocol: 'tidemark.v1',
  errorMessage: (error) => JSON.stringify({ op: 'error', ...error }),
  open: (opened) => {
    opened.send('hello');
    return { message() {}, end() {}, closed() {} };
  },
};

async function serve(corsOrigins: readonly string[]): Promise<string> {
  return (await serveRoutes({ corsOrigins, http: routes, sockets: [socket] })).host;
}

/** As a browser asks for a page of `origin`. */
function ask(host: string, path: string, origin: string, headers: Readonly<Record<string, string>> = {}) {
  return fetch(`http://${host}${path}`, { headers: { authorization: 'Bearer good', origin, ...headers } });
}

function askFirst(host: string, path: string, origin: string) {
  return fetch(`http://${host}${path}`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'DELETE',
      'access-control-request-headers': 'authorization,content-type',
    },
  });
}

/** Names and values of the headers that CORS is made of. */
function corsOf({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));
}

test('without configured origins no answer carries a header of CORS, and no page may ask', async () => {
  const host = await serve([]);
  expect(corsOf(await ask(host, '/runs/r1', page))).toEqual({});
  const first = await askFirst(host, '/runs/r1', page);
  expect([first.status, corsOf(first)]).toEqual([403, {}]);
});

test('a configured origin may read answers and problems, one that differs in a port may not ask', async () => {
  const host = await serve([page, 'http://localhost:3000']);
  const told = {
    vary: 'origin',
    'access-control-allow-origin': page,
    'access-control-expose-headers':
      'age, cache-status, content-disposition, idempotency-answer, link, retry-after, www-authenticate, ' +
      'x-next-cursor, x-total-count, x-total-is-exact',
  };
  const good = await ask(host, '/runs/r1', page);
  expect([good.status, corsOf(good)]).toEqual([200, told]);
  for (const [path, status, headers] of [
    ['/busy', 429, {}],
    ['/nowhere', 404, {}],
    ['/runs/r1', 401, { authorization: 'Bearer bad' }],
  ] as const) {
    const problem = await ask(host, path, page, headers);
    expect([problem.status, corsOf(problem)]).toEqual([status, told]);
  }
  for (const stranger of [`${page}:8443`, 'http://board.example.com', 'https://example.com', 'null']) {
    const answer = await ask(host, '/runs/r1', stranger);
    expect([answer.status, corsOf(answer)]).toEqual([403, { vary: 'origin' }]);
  }
});

test('a preflight of a configured origin is answered without a key, with the methods of the path', async () => {
  const host = await serve([page]);
  const first = await askFirst(host, '/runs/r1', page);
  expect([first.status, await first.text()]).toEqual([204, '']);
  expect(corsOf(first)).toEqual({
    vary: 'access-control-request-method, access-control-request-headers, origin',
    'access-control-allow-origin': page,
    'access-control-allow-methods': 'GET, DELETE',
    'access-control-allow-headers': 'authorization, content-type, content-encoding, idempotency-key',
    'access-control-expose-headers':
      'age, cache-status, content-disposition, idempotency-answer, link, retry-after, www-authenticate, ' +
      'x-next-cursor, x-total-count, x-total-is-exact',
    'access-control-max-age': '7200',
  });
  expect((await askFirst(host, '/nowhere', page)).status).toBe(404);
  const stranger = await askFirst(host, '/runs/r1', 'https://example.com');
  expect([stranger.status, corsOf(stranger)]).toEqual([403, { vary: 'origin' }]);
});

test('a star lets every page read, and is answered as a star', async () => {
  const host = await serve(['*']);
  const answer = corsOf(await ask(host, '/runs/r1', 'https://anyone.example'));
  expect([answer['access-control-allow-origin'], answer.vary]).toEqual(['*', undefined]);
  expect((await askFirst(host, '/runs/r1', 'null')).status).toBe(204);
});

test('no answer allows credentials, and what an answer varies by is kept', async () => {
  for (const origins of [[page], ['*']]) {
    const host = await serve(origins);
    const answers = [await ask(host, '/runs/r1', page), await askFirst(host, '/runs/r1', page)];
    for (const { headers } of answers) expect(headers.get('access-control-allow-credentials')).toBeNull();
  }
  const host = await serve([page]);
  expect((await ask(host, '/varied', page)).headers.get('vary')).toBe('accept, origin');
});

function hello(host: string, origin: string): Promise<unknown> {
  const client = new WebSocket(`ws://${host}/live`, ['tidemark.v1', 'tidemark.key.good'], { origin });
  onTestFinished(() => client.close());
  return new Promise((resolve, reject) => {
    client.on('message', (data) => resolve(String(data)));
    client.on('error', reject);
  });
}

test('a WebSocket opens from a page of our own and of a configured origin, and from no other page', async () => {
  const host = await serve([page]);
  expect(await hello(host, `http://${host}`)).toBe('hello');
  expect(await hello(host, page)).toBe('hello');
  await expect(hello(host, 'https://anyone.example')).rejects.toThrow('403');
  await expect(hello(host, 'null')).rejects.toThrow('403');
});
