import { expect, test } from 'vitest';
import { hasBrokenText } from '../../src/http/query-text.js';
import { methodLabel, readHead, targetCharactersMax } from '../../src/http/request-head.js';

function head(url: string, rawHeaders: string[] = [], more: { readonly httpVersion?: string } = {}) {
  return readHead({ method: 'GET', url, rawHeaders, httpVersion: '1.1', ...more });
}

test('a header that comes twice has its values joined, one that may not is a fault', () => {
  const { headers, fault } = head('/', ['Accept', 'a', 'ACCEPT', 'b', 'Host', 'h']);
  expect([headers.get('accept'), headers.get('host'), fault]).toEqual(['a, b', 'h', null]);
  for (const name of [
    'host',
    'content-length',
    'transfer-encoding',
    'authorization',
    'content-type',
    'content-encoding',
    'idempotency-key',
    'origin',
    'sec-fetch-site',
    'sec-fetch-mode',
    'sec-fetch-dest',
    'sec-websocket-key',
    'sec-websocket-version',
  ]) {
    const value = name === 'transfer-encoding' ? 'chunked' : '1';
    expect(head('/', [name, value, name, value]).fault).toBe(`the header ${name} is given more than once`);
    expect(head('/', [name, value, name, value]).headers.get(name)).toBe(value);
  }
});

test('a hundred headers are read, one more is a fault', () => {
  const headers = (count: number) => Array.from({ length: 2 * count }, (_, index) => `x-${index}`);
  expect(head('/', headers(100)).fault).toBe(null);
  expect(head('/', headers(101)).fault).toBe('the request has more than 100 headers');
});

test('a target is a path, or a URL of the host it is asked of', () => {
  const parts = (url: string, host = 'here:1') => {
    const { path, query, fault } = head(url, ['host', host]);
    return [path, query.toString(), fault];
  };
  expect(parts('/a?b=1')).toEqual(['/a', 'b=1', null]);
  expect(parts('http://HERE:1/a?b=1')).toEqual(['/a', 'b=1', null]);
  expect(parts('https://here:1')).toEqual(['/', '', null]);
  expect(parts('http://here:1?b=1')).toEqual(['/', 'b=1', null]);
  const neither = 'the target of the request is neither a path nor a URL of this host';
  for (const url of ['http://there:1/a', '*', 'here:1', '']) expect([url, parts(url)[2]]).toEqual([url, neither]);
});

test('UTF-8 is read as it is or escaped, and what is none is a fault', () => {
  const latin = (text: string) => Buffer.from(text).toString('latin1');
  expect(head(latin('/ä?b=ö')).query.get('b')).toBe('ö');
  expect(head(latin('/ä')).path).toBe('/ä');
  expect(head('/a?b=%C3%A4').fault).toBe(null);
  for (const query of ['?b=%C3', '?b=\xc3', '?b=%ED%A0%80', '?b=a%ff', '?b=%C3x%A4']) {
    expect([query, head(`/a${query}`).fault]).toEqual([query, 'the query is not UTF-8']);
  }
  expect([hasBrokenText('?a=%C3%A4&b=%E2%82%AC'), hasBrokenText('?a=plain')]).toEqual([false, false]);
});

test('a query is read as long as its target may be, and a longer one is measured', () => {
  const target = (characters: number) => `/a?b=${'c'.repeat(characters - 5)}`;
  const just = head(target(targetCharactersMax));
  const beyond = head(target(targetCharactersMax + 1));
  expect([just.query.get('b')?.length, just.targetCharacters]).toEqual([targetCharactersMax - 5, targetCharactersMax]);
  expect([beyond.query.get('b'), beyond.targetCharacters]).toEqual([null, targetCharactersMax + 1]);
});

test('the end of a body is told in one way', () => {
  const fault = (...rawHeaders: string[]) => head('/', rawHeaders).fault;
  expect([fault('content-length', '0'), fault('content-length', '1'.repeat(15))]).toEqual([null, null]);
  for (const length of ['', '-1', '+1', '1e3', '1'.repeat(16), '1, 1']) {
    expect(fault('content-length', length)).toBe('content-length is no number of bytes');
  }
  expect([fault('transfer-encoding', 'Chunked'), fault('transfer-encoding', 'gzip, chunked')]).toEqual([
    null,
    'transfer-encoding may only be chunked',
  ]);
  expect(fault('content-length', '1', 'transfer-encoding', 'chunked')).toBe(
    'content-length and transfer-encoding exclude each other',
  );
});

test('versions 1.0 and 1.1 are taken, and a method that nobody knows has no label of its own', () => {
  expect(['1.0', '1.1'].map((httpVersion) => head('/', [], { httpVersion }).fault)).toEqual([null, null]);
  expect(head('/', [], { httpVersion: '2.0' }).fault).toBe('the version is HTTP/2.0, not HTTP/1.1');
  const known = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  expect([...known, 'get', 'BREW'].map(methodLabel)).toEqual([...known, 'other', 'other']);
});
