import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { TlsFiles } from '../../src/http/tls-files.js';
import { type Authority, hasOpenssl, makeAuthority, makeCertificate } from '../support/certificates.js';
import { route, serve } from '../support/served.js';
import { tempDir } from '../support/temp-dir.js';

const withOpenssl = test.skipIf(!hasOpenssl);

const echo: SocketRoute = {
  path: '/echo',
  scope: 'read',
  payloadBytesMax: 1_024,
  protocol: 'tidemark.v1',
  errorMessage: (error) => JSON.stringify({ op: 'error', ...error }),
  open: (socket) => ({ message: () => void socket.send('heard'), end() {}, closed() {} }),
};

interface Identity {
  readonly cert?: string;
  readonly key?: string;
}

/** A port that wants certificates of `clients`, by files that are looked at every 20 ms. */
async function guarded(clients: Authority) {
  const directory = tempDir();
  const servers = makeAuthority(directory, 'servers');
  const own = makeCertificate(servers, { directory, name: 'own' });
  const [certFile, keyFile] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
  const clientCaFile = join(directory, 'clients.crt');
  writeFileSync(certFile, own.cert);
  writeFileSync(keyFile, own.key);
  writeFileSync(clientCaFile, clients.cert);
  const tls = new TlsFiles(
    { clock: systemClock, logger: silentLogger },
    { certFile, keyFile, clientCaFile, reloadMs: 20 },
  );
  const served = await serve({
    tls,
    sockets: [echo],
    http: [
      route('/kept', async () => ({ status: 200, body: 'yes' })),
      route('/health', async () => ({ status: 200, body: 'lives' }), { withoutCertificate: true }),
    ],
  });
  return { ...served, tls, ca: servers.cert, clientCaFile };
}

type Guarded = Awaited<ReturnType<typeof guarded>>;

function ask({ server, ca }: Guarded, path: string, identity: Identity): Promise<readonly [number, string]> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: server.port, path, ca, agent: false, ...identity }, (answer) => {
      let text = '';
      answer.on('data', (data) => {
        text += String(data);
      });
      answer.on('end', () => {
        const code = text.startsWith('{') ? (JSON.parse(text) as { code: string }).code : text;
        resolve([answer.statusCode ?? 0, code]);
      });
    });
    asked.on('error', reject).end();
  });
}

/** What a WebSocket hears: the status it is refused with, the messages and the close code, or the first answer. */
function speak({ server, ca }: Guarded, identity: Identity, protocols: string[] = []): Promise<readonly unknown[]> {
  const heard: string[] = [];
  const headers = protocols.length === 0 ? { authorization: 'Bearer good' } : {};
  const socket = new WebSocket(`wss://127.0.0.1:${server.port}/echo`, protocols, { ca, headers, ...identity });
  onTestFinished(() => socket.terminate());
  return new Promise((resolve) => {
    socket.on('unexpected-response', (_request, response) => resolve([response.statusCode]));
    socket.on('open', () => socket.send('hello'));
    socket.on('message', (data) => {
      heard.push(String(data));
      if (heard.at(-1) === 'heard') resolve(heard);
    });
    socket.on('close', (code) => resolve([...heard, code]));
    socket.on('error', () => {});
  });
}

withOpenssl('whoever has no certificate of the authority is refused by name, and /health is answered', async () => {
  const directory = tempDir();
  const clients = makeAuthority(directory, 'clients');
  const strangers = makeAuthority(directory, 'strangers');
  const known = makeCertificate(clients, { directory, name: 'known' });
  const foreign = makeCertificate(strangers, { directory, name: 'foreign' });
  const expired = makeCertificate(clients, { directory, name: 'expired', days: -1 });
  const port = await guarded(clients);
  expect(await ask(port, '/kept', known)).toEqual([200, 'yes']);
  expect(await ask(port, '/kept', {})).toEqual([403, 'certificate_missing']);
  expect(await ask(port, '/kept', foreign)).toEqual([403, 'certificate_refused']);
  expect(await ask(port, '/kept', expired)).toEqual([403, 'certificate_refused']);
  expect(await ask(port, '/nowhere', {})).toEqual([403, 'certificate_missing']);
  expect(await ask(port, '/health', {})).toEqual([200, 'lives']);
  expect(await speak(port, known)).toEqual(['heard']);
  expect(await speak(port, {})).toEqual([403]);
  const browser = ['tidemark.v1', 'tidemark.key.good'];
  const told = await speak(port, foreign, browser);
  expect(told).toEqual([expect.stringContaining('"code":"certificate_refused"'), 4403]);
  expect(await speak(port, known, browser)).toEqual(['heard']);
  expect(new Set(port.refused)).toEqual(new Set(['certificate_missing', 'certificate_refused']));
});

withOpenssl('an authority that replaces another counts from then on, for resumed sessions too', async () => {
  const directory = tempDir();
  const before = makeAuthority(directory, 'before');
  const after = makeAuthority(directory, 'after');
  const old = makeCertificate(before, { directory, name: 'old' });
  const renewed = makeCertificate(after, { directory, name: 'renewed' });
  const port = await guarded(before);
  const session = await ticketOf(port, old);
  expect(await statusOver(port, { ...old, session })).toBe('HTTP/1.1 200 OK');
  writeFileSync(port.clientCaFile, after.cert);
  await expect.poll(() => ask(port, '/kept', renewed)).toEqual([200, 'yes']);
  expect(await ask(port, '/kept', old)).toEqual([403, 'certificate_refused']);
  expect(await statusOver(port, { ...old, session })).toBe('HTTP/1.1 403 Forbidden');
  writeFileSync(port.clientCaFile, 'none');
  await expect.poll(() => port.tls.health().reason).toContain(`the certificate ${port.clientCaFile} is no certificate`);
  expect(await ask(port, '/kept', renewed)).toEqual([200, 'yes']);
});

type Session = Identity & { readonly session?: Buffer };

function open({ server, ca }: Guarded, identity: Session): TLSSocket {
  const socket = connect({ host: '127.0.0.1', port: server.port, ca, ...identity });
  onTestFinished(() => void socket.destroy());
  socket.write('GET /kept HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  return socket;
}

function ticketOf(port: Guarded, identity: Identity): Promise<Buffer> {
  return new Promise((resolve) => void open(port, identity).once('session', resolve));
}

function statusOver(port: Guarded, identity: Session): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = open(port, identity);
    socket.once('data', (data) => resolve(String(data).split('\r\n')[0]!));
    socket.once('error', reject);
  });
}
