import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { freePort } from '../../bench/free-port.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

const isLinux = process.platform === 'linux';

/** Each acknowledgement waits for a sync, and a client for each acknowledgement. */
const slowDisk = { timeout: 240_000 };

/** Sends one event at a time and the next when it is acknowledged; a client that is refused is told why. */
class Client {
  readonly opened: Promise<number>;
  sent = 0;
  acked = 0;
  readonly errors: string[] = [];
  readonly #url: string;
  readonly #name: string;
  #socket: WebSocket;
  #ended = false;

  constructor(url: string, name: string) {
    this.#url = url;
    this.#name = name;
    this.#socket = this.#connect();
    // 101, or the status of the refusal. A connection that was cut before it had an answer is tried again.
    this.opened = new Promise((resolve) => {
      const watch = () => {
        let answered = false;
        const answer = (status: number) => {
          answered = true;
          resolve(status);
        };
        this.#socket.once('open', () => answer(101));
        this.#socket.once('unexpected-response', (_request, response) => {
          answer(response.statusCode ?? 0);
          this.#socket.terminate();
        });
        this.#socket.once('close', () => {
          if (answered || this.#ended) return;
          setTimeout(() => {
            this.#socket = this.#connect();
            watch();
          }, 100);
        });
      };
      watch();
    });
  }

  #connect(): WebSocket {
    const headers = { authorization: `Bearer ${testKey}` };
    const socket = new WebSocket(`${this.#url}?producer=${this.#name}`, { headers });
    socket.on('error', () => undefined);
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      const message = JSON.parse(String(data)) as { readonly op: string; readonly seq: number; readonly code: string };
      if (message.op === 'ack') {
        this.acked = message.seq;
        this.send();
      } else if (message.op !== 'credit') this.errors.push(message.code);
    });
    return socket;
  }

  get settled(): boolean {
    return this.acked === this.sent;
  }

  send(): void {
    if (this.#ended) return;
    this.sent++;
    const event = { type: 'task.completed', agent_id: this.#name, task_id: `${this.sent}`, duration_ms: 5 };
    this.#socket.send(JSON.stringify({ seq: this.sent, events: [event] }));
  }

  finish(): void {
    this.#ended = true;
  }

  close(): void {
    this.#ended = true;
    this.#socket.terminate();
  }
}

test.skipIf(!isLinux)('600 clients of a collector with 300 descriptors: what is acknowledged is there', async () => {
  const collector = new CollectorProcess({ dataDir: tempDir(), openFilesMax: 300, makesStore: true });
  onTestFinished(async () => void (await collector.stop()));
  await collector.start();
  await collector.query('SELECT 1 AS one');
  const clients = Array.from({ length: 600 }, (_, index) => new Client(collector.streamUrl, `c${index}`));
  onTestFinished(() => {
    for (const client of clients) client.close();
  });
  const statuses = await Promise.all(clients.map((client) => client.opened));
  const count = (status: number) => statuses.filter((each) => each === status).length;
  expect(count(101)).toBeGreaterThan(20);
  // No key and no address has all connections, so a client of this one key meets its own limit.
  expect(count(101) + count(429) + count(503)).toBe(600);
  const inside = clients.filter((_, index) => statuses[index] === 101);
  for (const client of inside) client.send();
  await expect.poll(() => Math.min(...inside.map(({ acked }) => acked)), slowDisk).toBeGreaterThan(20);
  expect((await fetch(`${collector.url}/health`)).status).toBe(200);
  for (const client of inside) client.finish();
  await expect.poll(() => inside.every((client) => client.settled)).toBe(true);
  expect(inside.flatMap(({ errors }) => errors)).toEqual([]);
  const sent = inside.reduce((sum, client) => sum + client.sent, 0);
  const rows = async () => (await collector.query<{ n: number }>('SELECT count() AS n FROM agent_events'))[0]?.n;
  await expect.poll(rows, slowDisk).toBe(sent);
  const metrics = await collector.metrics();
  expect(metrics.get('tidemark_spool_sync_failures_total')).toBe(0);
  const refused = [...metrics].filter(([name]) => /^tidemark_http_refused\w*_total\{/.test(name));
  expect(refused.reduce((sum, [, value]) => sum + value, 0)).toBeGreaterThanOrEqual(600 - inside.length);
  expect(collector.output).toContain('open files allow fewer connections');
});

test.skipIf(!isLinux)('connections that say nothing take no descriptor from the spool', async () => {
  const collector = new CollectorProcess({
    dataDir: tempDir(),
    // The least that docs/limits.md promises a start with: modules that are loaded together are open at once.
    openFilesMax: 256,
    env: {
      TIDEMARK_CLICKHOUSE_URL: `http://127.0.0.1:${await freePort()}`,
      TIDEMARK_SPOOL_SEGMENT_AGE_MS_MIN: '100',
    },
  });
  onTestFinished(() => collector.kill());
  await collector.start();
  const client = new Client(collector.streamUrl, 'first');
  onTestFinished(() => client.close());
  expect(await client.opened).toBe(101);
  const idle: Socket[] = Array.from({ length: 600 }, () => connect(Number(new URL(collector.url).port), '127.0.0.1'));
  onTestFinished(() => {
    for (const socket of idle) socket.destroy();
  });
  for (const socket of idle) socket.on('error', () => undefined);
  await Promise.all(idle.map((socket) => (socket.connecting ? once(socket, 'connect') : null)));
  await expect.poll(() => collector.output).toContain('no open file is left');
  const before = client.acked;
  client.send();
  // Segments are begun and closed meanwhile.
  await expect.poll(() => client.acked, slowDisk).toBeGreaterThan(before + 500);
  client.finish();
  await expect.poll(() => client.settled).toBe(true);
  for (const socket of idle) socket.destroy();
  await expect.poll(async () => (await fetch(`${collector.url}/health`)).status).toBe(200);
  expect(client.errors).toEqual([]);
  expect((await collector.metrics()).get('tidemark_spool_sync_failures_total')).toBe(0);
});
