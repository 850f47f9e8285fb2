import { expect, test } from 'vitest';
import { type AskingSite, hostNames, refuseSite, type SitePolicy } from '../../src/core/request-site.js';

const strict: SitePolicy = {
  hosts: hostNames(['Collector.Internal', 'tidemark']),
  allowsOrigin: (origin) => origin === 'https://grafana.example.com',
  unknownHosts: 'refused',
  links: false,
};
const keyed: SitePolicy = { ...strict, unknownHosts: 'with_key' };
const linked: SitePolicy = { ...strict, links: true };

function site(given: Partial<AskingSite>): AskingSite {
  return {
    method: 'GET',
    host: 'localhost:7077',
    origin: undefined,
    referer: undefined,
    fetchSite: undefined,
    fetchMode: undefined,
    fetchDest: undefined,
    userAgent: undefined,
    acceptLanguage: undefined,
    ...given,
  };
}

function refused(given: Partial<AskingSite>, policy = strict) {
  return refuseSite(site(given), policy);
}

test('addresses, localhost and configured names are known, with any port, in any case, with a final dot', () => {
  for (const host of [
    '127.0.0.1:7077',
    '127.0.0.1',
    '127.8.9.10:1',
    '[::1]:7077',
    '[::1]',
    '[2001:DB8::1]:7077',
    '[::ffff:127.0.0.1]:7077',
    '192.168.1.20:7077',
    '0.0.0.0:7077',
    'localhost',
    'LocalHost:7077',
    'localhost.:7077',
    'app.localhost:7077',
    'tidemark:7077',
    'TIDEMARK',
    'collector.internal.:8123',
  ]) {
    expect([host, refused({ host })]).toEqual([host, null]);
  }
});

test('any other name, and what is no name, is unknown', () => {
  for (const host of [
    'evil.example:7077',
    '127.0.0.1.evil.example',
    'localhost.evil.example:7077',
    'localhost@evil.example',
    'user@localhost:7077',
    'user:word@127.0.0.1:7077',
    'evil.example/localhost',
    'evil.example#localhost',
    'localhost evil.example',
    ' localhost',
    'localhost ',
    'localhost,evil.example',
    'localhost:7077:7077',
    'localhost:',
    'localhost:x',
    'localhost:123456',
    'localhost..',
    '.localhost',
    '..localhost',
    'evil..localhost',
    'notlocalhost',
    'evil-localhost',
    'xcollector.internal',
    'x.collector.internal',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '127.1',
    '127.0.0.1.0',
    '256.0.0.1',
    '127.0.0.1%00',
    '[::1',
    '::1',
    '[::1%25lo]:7077',
    '[::g]',
    '[127.0.0.1]',
    '[localhost]',
    '[]',
    '*',
    '',
    'ｌocalhost',
    'localhost\t',
    'localhost\0',
    `${'a'.repeat(300)}`,
    `localhost${' '.repeat(300)}`,
  ]) {
    expect([host, refused({ host })]).toEqual([host, 'host_unknown']);
  }
});

test('a star among the names switches the check of the name off, not that of the origin', () => {
  const open = { ...strict, hosts: hostNames(['*']) };
  expect(refused({ host: 'evil.example' }, open)).toBeNull();
  expect(refused({ host: 'a.example', origin: 'http://b.example' }, open)).toBe('origin_foreign');
});

test('a request without Host passes unless a browser made it', () => {
  expect(refused({ host: undefined })).toBeNull();
  expect(refused({ host: undefined, origin: 'http://localhost' })).toBe('host_unknown');
  expect(refused({ host: undefined, fetchSite: 'none' })).toBe('host_unknown');
});

test('where a key is asked for, an unknown name passes for programs and not for browsers', () => {
  const host = 'evil.example:7077';
  expect(refused({ host, method: 'POST' }, keyed)).toBeNull();
  expect(refused({ host, method: 'POST', origin: 'http://evil.example:7077' }, keyed)).toBe('host_unknown');
  expect(refused({ host, fetchSite: 'same-origin' }, keyed)).toBe('host_unknown');
  // As the fetch and the WebSocket of Node ask.
  expect(refused({ host, method: 'POST', fetchMode: 'cors' }, keyed)).toBeNull();
  expect(refused({ host, fetchMode: 'websocket' }, keyed)).toBeNull();
});

test('our own origin passes, by either scheme, with the standard port written or not', () => {
  for (const [host, origin] of [
    ['localhost:7077', 'http://localhost:7077'],
    ['localhost:7077', 'https://localhost:7077'],
    ['LOCALHOST:7077', 'http://localhost:7077'],
    ['[::1]:7077', 'http://[::1]:7077'],
    ['tidemark', 'https://tidemark'],
    ['tidemark:443', 'https://tidemark'],
    ['tidemark', 'http://tidemark:80'],
  ]) {
    expect([origin, refused({ method: 'POST', host, origin })]).toEqual([origin, null]);
  }
});

test('an allowed origin passes, whatever the browser says of its site', () => {
  for (const fetchSite of [undefined, 'cross-site', 'same-site']) {
    const host = 'any-name.example:7077';
    expect(refused({ method: 'POST', origin: 'https://grafana.example.com', fetchSite })).toBeNull();
    expect(refused({ method: 'POST', origin: 'https://grafana.example.com', fetchSite, host })).toBeNull();
  }
});

test('any other origin is foreign, also one of our own name on another port, and null', () => {
  for (const origin of [
    'https://evil.example',
    'http://localhost:3000',
    'http://localhost',
    'http://127.0.0.1:7077',
    'http://app.localhost:7077',
    'http://localhost:7077.evil.example',
    'http://localhost:7077@evil.example',
    'http://evil.example/localhost:7077',
    'http://localhost:7077/',
    'ftp://localhost:7077',
    'file://',
    'null',
    '',
    'localhost:7077',
    'http://localhost:7077, http://evil.example',
    'https://grafana.example.com:8443',
    'https://grafana.example.com.evil.example',
    'chrome-extension://abcdefghijklmnop',
  ]) {
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      expect([origin, refused({ method, origin })]).toEqual([origin, 'origin_foreign']);
      expect([origin, refused({ method, origin }, linked)]).toEqual([origin, 'origin_foreign']);
    }
  }
});

test('same-origin and typed addresses pass, cross-site and same-site without an origin do not', () => {
  expect(refused({ fetchSite: 'same-origin' })).toBeNull();
  expect(refused({ fetchSite: 'none', fetchMode: 'navigate', fetchDest: 'document' })).toBeNull();
  for (const fetchSite of ['cross-site', 'same-site', 'something-new', '']) {
    expect(refused({ fetchSite })).toBe('origin_foreign');
    expect(refused({ fetchSite, fetchMode: 'no-cors', fetchDest: 'image' }, linked)).toBe('origin_foreign');
  }
});

test('a link from elsewhere passes where links do: a GET for a window, neither a frame nor a form', () => {
  const link = { fetchSite: 'cross-site', fetchMode: 'navigate', fetchDest: 'document' };
  expect(refused(link, linked)).toBeNull();
  expect(refused(link, strict)).toBe('origin_foreign');
  expect(refused({ ...link, fetchDest: 'iframe' }, linked)).toBe('origin_foreign');
  expect(refused({ ...link, method: 'POST' }, linked)).toBe('origin_foreign');
});

/** All that Chromium says of itself in a GET by http to what is not the loopback address. */
const silent = {
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36',
  acceptLanguage: 'en-US,en;q=0.9',
};

test('a browser that does not say who asks is refused where a GET is work, at any address', () => {
  for (const host of ['0.0.0.0:8123', '[::ffff:7f00:1]:8123', '192.168.1.20:8123', 'tidemark:8123', '127.0.0.1:8123']) {
    expect([host, refused({ host, ...silent }, strict)]).toEqual([host, 'origin_foreign']);
    expect([host, refused({ host, ...silent }, linked)]).toEqual([host, null]);
  }
  expect(refused({ ...silent, fetchSite: 'none' }, strict)).toBeNull();
});

test('a browser is refused under an unknown name with a key too, a program that looks like one is not', () => {
  const host = 'rebound.example:7077';
  const policy: SitePolicy = { ...keyed, links: true };
  expect(refused({ host, ...silent }, policy)).toBe('host_unknown');
  expect(refused({ host, ...silent, acceptLanguage: '' }, policy)).toBe('host_unknown');
  expect(refused({ host, ...silent, acceptLanguage: undefined }, policy)).toBeNull();
  expect(refused({ host, userAgent: 'node', acceptLanguage: '*', fetchMode: 'cors' }, policy)).toBeNull();
  expect(refused({ host: 'tidemark:7077', ...silent }, policy)).toBeNull();
});

test('a write of a browser without an origin is judged by its Referer if it has one, that of a program is not', () => {
  const post = { method: 'POST', userAgent: silent.userAgent, acceptLanguage: silent.acceptLanguage };
  expect(refused(post, linked)).toBeNull();
  expect(refused({ ...post, referer: 'http://localhost:7077/runs?x=1' }, linked)).toBeNull();
  expect(refused({ ...post, referer: 'https://grafana.example.com/d/1' }, linked)).toBeNull();
  for (const referer of ['http://evil.example/', 'http://evil.example/?http://localhost:7077/', 'about:blank', '']) {
    expect([referer, refused({ ...post, referer }, linked)]).toEqual([referer, 'origin_foreign']);
  }
  expect(refused({ referer: 'http://evil.example/' })).toBeNull();
  const program = { method: 'POST', userAgent: 'clickhouse-java-v2/0.10.0', referer: 'http://reports.example/daily' };
  for (const policy of [strict, linked]) expect(refused(program, policy)).toBeNull();
});
