import { expect, test } from 'vitest';
import { isForwarded, parsePeer } from '../../src/http/peer-address.js';
import { route, serve } from '../support/served.js';

const page = route('/metrics', (_request, { keyName }) => ({ status: 200, body: keyName }), {
  scope: 'read',
  openToLoopback: true,
});

test('a program of this machine needs no key, and a good one counts', async () => {
  const { url } = await serve({ http: [page] });
  const get = async (headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}/metrics`, { headers });
    return [response.status, response.ok ? await response.text() : null];
  };
  expect(await get()).toEqual([200, '']);
  expect(await get({ authorization: 'Bearer good' })).toEqual([200, 'good']);
  expect(await get({ authorization: 'Bearer bad' })).toEqual([200, '']);
});

test('what a proxy passes on needs a key, although it comes from this machine', async () => {
  const { url } = await serve({ http: [page] });
  for (const header of ['X-Forwarded-For', 'X-Forwarded-Proto', 'Forwarded', 'Via', 'X-Real-IP', 'CF-Connecting-IP']) {
    expect((await fetch(`${url}/metrics`, { headers: { [header]: 'for=127.0.0.1' } })).status, header).toBe(401);
    const headers = { [header]: '203.0.113.7', authorization: 'Bearer good' };
    expect((await fetch(`${url}/metrics`, { headers })).status, header).toBe(200);
  }
  expect(isForwarded(new Map([['x-forwardedness', 'none']]))).toBe(false);
});

test('loopback is 127.0.0.0/8 and ::1, also by way of an IPv6 socket, and an IPv6 network is one address', () => {
  expect(parsePeer('127.0.0.1')).toEqual({ address: '127.0.0.1', loopback: true });
  expect(parsePeer('127.255.3.4').loopback).toBe(true);
  expect(parsePeer('::ffff:127.0.0.1')).toEqual({ address: '127.0.0.1', loopback: true });
  expect(parsePeer('::1').loopback).toBe(true);
  expect(parsePeer('10.0.0.1')).toEqual({ address: '10.0.0.1', loopback: false });
  expect(parsePeer('::ffff:10.127.0.1').loopback).toBe(false);
  expect(parsePeer('::2').loopback).toBe(false);
  expect(parsePeer('2000::1')).toEqual({ address: '2000000000000000', loopback: false });
  expect(parsePeer('2000::1').address).toBe(parsePeer('2000::9').address);
  expect(parsePeer('2001:db8:1:2:3:4:5:6').address).toBe('20010db800010002');
  expect(parsePeer('2001:db8:1:2::').address).toBe('20010db800010002');
  expect(parsePeer('fe80::1:2:3:4%eth0').address).toBe('fe80000000000000');
  expect(parsePeer(undefined)).toEqual({ address: 'unknown', loopback: false });
});
