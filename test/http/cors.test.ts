import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { systemClock } from '../../src/core/clock.js';
import { CollectorError } from '../../src/core/errors.js';
import { silentLogger } from '../../src/core/logger.js';
import type { HttpReply, HttpRoute, SocketRoute } from '../../src/core/ports.js';
import { HttpServer } from '../../src/http/http-server.js';

const page = 'https://board.example.com';
const principal = { tenant: 'acme', scopes: new Set(['read'] as const), keyName: 'k', contentAllowed: false };

function route(method: HttpRoute['method'], path: string, reply: () => HttpReply): HttpRoute {
  return { method, path, scope: 'read', handle: reply };
}

const routes = [
  route('GET', '/runs/{run_id}', () => ({ status: 200, headers: { age: '0' }, body: 'here' })),
  route('DELETE', '/runs/{run_id}', () => ({ status: 200, body: 'gone' })),
  route('GET', '/varied', () => ({ status: 200, headers: { vary: 'accept' } })),
  route('GET', '/busy', () => {
    throw new CollectorError('overloaded', 'too much');
  }),
];
const socket: SocketRoute = {
  path: '/live',
  scope: 'read',
  payloadBytesMax: 1_024,
  protocol: 'tidemark.v1',
  open: (opened) => {
    opened.send('hello');
    return { message() {}, closed() {} };
  },
};

async function serve(corsOrigins: readonly string[]): Promise<string> {
  const server = new HttpServer(
    {
      authenticator: { authenticate: (key) => (key === 'Bearer good' ? principal : 'key_missing') },
      clock: systemClock,
      logger: silentLogger,
      instruments: { recordRequest() {} },
    },
    {
      host: '127.0.0.1',
      port: 0,
      corsOrigins,
      connectionsMax: 10,
      requestsMax: 10,
      bodyTimeoutMs: 5_000,
      replyIdleTimeoutMs: 5_000,
      socketIdleTimeoutSeconds: 60,
      socketOutboundBytesMax: 65_536,
    },
    { http: routes, sockets: [socket] },
  );
  await server.start();
  onTestFinished(() => server.stop(100));
  return `127.0.0.1:${server.port}`;
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

test('without configured origins no answer carries a header of CORS, and OPTIONS is not allowed', async () => {
  const host = await serve([]);
  expect(corsOf(await ask(host, '/runs/r1', page))).toEqual({});
  const first = await askFirst(host, '/runs/r1', page);
  expect([first.status, corsOf(first)]).toEqual([405, {}]);
});

test('a configured origin may read answers and problems, one that differs in a port may not', async () => {
  const host = await serve([page, 'http://localhost:3000']);
  const told = {
    vary: 'origin',
    'access-control-allow-origin': page,
    'access-control-expose-headers': 'age, cache-status, content-disposition, retry-after, www-authenticate',
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
    expect([answer.status, corsOf(answer)]).toEqual([200, { vary: 'origin' }]);
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
    'access-control-expose-headers': 'age, cache-status, content-disposition, retry-after, www-authenticate',
    'access-control-max-age': '7200',
  });
  expect((await askFirst(host, '/nowhere', page)).status).toBe(404);
  const stranger = await askFirst(host, '/runs/r1', 'https://example.com');
  expect([stranger.status, corsOf(stranger)]).toEqual([405, { vary: 'origin' }]);
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

test('a WebSocket from a page of another origin opens with a good key, for the key is not a cookie', async () => {
  const host = await serve([page]);
  const client = new WebSocket(`ws://${host}/live`, ['tidemark.v1', 'tidemark.key.good'], {
    origin: 'https://anyone.example',
  });
  onTestFinished(() => client.close());
  const message = await new Promise((resolve, reject) => {
    client.on('message', (data) => resolve(String(data)));
    client.on('error', reject);
  });
  expect(message).toBe('hello');
});
