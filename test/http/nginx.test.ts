import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { freePort } from '../../bench/free-port.js';
import { errorTable } from '../../src/core/errors.js';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { route, serve } from '../support/served.js';
import { tempDir } from '../support/temp-dir.js';

/** A proxy in front, as people set it up, and the configuration that `docs/proxies.md` shows. */

const hasNginx = spawnSync('nginx', ['-v']).error === undefined;

/** Its address, when it listens. */
async function startNginx(locations: string): Promise<string> {
  const directory = tempDir();
  const port = await freePort();
  const file = join(directory, 'nginx.conf');
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(directory, name)};`)
    .join(' ');
  writeFileSync(
    file,
    `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes 1;
    pid ${join(directory, 'pid')}; error_log stderr;
    events { worker_connections 64; }
    http { access_log off; ${places}
      map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
      server { listen 127.0.0.1:${port}; ${locations} } }`,
  );
  const nginx = spawn('nginx', ['-c', file, '-p', directory], { stdio: 'ignore' });
  const ended = once(nginx, 'exit');
  onTestFinished(async () => {
    nginx.kill('SIGQUIT');
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await expect
    .poll(() =>
      fetch(url).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  return url;
}

const silent: SocketRoute = {
  path: '/v1/stream',
  scope: 'ingest',
  payloadBytesMax: 1_048_576,
  protocol: 'tidemark.v1',
  errorMessage: (error) => JSON.stringify({ op: 'error', ...error }),
  open: (socket) => {
    socket.send('hello');
    return {
      message: (bytes) => void socket.send(Buffer.from(bytes.slice(0)), 'text'),
      end: (code) => socket.close(errorTable[code].closeCode ?? 1011, code),
      closed() {},
    };
  },
};

async function* slowly(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('data: first\n\n');
  await new Promise((resolve) => setTimeout(resolve, 30_000).unref());
}

const routes = {
  http: [
    route('/api/v1/agents/{id}', ({ params }) => ({ status: 200, body: params.id ?? '' })),
    route('/events', ({ body }) => ({ status: 202, body: `${body.length}` }), {
      method: 'POST',
      bodyBytesMax: 500_000,
    }),
    route('/live', () => ({ status: 200, headers: { 'content-type': 'text/event-stream' }, body: slowly() }), {
      longLived: true,
    }),
  ],
  sockets: [silent],
};

test.skipIf(!hasNginx)('behind nginx as it is, with HTTP/1.0 to us, requests and uploads are answered', async () => {
  const { host } = await serve(routes);
  const url = await startNginx(`location / { proxy_pass http://${host}; }`);
  expect(await (await fetch(`${url}/api/v1/agents/a`)).text()).toBe('a');
  const long = 'x'.repeat(6_000);
  expect(await (await fetch(`${url}/api/v1/agents/${long}`)).text()).toBe(long);
  const sent = await fetch(`${url}/events`, { method: 'POST', body: 'y'.repeat(300_000) });
  expect([sent.status, await sent.text()]).toEqual([202, '300000']);
});

test.skipIf(!hasNginx)('behind nginx as the docs say, streams go on at once and quiet WebSockets stay', async () => {
  const { host } = await serve({ ...routes, idleTimeoutSeconds: 12 });
  const url = await startNginx(`location / {
    proxy_pass http://${host}; proxy_http_version 1.1; proxy_set_header Host $host;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
    proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 15s; proxy_send_timeout 15s; }`);
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => fetch(`${url}/api/v1/agents/${at}`)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  const abort = new AbortController();
  const live = await fetch(`${url}/live`, { signal: abort.signal });
  const first = await live.body?.getReader().read();
  expect(Buffer.from(first?.value ?? []).toString()).toBe('data: first\n\n');
  abort.abort();

  const headers = { authorization: 'Bearer good' };
  const client = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`, { headers });
  onTestFinished(() => client.terminate());
  let closed = false;
  client.on('close', () => {
    closed = true;
  });
  let pings = 0;
  client.on('ping', () => {
    pings += 1;
  });
  await once(client, 'message');
  // It says nothing of its own accord; two pings are more than twice as long as nginx waits.
  await expect.poll(() => closed || pings >= 3, { timeout: 50_000 }).toBe(true);
  client.send('still here');
  expect(String((await once(client, 'message'))[0])).toBe('still here');
});
