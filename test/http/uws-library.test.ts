import { expect, test } from 'vitest';
import { loadSocketLibrary } from '../../src/http/sockets/socket-library.js';
import { advice } from '../../src/http/sockets/uws-library.js';

test('the advice is the package that has a binary for the system, or the word that none is known', () => {
  const newest = 'To install it: npm install @btc-vision/uwebsockets.js@20.57.0';
  const old = 'To install it: npm install @rjweb/uws@1.5.0';
  expect(advice({ abi: 137, platform: 'linux', glibc: '2.41' })).toBe(newest);
  expect(advice({ abi: 115, platform: 'linux', glibc: '2.38' })).toBe(newest);
  expect(advice({ abi: 127, platform: 'darwin', glibc: null })).toBe(newest);
  expect(advice({ abi: 115, platform: 'linux', glibc: '2.36' })).toBe(old);
  expect(advice({ abi: 115, platform: 'linux', glibc: '2.4' }), '2.4 is older than 2.38').toBe(old);
  expect(advice({ abi: 137, platform: 'linux', glibc: '2.36' })).toBe(
    'Its binaries for this Node need glibc 2.38 or newer',
  );
  expect(advice({ abi: 115, platform: 'linux', glibc: null }), 'musl').toBe(
    'Its binaries for this Node need glibc 2.38 or newer',
  );
  expect(advice({ abi: 147, platform: 'linux', glibc: '2.41' })).toBe('No build of it for this Node is known');
});

test('ws serves when it is asked for, whatever else is there', async () => {
  const library = await loadSocketLibrary('node');
  expect(library.name).toBe('ws');
});
