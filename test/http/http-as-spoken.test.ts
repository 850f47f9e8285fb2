import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { errorTable } from '../../src/core/errors.js';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { RawClient, route, serve } from '../support/served.js';
import { socketServer } from '../support/socket-server.js';
import { tempDir } from '../support/temp-dir.js';

/** HTTP as clients and proxies speak it that are in their right, if not of our habits. */

const echo: SocketRoute = {
  path: '/echo',
  scope: 'read',
  payloadBytesMax: 1_048_576,
  protocol: 'tidemark.v1',
  errorMessage: (error) => JSON.stringify({ op: 'error', ...error }),
  open: (socket) => ({
    message: (bytes, isBinary) => void socket.send(new Uint8Array(bytes.slice(0)), isBinary ? 'binary' : 'text'),
    end: (code) => socket.close(errorTable[code].closeCode ?? 1011, code),
    closed() {},
  }),
};

function serveEcho() {
  const bodies: string[] = [];
  const post = route(
    '/events',
    ({ body }) => {
      bodies.push(Buffer.from(body).toString());
      return { status: 202, body: `${body.length}` };
    },
    { method: 'POST', bodyBytesMax: 1_000, scope: 'ingest' },
  );
  const get = route('/api/v1/agents/{id}', ({ params, query }) => ({ status: 200, body: `${params.id}?${query}` }));
  return serve({
    http: [post, get],
    sockets: [echo],
    connectionsMax: 500,
    outboundBytesMax: 4_194_304,
    requestsMax: 500,
    monitoringRequestsMax: 500,
  }).then((server) => ({
    ...server,
    bodies,
  }));
}

const authorized = 'Host: localhost\r\nAuthorization: Bearer good\r\n';
const upgrade =
  `GET /echo HTTP/1.1\r\n${authorized}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** Sends what comes before `at`, and the rest when the system has taken that as a segment of its own. */
async function sendInTwo(client: RawClient, text: string, at: number): Promise<void> {
  client.write(text.slice(0, at));
  await new Promise((resolve) => setTimeout(resolve, 5));
  client.write(text.slice(at));
}

test('a request in two segments is one request, wherever it is cut', async () => {
  const { server, bodies } = await serveEcho();
  const texts = [
    `GET /api/v1/agents/a?limit=5 HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `POST /events HTTP/1.1\r\n${authorized}Content-Length: 5\r\n\r\nhello`,
    `POST /events HTTP/1.1\r\n${authorized}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    upgrade,
  ];
  const wanted = [200, 202, 202, 101];
  for (const [index, text] of texts.entries()) {
    const clients = Array.from({ length: text.length - 1 }, () => new RawClient(server.port));
    await Promise.all(clients.map((client, at) => sendInTwo(client, text, at + 1)));
    const statuses = () => [...new Set(clients.map((client) => client.statuses.join()))];
    await expect.poll(statuses).toEqual([`${wanted[index]}`]);
    for (const client of clients) client.destroy();
    await expect.poll(() => server.connections()).toBe(0);
  }
  expect(new Set(bodies)).toEqual(new Set(['hello']));
});

test('HTTP/1.0, as a plain proxy_pass of nginx speaks it, is answered and its connection ended', async () => {
  const { server } = await serveEcho();
  const get = new RawClient(server.port).write(
    'GET /api/v1/agents/a HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n',
  );
  const post = new RawClient(server.port).write(
    `POST /events HTTP/1.0\r\n${authorized}Content-Length: 5\r\nConnection: close\r\n\r\nhello`,
  );
  await expect.poll(() => [get.closed, post.closed]).toEqual([true, true]);
  expect([get.statuses, post.statuses]).toEqual([[200], [202]]);
  // Whoever speaks 1.0 knows no chunks.
  expect(get.text.endsWith('\r\n\r\na?')).toBe(true);
});

test('pipelined requests are answered in their order, and one that is no HTTP ends the row', async () => {
  const { server } = await serveEcho();
  const get = (id: string) => `GET /api/v1/agents/${id} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const client = new RawClient(server.port).write(`${get('a')}${get('b')}${get('c')}nonsense\r\n\r\n`);
  await expect.poll(() => client.closed).toBe(true);
  expect([...client.text.matchAll(/\r\n\r\n([abc])\?/g)].map(([, id]) => id)).toEqual(['a', 'b', 'c']);
  expect(client.statuses).toEqual([200, 200, 200]);
});

test('a client that expects 100 is told to go on when its body is wanted, and at once when it is not', async () => {
  const { server, bodies } = await serveEcho();
  const head = (headers: string, bytes: number) =>
    `POST /events HTTP/1.1\r\nHost: localhost\r\n${headers}Content-Length: ${bytes}\r\nExpect: 100-continue\r\n\r\n`;
  const wanted = new RawClient(server.port).write(head('Authorization: Bearer good\r\n', 5));
  await expect.poll(() => wanted.statuses).toEqual([100]);
  wanted.write('hello');
  await expect.poll(() => wanted.statuses).toEqual([100, 202]);
  expect(bodies).toEqual(['hello']);
  const strange = new RawClient(server.port).write(head('', 5));
  const large = new RawClient(server.port).write(head('Authorization: Bearer good\r\n', 5_000));
  await expect.poll(() => [strange.statuses, large.statuses]).toEqual([[401], [413]]);
});

test('an offer of another protocol is passed over, and the request answered in the one it came by', async () => {
  const { server, bodies } = await serveEcho();
  const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n';
  const get = `GET /api/v1/agents/a HTTP/1.1\r\nHost: localhost\r\n`;
  const client = new RawClient(server.port).write(`${get}${offer}\r\n`);
  await expect.poll(() => client.statuses).toEqual([200]);
  // The connection goes on.
  client.write(`${get}\r\n`);
  await expect.poll(() => client.statuses).toEqual([200, 200]);
  const posting = new RawClient(server.port).write(
    `POST /events HTTP/1.1\r\n${authorized}${offer}Content-Length: 5\r\n\r\nhel`,
  );
  posting.write('lo');
  await expect.poll(() => posting.statuses).toEqual([202]);
  expect(bodies).toEqual(['hello']);
});

test('a plain request of a path that speaks WebSocket is told so, and so is an old version of it', async () => {
  const { url, server } = await serveEcho();
  const plain = await fetch(`${url}/echo`);
  expect([plain.status, ((await plain.json()) as { code: string }).code]).toEqual([426, 'websocket_required']);
  const old = new RawClient(server.port).write(upgrade.replace('Version: 13', 'Version: 8'));
  await expect.poll(() => old.statuses).toEqual([426]);
  expect(old.text).toMatch(/sec-websocket-version: 13/i);
  const keyless = new RawClient(server.port).write(upgrade.replace('dGhlIHNhbXBsZSBub25jZQ==', 'short'));
  await expect.poll(() => keyless.statuses).toEqual([400]);
});

test('frames that follow an upgrade in the same segment are not lost, and large ones come back whole', async () => {
  const { server, url } = await serveEcho();
  const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
  const client = new RawClient(server.port).write(Buffer.concat([Buffer.from(upgrade), frame]));
  await expect.poll(() => client.text.endsWith('\x81\x02hi')).toBe(true);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/echo`, { headers: { authorization: 'Bearer good' } });
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  const large = Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => at % 251));
  socket.send(large);
  const [echoed] = (await once(socket, 'message')) as [Buffer];
  expect(Buffer.compare(echoed.subarray(0, 1_000_000), large)).toBe(0);
});

test.skipIf(socketServer !== 'uws')(
  'the socket WebSockets are handed over by lets nobody in who was not granted an upgrade',
  async () => {
    const directory = tempDir();
    const { server } = await serve({ sockets: [echo], directory });
    const path = join(directory, 'websockets.sock');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    for (const text of [
      upgrade,
      upgrade.replace('Host', 'X-Tidemark-Granted: x\r\nHost'),
      `GET / HTTP/1.1\r\n${authorized}\r\n`,
    ]) {
      const stranger = connect(path);
      let heard = '';
      stranger.on('data', (data) => {
        heard += data.toString('latin1');
      });
      stranger.on('error', () => {});
      stranger.write(text);
      await once(stranger, 'close');
      expect(heard).not.toMatch(/ 101 /);
    }
    await server.stop(100);
    expect(existsSync(path)).toBe(false);
  },
);
