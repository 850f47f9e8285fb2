import { expect, test } from 'vitest';
import { RawClient, route, serve } from '../support/served.js';

/** Bodies whose length is not told beforehand: their limit holds while they come, not when they are whole. */

const bytesMax = 100_000;
const head = 'POST /body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = (bytes: number) => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;
const last = '0\r\n\r\n';

async function serveBodies() {
  const sizes: number[] = [];
  const post = route('/body', ({ body }) => ({ status: 200, body: String(sizes.push(body.byteLength)) }), {
    method: 'POST',
    bodyBytesMax: bytesMax,
  });
  return { ...(await serve({ http: [post] })), sizes };
}

test('a chunked body may have as many bytes as one whose length is told', async () => {
  const { server, sizes } = await serveBodies();
  const client = new RawClient(server.port).write(head + chunk(60_000) + chunk(40_000) + last);
  await expect.poll(() => client.statuses).toEqual([200]);
  expect(sizes).toEqual([bytesMax]);
});

test('a chunked body one byte above the limit is refused by name, and its handler never asked', async () => {
  const { server, sizes } = await serveBodies();
  const client = new RawClient(server.port).write(head + chunk(60_000) + chunk(40_001) + last);
  await expect.poll(() => client.text).toContain('body_too_large');
  expect([client.statuses, sizes]).toEqual([[413], []]);
});

test('a chunked body that never ends is refused at the limit and its connection closed', async () => {
  const { server, sizes, refused } = await serveBodies();
  const client = new RawClient(server.port).write(head);
  for (let sent = 0; sent <= bytesMax; sent += 10_000) client.write(chunk(10_000));
  await expect.poll(() => client.text).toContain('body_too_large');
  await expect.poll(() => client.closed).toBe(true);
  expect([client.statuses, sizes, refused]).toEqual([[413], [], []]);
});
