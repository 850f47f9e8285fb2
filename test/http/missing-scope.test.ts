import { expect, test } from 'vitest';
import WebSocket from 'ws';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { route, serve } from '../support/served.js';

const adminSocket: SocketRoute = {
  path: '/admin-socket',
  scope: 'admin',
  payloadBytesMax: 1_024,
  protocol: 'tidemark.v1',
  errorMessage: (error) => JSON.stringify({ op: 'error', ...error }),
  open: () => ({ message() {}, end() {}, closed() {} }),
};
const needed = 'this needs a key with the scope admin';

test('a request whose key lacks the scope is told which it needs', async () => {
  const { url } = await serve({ http: [route('/admin', () => ({ status: 200 }), { scope: 'admin' })] });
  const refused = await fetch(`${url}/admin`, { headers: { authorization: 'Bearer good' } });
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([403, null]);
  expect(await refused.json()).toMatchObject({ code: 'scope_missing', detail: needed });
});

test('a WebSocket whose key lacks the scope is told which it needs, a browser in its format', async () => {
  const { url } = await serve({ sockets: [adminSocket] });
  const browser = new WebSocket(`${url.replace('http', 'ws')}/admin-socket`, ['tidemark.v1', 'tidemark.key.good']);
  const message = String(await new Promise((resolve) => browser.once('message', resolve)));
  expect(JSON.parse(message)).toMatchObject({ code: 'scope_missing', message: needed });
  browser.close();
});
