import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { HttpReply } from '../../src/core/ports/http-route.js';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { RawClient, route, serve } from '../support/served.js';

/** Answers that go on until the client, or the server, ends them. */
const endless = route('/endless', (): HttpReply => ({ status: 200, body: ticks() }), {
  scope: 'read',
  longLived: true,
});

async function* ticks(): AsyncIterable<Uint8Array> {
  for (;;) {
    yield Buffer.from('tick\n');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const socketRoute: SocketRoute = {
  path: '/socket',
  scope: 'read',
  payloadBytesMax: 1_024,
  protocol: 'tidemark.v1',
  errorMessage: ({ code }) => code,
  open: (socket) => {
    socket.send('hello');
    return {
      message: () => socket.send('still here'),
      end: (code) => socket.close(4_401, code),
      closed: () => undefined,
    };
  },
};

async function opened(url: string, key: string) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket`, { headers: { authorization: `Bearer ${key}` } });
  const closes: [number, string][] = [];
  const messages: string[] = [];
  socket.on('message', (data) => messages.push(String(data)));
  socket.on('close', (code, reason) => closes.push([code, String(reason)]));
  await expect.poll(() => messages).toEqual(['hello']);
  return { socket, closes, messages };
}

test('what stays open of a key that is taken back ends, and what others have open goes on', async () => {
  const { server, url } = await serve({ http: [endless], sockets: [socketRoute] });
  const [gone, stays] = [await opened(url, 'good-gone'), await opened(url, 'good-stays')];
  const streams = ['good-gone', 'good-stays'].map((key) =>
    new RawClient(server.port).write(
      `GET /endless HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`,
    ),
  );
  const [cut, kept] = [streams[0]!, streams[1]!];
  for (const stream of streams) await expect.poll(() => stream.text).toContain('tick');

  server.disconnect(({ tenant, keyName }) => tenant === 'acme' && keyName === 'good-gone');
  await expect.poll(() => gone.closes).toEqual([[4_401, 'key_invalid']]);
  await expect.poll(() => cut.closed).toBe(true);
  stays.socket.send('?');
  await expect.poll(() => stays.messages).toEqual(['hello', 'still here']);
  const { length } = kept.text;
  await expect.poll(() => kept.text.length).toBeGreaterThan(length);
  expect([stays.closes, kept.closed]).toEqual([[], false]);
  stays.socket.terminate();
  kept.destroy();
});
