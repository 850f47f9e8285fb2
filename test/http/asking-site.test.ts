import { expect, test } from 'vitest';
import { RawClient, route, serve } from '../support/served.js';

const routes = [
  route('/health', () => ({ status: 200, body: 'well' })),
  route('/runs', () => ({ status: 200, body: 'all' }), { scope: 'read' }),
  route('/events', () => ({ status: 202 }), { scope: 'ingest', method: 'POST', bodyBytesMax: 100 }),
];

/** Status and error code of the answer to these bytes, over a connection of its own. */
async function asked(port: number, head: string): Promise<string> {
  const client = new RawClient(port).write(`${head}\r\nConnection: close\r\n\r\n`);
  await expect.poll(() => client.text).toMatch(/\r\n\r\n./);
  const code = /"code":"(\w+)"/.exec(client.text)?.[1] ?? '';
  client.destroy();
  return `${client.statuses.join()} ${code}`.trim();
}

const key = '\r\nAuthorization: Bearer good';

test('what needs no key is told under known names only, what needs one also under a name of the network', async () => {
  const { server, refused } = await serve({ http: routes, hosts: ['tidemark.example.com'] });
  const ask = (head: string) => asked(server.port, head);
  expect(await ask('GET /health HTTP/1.1\r\nHost: localhost:1')).toBe('200');
  expect(await ask('GET /health HTTP/1.1\r\nHost: TideMark.example.com')).toBe('200');
  expect(await ask('GET /health HTTP/1.1\r\nHost: evil.example:7077')).toBe('421 host_unknown');
  expect(await ask(`GET /runs HTTP/1.1\r\nHost: collector:7077${key}`)).toBe('200');
  expect(await ask('GET /runs HTTP/1.1\r\nHost: evil.example')).toBe('401 key_missing');
  expect(await ask(`GET /runs HTTP/1.1\r\nHost: evil.example\r\nSec-Fetch-Site: same-origin${key}`)).toBe(
    '421 host_unknown',
  );
  const sent = 'Host: evil.example\r\nOrigin: http://evil.example\r\nContent-Length: 0';
  expect(await ask(`POST /events HTTP/1.1\r\n${sent}${key}`)).toBe('421 host_unknown');
  expect(refused).toEqual(['host_unknown', 'host_unknown', 'host_unknown']);
});

test('a page of another origin is refused with the best key, and a link to us is followed', async () => {
  const { server, requests, refused } = await serve({ http: routes });
  const ask = (head: string) => asked(server.port, `${head}\r\nHost: localhost:7077`);
  const foreign = 'Origin: https://evil.example';
  expect(await ask(`GET /runs HTTP/1.1\r\n${foreign}${key}`)).toBe('403 origin_foreign');
  expect(await ask(`POST /events HTTP/1.1\r\n${foreign}\r\nContent-Length: 0${key}`)).toBe('403 origin_foreign');
  expect(await ask('GET /health HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors')).toBe(
    '403 origin_foreign',
  );
  const link = 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document';
  expect(await ask(`GET /health HTTP/1.1\r\n${link}`)).toBe('200');
  expect(await ask(`GET /runs HTTP/1.1\r\nOrigin: http://localhost:7077${key}`)).toBe('200');
  expect(refused).toEqual(['origin_foreign', 'origin_foreign', 'origin_foreign']);
  expect(requests.slice(0, 3)).toEqual(['GET /runs 403', 'POST /events 403', 'GET /health 403']);
});

test('answers and refusals are closed to other pages as pictures and scripts', async () => {
  const { url } = await serve({ http: routes });
  for (const origin of ['https://evil.example', url]) {
    const { headers } = await fetch(`${url}/health`, { headers: { origin } });
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  }
});

test('a method nobody knows is not a series of its own', async () => {
  const { server, requests } = await serve({ http: routes });
  await asked(server.port, 'TRACE /runs HTTP/1.1\r\nHost: localhost');
  expect(requests).toEqual(['other (unmatched) 405']);
});
