import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Principal } from '../../src/core/ports/authenticator.js';
import { createApiKeys } from '../../src/ingest/api-keys.js';
import { rotateKey } from '../../src/ingest/key-change.js';
import { createFileLocker } from '../../src/spool/file-locker.js';
import { FakeClock } from '../support/fake-clock.js';
import { tempDir } from '../support/temp-dir.js';

const locker = createFileLocker({ lock: null });
const order = { tenant: 'acme', scopes: ['ingest', 'read'] as const, user: null };
const hourMs = 3_600_000;

/** A ring with one key of acme, and what it tells of who is gone: the secret's place and why. */
async function ring(dataDir = tempDir(), clock = new FakeClock()) {
  const keys = createApiKeys({ clock, locker }, { dataDir, keysFromConfig: [], contentTenants: [] });
  await keys.start?.();
  onTestFinished(() => keys.stop?.(0));
  const { key: first, record } = await keys.create(order);
  const who = (key: string) => keys.authenticate(`Bearer ${key}`, 'read');
  const told: [string, boolean, string][] = [];
  const holders = new Map<string, Principal>();
  const hold = (name: string, key: string) => holders.set(name, who(key) as Principal);
  keys.onRevoked((isGone, code) => {
    for (const [name, principal] of holders) if (isGone(principal)) told.push([name, isGone(principal), code]);
  });
  const rotate = async (overlapMs: number) => (await keys.rotate('acme', record.name, overlapMs))!;
  return { dataDir, clock, keys, first, name: record.name, who, hold, told, rotate };
}

test('both secrets are good for the overlap, then the old one is refused by name', async () => {
  const { clock, first, name, who, rotate } = await ring();
  const { key: next, record } = await rotate(hourMs);
  expect(next).toMatch(/^tdm_[0-9a-f]{48}$/);
  expect(next).not.toBe(first);
  const [rotated, until] = [new Date(clock.nowMs()), new Date(clock.nowMs() + hourMs)].map((at) => at.toISOString());
  expect(record).toMatchObject({ name, scopes: ['ingest', 'read'], rotated, previousUntil: until });
  for (const key of [first, next]) expect(who(key)).toMatchObject({ tenant: 'acme', keyName: name });
  clock.advance(hourMs - 1);
  expect(who(first)).toMatchObject({ keyName: name });
  clock.advance(1);
  expect(who(first)).toBe('key_rotated');
  expect(who(next)).toMatchObject({ keyName: name });
});

test('a rotation holds over a restart, and for a key that the command line rotates', async () => {
  const { dataDir, clock, first, name, who } = await ring();
  const isMeant = (key: { readonly name: string }) => key.name === name;
  const { key: next } = (await rotateKey({ clock, locker }, dataDir, { isMeant, overlapMs: hourMs }))!;
  clock.advance(1_000);
  for (const key of [first, next]) expect(who(key)).toMatchObject({ keyName: name });
  clock.advance(hourMs);
  const later = createApiKeys({ clock, locker }, { dataDir, keysFromConfig: [], contentTenants: [] });
  expect(later.authenticate(`Bearer ${first}`, 'read')).toBe('key_rotated');
  expect(later.authenticate(`Bearer ${next}`, 'read')).toMatchObject({ keyName: name });
  expect(readFileSync(join(dataDir, 'api-keys.json'), 'utf8')).not.toContain(next.slice(4, 16));
});

test('what the old secret has open goes on until the overlap ends, though nobody asks meanwhile', async () => {
  const { clock, first, hold, told, rotate } = await ring();
  hold('old', first);
  const { key: next } = await rotate(hourMs);
  hold('new', next);
  clock.advance(hourMs - 1);
  expect(told).toEqual([]);
  clock.advance(5_000);
  expect(told).toEqual([['old', true, 'key_rotated']]);
  clock.advance(24 * hourMs);
  expect(told).toHaveLength(1);
});

test('with no overlap the old secret is over at once, and so is every one before it', async () => {
  const { first, hold, told, who, rotate } = await ring();
  hold('first', first);
  const { key: second } = await rotate(24 * hourMs);
  hold('second', second);
  const { key: third } = await rotate(0);
  expect([who(first), who(second)]).toEqual(['key_rotated', 'key_rotated']);
  expect(who(third)).toMatchObject({ tenant: 'acme' });
  expect(told.sort()).toEqual([
    ['first', true, 'key_rotated'],
    ['second', true, 'key_rotated'],
  ]);
});

test('a key that is taken back takes all its secrets with it', async () => {
  const { keys, first, name, hold, told, who, rotate } = await ring();
  hold('old', first);
  const { key: next } = await rotate(hourMs);
  hold('new', next);
  await keys.revoke('acme', name);
  expect([who(first), who(next)]).toEqual(['key_invalid', 'key_invalid']);
  expect(told).toEqual([
    ['old', true, 'key_invalid'],
    ['new', true, 'key_invalid'],
  ]);
});

test('five secrets of a key are good at one time at most, and some that ended are remembered', async () => {
  const { clock, first, who, rotate, dataDir, keys, name } = await ring();
  for (let rotation = 0; rotation < 4; rotation++) await rotate(hourMs);
  await expect(rotate(hourMs)).rejects.toMatchObject({ code: 'keys_rotating' });
  clock.advance(hourMs);
  expect(who(first)).toBe('key_rotated');
  for (let rotation = 0; rotation < 20; rotation++) await rotate(0);
  expect(who(first)).toBe('key_invalid');
  expect(statSync(join(dataDir, 'api-keys.json')).size).toBeLessThan(4_000);
  expect(await keys.rotate('acme', 'none', 0)).toBeNull();
  expect(await keys.rotate('globex', name, 0)).toBeNull();
});

test('the file of the admin key follows a rotation of that key', async () => {
  const { dataDir, keys } = await ring();
  const before = readFileSync(join(dataDir, 'admin-key'), 'utf8').trim();
  const [admin] = await keys.list('default');
  const { key } = (await keys.rotate('default', admin!.name, hourMs))!;
  expect(readFileSync(join(dataDir, 'admin-key'), 'utf8').trim()).toBe(key);
  expect(statSync(join(dataDir, 'admin-key')).mode & 0o777).toBe(0o600);
  expect(keys.authenticate(`Bearer ${before}`, 'admin')).toMatchObject({ tenant: 'default' });
});
