import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tryLoadFileLock } from '../../src/clickhouse/embedded/sandbox/native-calls.js';
import { systemClock } from '../../src/core/clock.js';
import { CollectorError } from '../../src/core/errors.js';
import { type Logger, silentLogger } from '../../src/core/logger.js';
import type { Principal, Scope } from '../../src/core/ports/authenticator.js';
import { type ApiKeys, type ApiKeysOptions, createApiKeys } from '../../src/ingest/api-keys.js';
import { changeKeys, newKey } from '../../src/ingest/key-change.js';
import { readKeyFile, storedKeyOf, writeKeyFile } from '../../src/ingest/key-file.js';
import { createFileLocker } from '../../src/spool/file-locker.js';
import { FakeClock } from '../support/fake-clock.js';
import { tempDir } from '../support/temp-dir.js';

const locker = createFileLocker({ lock: tryLoadFileLock() });

function create(dataDir: string, options: Partial<ApiKeysOptions> = {}, clock = new FakeClock()): ApiKeys {
  return createApiKeys({ clock, locker }, { dataDir, keysFromConfig: [], contentTenants: [], ...options });
}

function outside(scopes: readonly Scope[], contentTenants: readonly string[] = []): ApiKeys {
  const keysFromConfig = [{ key: 'outside-key-of-acme', tenant: 'acme', scopes }];
  return create(tempDir(), { keysFromConfig, contentTenants });
}

test('the first start makes one admin key of tenant default, and both files are private', () => {
  const dataDir = join(tempDir(), 'deep', 'data');
  const keys = create(dataDir);
  expect(keys.generatedAdminKey).toMatch(/^tdm_[0-9a-f]{48}$/);
  const principal = keys.authenticate(`Bearer ${keys.generatedAdminKey}`, 'read');
  expect(principal).toMatchObject({ tenant: 'default', contentAllowed: false });
  expect(readFileSync(join(dataDir, 'admin-key'), 'utf8').trim()).toBe(keys.generatedAdminKey);
  expect(readdirSync(dataDir).sort()).toEqual(['admin-key', 'api-keys.json']);
  for (const name of readdirSync(dataDir)) expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
});

test('the key file holds no key, only its digest', () => {
  const dataDir = tempDir();
  const { generatedAdminKey } = create(dataDir);
  const text = readFileSync(join(dataDir, 'api-keys.json'), 'utf8');
  expect(text).not.toContain(String(generatedAdminKey).slice(4, 16));
});

test('a later start generates nothing and knows the stored keys', () => {
  const dataDir = tempDir();
  const first = create(dataDir);
  const second = create(dataDir);
  expect(second.generatedAdminKey).toBeNull();
  expect(second.authenticate(`Bearer ${first.generatedAdminKey}`, 'admin')).toMatchObject({ tenant: 'default' });
});

test('two data directories get different keys', () => {
  expect(create(tempDir()).generatedAdminKey).not.toBe(create(tempDir()).generatedAdminKey);
});

test('a crash between the two files of the first start is mended by the next one', () => {
  const dataDir = tempDir();
  writeFileSync(join(dataDir, 'admin-key'), 'tdm_left-behind\n');
  const keys = create(dataDir);
  expect(readFileSync(join(dataDir, 'admin-key'), 'utf8').trim()).toBe(keys.generatedAdminKey);
});

test('keys set from outside leave the data directory alone', () => {
  const dataDir = tempDir();
  const stored = create(dataDir).generatedAdminKey;
  const before = readdirSync(dataDir);
  const keysFromConfig = [{ key: 'outside-key-of-acme', tenant: 'acme', scopes: ['ingest'] as const }];
  const keys = create(dataDir, { keysFromConfig });
  expect(keys.generatedAdminKey).toBeNull();
  expect(keys.authenticate('Bearer outside-key-of-acme', 'ingest')).toMatchObject({ tenant: 'acme' });
  expect(keys.authenticate(`Bearer ${stored}`, 'ingest')).toBe('key_invalid');
  expect(readdirSync(dataDir)).toEqual(before);
});

test.each([
  [undefined, 'key_missing'],
  ['', 'key_missing'],
  ['Bearer', 'key_invalid'],
  ['Bearer wrong-key-of-nobody', 'key_invalid'],
  ['Bearer outside-key-of-acme2', 'key_invalid'],
  ['Bearer outside-key-of-acm', 'key_invalid'],
  ['Bearer OUTSIDE-KEY-OF-ACME', 'key_invalid'],
  ['Basic outside-key-of-acme', 'key_invalid'],
  ['outside-key-of-acme', 'key_invalid'],
  [`Bearer ${'x'.repeat(10_000)}`, 'key_invalid'],
])('authorization %j is refused as %s', (authorization, code) => {
  expect(outside(['ingest']).authenticate(authorization, 'ingest')).toBe(code);
});

test('the scheme is not case-sensitive', () => {
  expect(outside(['ingest']).authenticate('bearer  outside-key-of-acme', 'ingest')).toMatchObject({ tenant: 'acme' });
});

test.each([
  [['ingest'], ['ingest']],
  [['read'], ['read']],
  [
    ['ingest', 'read'],
    ['ingest', 'read'],
  ],
  [['admin'], ['ingest', 'read', 'admin']],
] as const)('scopes %j allow %j and nothing else', (scopes, allowed: readonly Scope[]) => {
  const keys = outside(scopes);
  for (const scope of ['ingest', 'read', 'admin'] as const) {
    const outcome = keys.authenticate('Bearer outside-key-of-acme', scope);
    expect(typeof outcome === 'string' ? outcome : 'allowed').toBe(
      allowed.includes(scope) ? 'allowed' : 'scope_missing',
    );
  }
});

test('content is allowed for tenants that opted in only', () => {
  const header = 'Bearer outside-key-of-acme';
  expect(outside(['ingest'], ['acme']).authenticate(header, 'ingest')).toMatchObject({ contentAllowed: true });
  expect(outside(['ingest'], ['other']).authenticate(header, 'ingest')).toMatchObject({ contentAllowed: false });
});

test('the name of a key is short and no part of it', () => {
  const principal = outside(['ingest']).authenticate('Bearer outside-key-of-acme', 'ingest');
  expect(principal).toMatchObject({ keyName: expect.stringMatching(/^[0-9a-f]{8}$/) });
});

test('a key added or revoked in the file counts a second later, without a restart', () => {
  const clock = new FakeClock();
  const dataDir = tempDir();
  const keys = create(dataDir, {}, clock);
  const admin = `Bearer ${keys.generatedAdminKey}`;
  writeKeyFile(dataDir, [storedKeyOf('tdm_added', { tenant: 'acme', scopes: ['read'] }, 0)]);
  expect(keys.authenticate(admin, 'read')).toMatchObject({ tenant: 'default' });
  clock.advance(1_000);
  expect(keys.authenticate('Bearer tdm_added', 'read')).toMatchObject({ tenant: 'acme' });
  expect(keys.authenticate(admin, 'read')).toBe('key_invalid');
});

test('a file that turns bad while running leaves the known keys in force and is logged once', () => {
  const clock = new FakeClock();
  const dataDir = tempDir();
  const errors: string[] = [];
  const silent = (): void => {};
  const logger: Logger = { debug: silent, info: silent, warn: silent, error: (_, message) => errors.push(message) };
  const keys = createApiKeys({ clock, locker, logger }, { dataDir, keysFromConfig: [], contentTenants: [] });
  writeFileSync(join(dataDir, 'api-keys.json'), '{');
  for (let second = 0; second < 3; second++) {
    clock.advance(1_000);
    expect(keys.authenticate(`Bearer ${keys.generatedAdminKey}`, 'read')).toMatchObject({ tenant: 'default' });
  }
  expect(errors).toHaveLength(1);
});

const valid = { name: 'n', tenant: 'a', scopes: ['read'], sha256: 'a'.repeat(64), created: '' };
test.each([
  ['{', /cannot use .*api-keys\.json: it is not the JSON /],
  ['{"version": 2, "keys": []}', /cannot use .*: version: /],
  [JSON.stringify({ version: 1, keys: [{ ...valid, tenant: 'a b' }] }), /keys\.0\.tenant/],
  [JSON.stringify({ version: 1, keys: [valid, { ...valid, scopes: ['write'] }] }), /keys\.1\.scopes\.0/],
  [JSON.stringify({ version: 1, keys: [{ ...valid, sha256: '00' }] }), /keys\.0\.sha256/],
  [JSON.stringify({ version: 1, keys: [{ ...valid, key: 'in the clear' }] }), /keys\.0: /],
])('a start with the key file %s says what is wrong with it', (text, message) => {
  const dataDir = tempDir();
  writeFileSync(join(dataDir, 'api-keys.json'), text);
  const attempt = (): unknown => create(dataDir);
  expect(attempt).toThrow(CollectorError);
  expect(attempt).toThrow(message);
  expect(readFileSync(join(dataDir, 'api-keys.json'), 'utf8')).toBe(text);
});

test('an emptied key list is kept: no key is generated again', () => {
  const dataDir = tempDir();
  writeKeyFile(dataDir, []);
  expect(create(dataDir).generatedAdminKey).toBeNull();
});

test('replacing the key file makes it private whatever its mode was', () => {
  const dataDir = tempDir();
  create(dataDir);
  chmodSync(join(dataDir, 'api-keys.json'), 0o644);
  writeKeyFile(dataDir, readKeyFile(dataDir) ?? []);
  expect(statSync(join(dataDir, 'api-keys.json')).mode & 0o777).toBe(0o600);
});

test('a data directory that cannot be made is a clear error', () => {
  const dataDir = join(tempDir(), 'occupied');
  writeFileSync(dataDir, '');
  expect(() => create(dataDir)).toThrow(/cannot (read|write) .*occupied/);
});

test('the key of the metrics page opens nothing else and is of no tenant, whatever the file of keys says', () => {
  const dataDir = tempDir();
  const clock = new FakeClock();
  const keys = create(dataDir, { metricsKey: 'the-key-of-the-scraper' }, clock);
  const expected = { tenant: '', keyName: 'metrics.key' };
  expect(keys.authenticate('Bearer the-key-of-the-scraper', 'metrics')).toMatchObject(expected);
  for (const scope of ['ingest', 'read', 'admin'] as const) {
    expect(keys.authenticate('Bearer the-key-of-the-scraper', scope)).toBe('scope_missing');
  }
  writeKeyFile(dataDir, [storedKeyOf('other-key', { tenant: 'acme', scopes: ['read'] }, 0)]);
  clock.advance(2_000);
  expect(keys.authenticate('Bearer other-key', 'read')).toMatchObject({ tenant: 'acme' });
  expect(keys.authenticate('Bearer the-key-of-the-scraper', 'metrics')).toMatchObject(expected);
});

test('the page of all tenants is not for the admin of one, unless its key has the scope as well', () => {
  const admin = outside(['admin']);
  expect(admin.authenticate('Bearer outside-key-of-acme', 'read')).toMatchObject({ tenant: 'acme' });
  expect(admin.authenticate('Bearer outside-key-of-acme', 'metrics')).toBe('scope_missing');
  const both = outside(['admin', 'metrics']);
  expect(both.authenticate('Bearer outside-key-of-acme', 'metrics')).toMatchObject({ tenant: 'acme' });
  expect(both.authenticate('Bearer outside-key-of-acme', 'ingest')).toMatchObject({ tenant: 'acme' });
});

/** A start, and what it says. */
function startedAloud(dataDir: string): { readonly keys: ApiKeys; readonly said: string[] } {
  const said: string[] = [];
  const note = (_context: object, message: string) => void said.push(message);
  const logger: Logger = { ...silentLogger, warn: note, error: note };
  return {
    keys: createApiKeys(
      { clock: new FakeClock(), locker, logger },
      { dataDir, keysFromConfig: [], contentTenants: [] },
    ),
    said,
  };
}

test('a file of keys that is gone is missed when there was one, and a new admin key made', () => {
  const dataDir = tempDir();
  expect(startedAloud(dataDir).said).toEqual([]);
  rmSync(join(dataDir, 'api-keys.json'));
  const { keys, said } = startedAloud(dataDir);
  expect(keys.generatedAdminKey).not.toBeNull();
  expect(said).toEqual(['the file of API keys is missing: no key of before is known any more, a new one is made']);
});

test('a file of keys that is no JSON says what to do', () => {
  const dataDir = tempDir();
  create(dataDir);
  for (const text of ['', '{"version": 1, "ke', '{"version": 1}']) {
    writeFileSync(join(dataDir, 'api-keys.json'), text);
    expect(() => create(dataDir)).toThrow(/^cannot use .*api-keys\.json: .*; put back a copy of it, or move it away/);
  }
});

test.each([
  ['empty', (path: string) => writeFileSync(path, '')],
  ['another', (path: string) => writeFileSync(path, 'tdm_of_another_directory\n')],
])('an admin key that is %s is told, and one that was taken away is not', (_what, damage) => {
  const dataDir = tempDir();
  create(dataDir);
  damage(join(dataDir, 'admin-key'));
  const told = 'the key in the file is not known: the demo and the command line cannot use it';
  expect(startedAloud(dataDir).said).toEqual([told]);
  rmSync(join(dataDir, 'admin-key'));
  expect(startedAloud(dataDir).said).toEqual([]);
});

test('an admin key that cannot be read is told, and the start goes on', () => {
  const dataDir = tempDir();
  create(dataDir);
  rmSync(join(dataDir, 'admin-key'));
  mkdirSync(join(dataDir, 'admin-key'));
  expect(startedAloud(dataDir).said).toEqual(['cannot read the key of the demo and the command line']);
});

const order = { tenant: 'acme', scopes: ['ingest', 'read'] as const, user: null };

test('a key that is made over the API is in force at once, and after a restart; one taken back is not', async () => {
  const dataDir = tempDir();
  const keys = create(dataDir);
  const { key, record } = await keys.create(order);
  expect(record).toEqual({
    name: record.name,
    scopes: ['ingest', 'read'],
    user: null,
    created: record.created,
    rotated: null,
    previousUntil: null,
    limits: {},
    eventsToday: null,
  });
  expect(keys.authenticate(`Bearer ${key}`, 'read')).toMatchObject({ tenant: 'acme', keyName: record.name });
  expect(create(dataDir).authenticate(`Bearer ${key}`, 'admin')).toBe('scope_missing');
  expect(readFileSync(join(dataDir, 'api-keys.json'), 'utf8')).not.toContain(key.slice(4, 16));
  expect(await keys.list('acme')).toEqual([record]);
  expect(await keys.list('globex')).toEqual([]);
  expect(await keys.revoke('globex', record.name)).toBeNull();
  expect(keys.authenticate(`Bearer ${key}`, 'read')).toMatchObject({ tenant: 'acme' });
  expect(await keys.revoke('acme', record.name)).toEqual(record);
  expect(keys.authenticate(`Bearer ${key}`, 'read')).toBe('key_invalid');
  expect(create(dataDir).authenticate(`Bearer ${key}`, 'read')).toBe('key_invalid');
});

test('a key made for a user is bound to it', async () => {
  const keys = create(tempDir());
  const { key, record } = await keys.create({ ...order, user: 'ann' });
  expect(record.user).toBe('ann');
  expect(keys.authenticate(`Bearer ${key}`, 'read')).toMatchObject({ user: 'ann' });
  await expect(keys.create({ ...order, scopes: ['admin'], user: 'ann' })).rejects.toThrow(/no other scopes/);
});

test('of changes at the same time none is lost, whoever makes them', async () => {
  const dataDir = tempDir();
  const clock = systemClock;
  const ring = () => createApiKeys({ clock, locker }, { dataDir, keysFromConfig: [], contentTenants: [] });
  const first = ring();
  const rings = [first, ring(), ring()];
  const made = await Promise.all(rings.flatMap((keys) => [keys.create(order), keys.create(order)]));
  const others = Array.from({ length: 4 }, (_, index) =>
    changeKeys({ clock, locker }, dataDir, (keys) => {
      const { stored } = newKey(keys, { tenant: `t${index}`, scopes: ['read'] }, 0);
      return { keys: [...keys, stored], result: stored.name };
    }),
  );
  await Promise.all([...others, first.revoke('acme', made[0]!.record.name)]);
  const left = made.slice(1).map(({ record }) => record.name);
  expect((await first.list('acme')).map(({ name }) => name).sort()).toEqual(left.sort());
  expect(readKeyFile(dataDir)).toHaveLength(1 + 5 + 4);
});

test('a change waits for whoever holds the lock, and gives up when it is held for too long', async () => {
  const dataDir = tempDir();
  const clock = new FakeClock();
  const keys = create(dataDir, {}, clock);
  const path = join(dataDir, 'api-keys.lock');
  const held = locker.tryLock(path)!;
  const refused = keys.create(order).catch((error: unknown) => error);
  for (let at = 0; at < 6_000; at += 20) {
    clock.advance(20);
    await Promise.resolve();
    await Promise.resolve();
  }
  expect(await refused).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('api-keys.lock') });
  const waiting = keys.create(order);
  held.release();
  clock.advance(20);
  expect((await waiting).record.name).toHaveLength(8);
});

test('keys from the configuration are neither listed nor changed', async () => {
  const keys = outside(['admin']);
  const problem = { code: 'keys_configured' };
  await expect(keys.list('acme')).rejects.toMatchObject(problem);
  await expect(keys.create(order)).rejects.toMatchObject(problem);
  await expect(keys.revoke('acme', 'x')).rejects.toMatchObject(problem);
});

test('a tenant makes a thousand keys and no more, while others still may', async () => {
  const dataDir = tempDir();
  const keys = create(dataDir);
  const many = Array.from({ length: 1_000 }, (_, index) =>
    storedKeyOf(`tdm_${index}`, { ...order, user: undefined }, 0),
  );
  writeKeyFile(dataDir, [...(readKeyFile(dataDir) ?? []), ...many]);
  await expect(keys.create(order)).rejects.toMatchObject({ code: 'keys_exhausted' });
  await expect(keys.create({ ...order, tenant: 'globex' })).resolves.toMatchObject({ key: expect.any(String) });
});

test('whoever had a key that is gone is told, whether it was taken back here or in the file', async () => {
  const dataDir = tempDir();
  const clock = new FakeClock();
  const keys = create(dataDir, {}, clock);
  const told: boolean[][] = [];
  const [first, second] = [await keys.create(order), await keys.create(order)];
  const principals = [first, second].map(({ key }) => keys.authenticate(`Bearer ${key}`, 'read') as Principal);
  keys.onRevoked((isGone) => told.push(principals.map(isGone)));
  await keys.create(order);
  expect(told).toEqual([]);
  await keys.revoke('acme', first.record.name);
  expect(told).toEqual([[true, false]]);
  const left = (readKeyFile(dataDir) ?? []).filter(({ name }) => name !== second.record.name);
  writeKeyFile(dataDir, left);
  clock.advance(1_000);
  expect(keys.authenticate(`Bearer ${second.key}`, 'read')).toBe('key_invalid');
  expect(told).toEqual([
    [true, false],
    [false, true],
  ]);
});
