import { expect, test } from 'vitest';
import { parsePeer } from '../../src/http/peer-address.js';
import { holderOf, SharedPlaces } from '../../src/http/shared-places.js';

const holder = (key: string, address = 'here') => ({ key, address });

test('all places are taken to the last, and one that is given is there again', () => {
  const places = new SharedPlaces({ placesMax: 3, keyRatioMax: 1, addressRatioMax: 1 });
  expect([1, 2, 3].map(() => places.tryTake(holder('k'), 1))).toEqual([null, null, null]);
  expect([places.tryTake(holder('l'), 1), places.taken]).toEqual(['overloaded', 3]);
  places.give(holder('k'), 1);
  expect([places.tryTake(holder('l'), 2), places.tryTake(holder('l'), 1), places.taken]).toEqual([
    'overloaded',
    null,
    3,
  ]);
});

test('a key and an address each have their share, and a refusal takes nothing', () => {
  const places = new SharedPlaces({ placesMax: 10, keyRatioMax: 0.25, addressRatioMax: 0.5 });
  expect(places.tryTake(holder('k', 'a'), 3)).toBe('key_overloaded');
  expect(places.tryTake(holder('k', 'a'), 2)).toBe(null);
  expect(places.tryTake(holder('k', 'b'), 1)).toBe('key_overloaded');
  expect(places.tryTake(holder('l', 'a'), 2)).toBe(null);
  expect(places.tryTake(holder('m', 'a'), 2)).toBe('address_overloaded');
  expect(places.tryTake(holder('m', 'a'), 1)).toBe(null);
  expect(places.taken).toBe(5);
  places.give(holder('k', 'a'), 1);
  expect(places.tryTake(holder('k', 'b'), 1)).toBe(null);
  expect(places.tryTake(holder('k', 'b'), 1)).toBe('key_overloaded');
});

test('without a key only the address counts, and every share is one place at least', () => {
  const places = new SharedPlaces({ placesMax: 10, keyRatioMax: 0.1, addressRatioMax: 0.9 });
  expect(Array.from({ length: 9 }, () => places.tryTake(holder(''), 1))).toEqual(Array(9).fill(null));
  expect(places.tryTake(holder(''), 1)).toBe('address_overloaded');
  const few = new SharedPlaces({ placesMax: 2, keyRatioMax: 0.1, addressRatioMax: 0.1 });
  expect([few.tryTake(holder('k'), 1), few.tryTake(holder('k'), 1)]).toEqual([null, 'key_overloaded']);
});

test('who holds places is the key of a tenant and the address, and a peer without one is unknown', () => {
  const principal = { tenant: 'acme', keyName: 'ci', scopes: new Set<never>(), contentAllowed: false };
  expect(holderOf(principal, parsePeer('10.0.0.1'))).toEqual({ key: 'acme/ci', address: '10.0.0.1' });
  expect(holderOf({ ...principal, keyName: '' }, parsePeer('::ffff:10.0.0.1'))).toEqual({
    key: '',
    address: '10.0.0.1',
  });
  expect([parsePeer(undefined), parsePeer('pipe')]).toEqual(Array(2).fill({ address: 'unknown', loopback: false }));
  expect([parsePeer('127.9.9.9'), parsePeer('128.0.0.1')].map(({ loopback }) => loopback)).toEqual([true, false]);
  expect([parsePeer('::1'), parsePeer('::2')].map(({ loopback }) => loopback)).toEqual([true, false]);
});

test.each([
  ['2001:db8:1:2:3:4:5:6', '20010db800010002'],
  ['2001:db8:1:2::', '20010db800010002'],
  ['2001:db8::6', '20010db800000000'],
  ['2001::2:3:4:5:6', '2001000000000002'],
  ['fe80::1%eth0', 'fe80000000000000'],
  ['::1:2:3:4:5', '0000000000000001'],
  ['::', '0000000000000000'],
])('%s is of the network %s', (address, network) => {
  expect(parsePeer(address).address).toBe(network);
});
