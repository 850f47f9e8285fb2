import { expect, test } from 'vitest';
import { RawClient, route, serve } from '../support/served.js';

/**
 * Bytes few HTTP libraries send. Each gets the answers it should, and the end of its connection within a bounded time:
 * a head that is not whole has ten seconds, and so do these tests wait once for all of them. Never are two answers
 * given for what a proxy on the way may have taken for one request.
 */
const marker = 'GET /marker HTTP/1.1\r\nHost: localhost\r\n\r\n';

interface Raw {
  readonly bytes: string;
  /** Statuses of all answers. */
  readonly answers: readonly number[];
}

function get(headers: string, answers: readonly number[], target = '/x'): Raw {
  return { bytes: `GET ${target} HTTP/1.1\r\n${headers}\r\n`, answers };
}

function post(headers: string, body: string, answers: readonly number[]): Raw {
  return { bytes: `POST /post HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${body}`, answers };
}

const chunked = 'Transfer-Encoding: chunked\r\n';
const chunks = '5\r\nhello\r\n0\r\n\r\n';
const host = 'Host: localhost\r\n';

const heads: Readonly<Record<string, Raw>> = {
  'a plain request': get(host, [200]),
  'no Host': get('A: b\r\n', [400]),
  'no header at all': get('', [400]),
  'an empty Host': get('Host:\r\n', [421]),
  'two Hosts': get(`${host}Host: evil.example\r\n`, [400]),
  'two equal Hosts': get(`${host}${host}`, [400]),
  'two keys': get(`${host}Authorization: Bearer good\r\nAuthorization: Bearer other\r\n`, [400]),
  'a folded header': get(`${host}A: b\r\n c\r\n`, [400]),
  'a folded Host': get('Host: localhost\r\n .evil.example\r\n', [400]),
  'NUL in a value': get(`${host}A: b\0c\r\n`, [400]),
  'NUL in a name': get(`${host}A\0: b\r\n`, [400]),
  'NUL in the URL': get(host, [400], '/x\0y'),
  'a space in a name': get(`${host}A b: c\r\n`, [400]),
  'a space before the colon': get(`${host}A : c\r\n`, [400]),
  'a line without colon': get(`${host}Abc\r\n`, [400]),
  'a header that ends in LF': get(`${host}A: b\nC: d\r\n`, [400]),
  'a header that ends in CR': get(`${host}A: b\rC: d\r\n`, [400]),
  'lines that end in LF': { bytes: 'GET /x HTTP/1.1\nHost: localhost\n\n', answers: [400] },
  'empty lines before': { bytes: `\r\n\r\n${get(host, []).bytes}`, answers: [200] },
  'bytes that are no text': get(`${host}A: \xff\xfe\r\n`, [200]),
  'HTTP/1.0': { bytes: `GET /x HTTP/1.0\r\n${host}\r\n`, answers: [200] },
  'HTTP/0.9': { bytes: 'GET /x\r\n\r\n', answers: [400] },
  'HTTP/2': { bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', answers: [400] },
  TLS: { bytes: `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'\xaa'.repeat(400)}`, answers: [400] },
  'a method with a sign': { bytes: `G@T /x HTTP/1.1\r\n${host}\r\n`, answers: [400] },
  'a method in small letters': { bytes: `get /x HTTP/1.1\r\n${host}\r\n`, answers: [400] },
  'an unknown method': { bytes: `BLAH /x HTTP/1.1\r\n${host}\r\n`, answers: [400] },
  'no method': { bytes: ` /x HTTP/1.1\r\n${host}\r\n`, answers: [400] },
  CONNECT: { bytes: `CONNECT evil.example:80 HTTP/1.1\r\n${host}\r\n`, answers: [] },
  'a whole URL of ours as target': get(host, [200], 'http://localhost/x'),
  'a whole URL as target': get(host, [400], 'http://evil.example/x'),
  'a target without slash': get(host, [400], 'x'),
  'a space in the URL': get(host, [400], '/x y'),
  'a header of 1 MB': get(`${host}A: ${'b'.repeat(1_000_000)}\r\n`, [431]),
  '101 headers': get(host + 'A: b\r\n'.repeat(101), [400]),
  '3,000 headers': get(host + 'A: b\r\n'.repeat(3_000), [400]),
  'a URL of 64 kB': get(host, [414], `/x?${'q'.repeat(65_536)}`),
  'half a line': { bytes: 'GET /x HT', answers: [408] },
  'half a head': { bytes: `GET /x HTTP/1.1\r\n${host}A: b`, answers: [408] },
  nothing: { bytes: '', answers: [] },
};

const bodies: Readonly<Record<string, Raw>> = {
  'both lengths': post(`Content-Length: 5\r\n${chunked}`, `0\r\n\r\n${marker}`, [400]),
  'both lengths, the other way round': post(`${chunked}Content-Length: 5\r\n`, `0\r\n\r\n${marker}`, [400]),
  'two lengths': post('Content-Length: 5\r\nContent-Length: 6\r\n', `hello${marker}`, [400]),
  'two equal lengths': post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello', [400]),
  'a list of lengths': post('Content-Length: 5, 5\r\n', `hello${marker}`, [400]),
  'a length with a sign': post('Content-Length: +5\r\n', `hello${marker}`, [400]),
  'a negative length': post('Content-Length: -5\r\n', `hello${marker}`, [400]),
  'a hexadecimal length': post('Content-Length: 0x5\r\n', `hello${marker}`, [400]),
  'a length of 20 digits': post('Content-Length: 99999999999999999999\r\n', `hello${marker}`, [400]),
  'a length that wraps around': post('Content-Length: 18446744073709551621\r\n', `hello${marker}`, [400]),
  'an empty length': post('Content-Length: \r\n', marker, [400]),
  'an encoding that is not chunked': post('Transfer-Encoding: gzip\r\n', `hello${marker}`, [400]),
  'two encodings in one': post('Transfer-Encoding: gzip, chunked\r\n', chunks, [400]),
  'two encodings': post(`${chunked}Transfer-Encoding: identity\r\n`, chunks, [400]),
  'chunks and trailers': post(chunked, `5\r\nhello\r\n0\r\nX: y\r\n\r\n`, [200]),
  'chunks and another request': post(chunked, chunks + marker, [200, 200]),
  'a chunk that does not end': post(chunked, `5\r\nhelloXX0\r\n\r\n${marker}`, [400]),
  'chunks with LF': post(chunked, `5\nhello\n0\n\n${marker}`, [400]),
  'a chunk without size': post(chunked, `\r\nhello\r\n0\r\n\r\n${marker}`, [400]),
  'a chunk size that is none': post(chunked, `zz\r\nhello\r\n0\r\n\r\n${marker}`, [400]),
  'a chunk size with a prefix': post(chunked, `0x5\r\nhello\r\n0\r\n\r\n${marker}`, [400]),
  'a chunk size that overflows': post(chunked, `ffffffffffffffffff\r\nhello\r\n0\r\n\r\n${marker}`, [400]),
  'chunk extensions': post(chunked, `5;a=b\r\nhello\r\n0\r\n\r\n${marker}`, [200, 200]),
  'a chunk extension of 100 kB': post(chunked, `5;${'a'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n${marker}`, [400]),
  'plain chunks': post(chunked, chunks, [200]),
  'a body longer than allowed, and more': post('Content-Length: 200000\r\n', marker, [413]),
};

test('odd requests are answered, nothing behind malformed ones is taken for a request, and all end', async () => {
  let marked = 0;
  const { server, url } = await serve({
    http: [
      route('/x', () => ({ status: 200 })),
      route('/marker', () => ({ status: 200, body: `${++marked}` })),
      route('/post', ({ body }) => ({ status: 200, body: `${body.length}` }), {
        method: 'POST',
        bodyBytesMax: 100_000,
      }),
    ],
    monitoringRequestsMax: 1_000,
    bodyTimeoutMs: 60_000,
    keepAliveTimeoutMs: 4_000,
  });
  const clients = Object.entries({ ...heads, ...bodies }).map(([name, { bytes, answers }]) => {
    const client = new RawClient(server.port);
    return { name, answers, client: bytes === '' ? client : client.write(bytes) };
  });
  const stillOpen = () => clients.filter(({ client }) => !client.closed).map(({ name }) => name);
  await expect.poll(stillOpen).toEqual([]);
  const got = Object.fromEntries(clients.map(({ name, client }) => [name, client.statuses]));
  expect(got).toEqual(Object.fromEntries(clients.map(({ name, answers }) => [name, answers])));
  // Behind a body that is whole there may be another request.
  expect([server.requestsUnderWay(), server.bodyBytesHeld(), marked]).toEqual([0, 0, 2]);
  expect(await (await fetch(`${url}/marker`)).text()).toBe('3');
});

test('two sound requests in one write are two requests', async () => {
  const { server, requests } = await serve({ http: [route('/marker', () => ({ status: 200 }))] });
  const client = new RawClient(server.port).write(marker + marker);
  await expect.poll(() => client.statuses).toEqual([200, 200]);
  expect(requests).toEqual(['GET /marker 200', 'GET /marker 200']);
});

test('an answer that ends its connection says so', async () => {
  const { server } = await serve({
    http: [route('/post', () => ({ status: 200 }), { method: 'POST', bodyBytesMax: 9 })],
  });
  const client = new RawClient(server.port).write(post('Content-Length: 10\r\n', 'hello', []).bytes);
  await expect.poll(() => client.closed).toBe(true);
  expect(client.text).toMatch(/\r\nconnection: close\r\n/i);
});
