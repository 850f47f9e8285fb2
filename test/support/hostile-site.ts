import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/** A site whose pages are empty, for attacks to be run in, and whose `/redirect?to=` leads anywhere. */
export async function serveHostileSite(): Promise<TestSite> {
  return listen(
    createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://site');
      allowAll(request, response);
      if (pathname === '/redirect') response.writeHead(307, { location: searchParams.get('to') ?? '/' }).end();
      else response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>page</title><body>');
    }),
  );
}

/**
 * A server that minds nothing: it tells `secret` to every page, by whatever the page asks with, and lets it read that.
 * What reached it is kept, by path.
 */
export async function serveCarelessly(secret: string): Promise<TestSite & { readonly reached: ReadonlySet<string> }> {
  const reached = new Set<string>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site');
    allowAll(request, response);
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    reached.add(decodeURIComponent(pathname));
    const [type, body] = answerFor(request, secret);
    response.writeHead(200, { 'content-type': type }).end(body);
  });
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false });
  server.on('upgrade', (request, socket, head) => {
    reached.add(decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname));
    sockets.handleUpgrade(request, socket, head, (client) => client.send(secret));
  });
  return { ...(await listen(server)), reached };
}

/** What a page tries its ways on; see `hostile-page.js`. */
export interface PageTarget {
  /** `login`: with a user and a password in the URL. */
  readonly kind: 'read' | 'write' | 'login' | 'socket';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly key: string;
  readonly body: string;
  readonly form: readonly [name: string, value: string];
  readonly redirector: string;
}

export interface TestSite {
  readonly port: number;
  close(): void;
}

async function listen(server: Server): Promise<TestSite> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

function allowAll({ headers }: IncomingMessage, response: ServerResponse): void {
  const { origin = '*' } = headers;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-headers', headers['access-control-request-headers'] ?? '*');
  response.setHeader('access-control-allow-methods', headers['access-control-request-method'] ?? '*');
  if (origin !== '*') response.setHeader('access-control-allow-credentials', 'true');
}

function answerFor({ headers }: IncomingMessage, secret: string): readonly [type: string, body: string] {
  switch (headers['sec-fetch-dest']) {
    case 'script':
    case 'worker':
      return ['text/javascript', `globalThis.shown = ${JSON.stringify(secret)};`];
    case 'style':
      return ['text/css', `:root { --shown: ${secret}; }`];
    case 'image':
      return ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg" width="31" height="17"/>'];
    case 'track':
      return ['text/vtt', `WEBVTT\n\n00:00.000 --> 00:01.000\n${secret}\n`];
    default:
      return headers.accept === 'text/event-stream'
        ? ['text/event-stream', `data: ${secret}\n\n`]
        : ['text/html', `<!doctype html><p>${secret}</p>`];
  }
}
