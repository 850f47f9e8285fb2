import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { noKeyLimits } from '../../src/core/key-limits.js';
import type { Principal } from '../../src/core/ports/authenticator.js';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { createBudgets } from '../support/key-budgets.js';
import { route, serve } from '../support/served.js';

const live: SocketRoute = {
  path: '/live',
  scope: 'read',
  payloadBytesMax: 1_024,
  protocol: 'tidemark.v1',
  errorMessage: ({ code }) => code,
  open: () => ({ message() {}, end() {}, closed() {} }),
};

async function limited() {
  const { budgets, clock, held } = createBudgets({ burstSeconds: 3 });
  const limits = { ...noKeyLimits, requestsPerSecond: 1 };
  const limiter = {
    tryRequest: (principal: Principal) =>
      budgets.tryRequest(principal.keyName === 'good-slow' ? { ...principal, limits } : principal),
  };
  const yes = async () => ({ status: 200, body: 'yes' });
  const served = await serve({
    limiter,
    sockets: [live],
    http: [
      route('/read', yes, { scope: 'read' }),
      route('/send', yes, { method: 'POST', scope: 'ingest', limitedByEvents: true, bodyBytesMax: 10 }),
      route('/well', yes, { scope: 'read', monitoring: true }),
      route('/open', yes),
    ],
  });
  const ask = async (path: string, key = 'good-slow', method = 'GET') => {
    const answer = await fetch(`${served.url}${path}`, { method, headers: { authorization: `Bearer ${key}` } });
    const text = await answer.text();
    const code = text.startsWith('{') ? (JSON.parse(text) as { code: string }).code : text;
    return [answer.status, code, answer.headers.get('retry-after')];
  };
  return { ...served, clock, held, ask };
}

test('reads beyond the rate of their key are refused by name, and other keys and other requests are not', async () => {
  const { ask, clock, held } = await limited();
  for (let request = 0; request < 3; request++) expect(await ask('/read')).toEqual([200, 'yes', null]);
  expect(await ask('/read')).toEqual([429, 'request_rate_exceeded', '1']);
  expect(await ask('/read', 'good')).toEqual([200, 'yes', null]);
  for (const path of ['/well', '/open']) expect(await ask(path)).toEqual([200, 'yes', null]);
  expect(await ask('/send', 'good-slow', 'POST')).toEqual([200, 'yes', null]);
  clock.advance(1_000);
  expect(await ask('/read')).toEqual([200, 'yes', null]);
  expect(await ask('/read')).toEqual([429, 'request_rate_exceeded', '1']);
  expect(held).toEqual(['acme/good-slow requestsPerSecond', 'acme/good-slow requestsPerSecond']);
});

test('a live subscription is a request', async () => {
  const { ask, url } = await limited();
  for (let request = 0; request < 3; request++) await ask('/read');
  const headers = { authorization: 'Bearer good-slow' };
  const status = await new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/live`, { headers });
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
    socket.on('open', () => resolve(101));
    socket.on('error', () => {});
  });
  expect(status).toBe(429);
});
