import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { adminKeyPath } from '../../src/ingest/key-file.js';
import { createTidemarkClient } from '../../src/sdk/create-client.js';
import { CollectorProcess } from '../support/collector-process.js';

const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-keys-'));
const collector = new CollectorProcess({ dataDir, env: { TIDEMARK_API_KEYS: '' } });
let admin = '';

beforeAll(async () => {
  await collector.start();
  admin = readFileSync(adminKeyPath(dataDir), 'utf8').trim();
});
afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function ask(key: string, method: string, path: string, body?: object) {
  const response = await fetch(`${collector.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function made(body: object): Promise<{ readonly key: string; readonly name: string }> {
  const answer = await ask(admin, 'POST', '/api/v1/keys', body);
  expect(answer.status).toBe(201);
  return answer.body as { key: string; name: string };
}

async function opened(path: string, key: string): Promise<readonly number[]> {
  const closes: number[] = [];
  const socket = new WebSocket(`${collector.url.replace('http', 'ws')}${path}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  socket.on('close', (code) => closes.push(code));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return closes;
}

test('a key that an admin makes works at once, and taken back it opens nothing and keeps nothing open', async () => {
  const { key, name } = await made({ scopes: ['ingest', 'read'] });
  const other = await made({ scopes: ['ingest', 'read'], user_id: 'ann' });
  expect((await ask(key, 'GET', '/api/v1/whoami')).body).toMatchObject({ tenant: 'default', key_name: name });
  expect((await ask(other.key, 'GET', '/api/v1/whoami')).body).toMatchObject({ user_id: 'ann' });
  expect((await ask(key, 'GET', '/api/v1/keys')).body).toMatchObject({ code: 'scope_missing' });
  const listed = (await ask(admin, 'GET', '/api/v1/keys')).body.keys as { readonly name: string }[];
  expect(listed.map((each) => each.name)).toEqual([expect.any(String), name, other.name]);

  const closes = await Promise.all(['/v1/stream', '/api/v1/live'].map((path) => opened(path, key)));
  const kept = await opened('/v1/stream', other.key);
  expect((await ask(admin, 'DELETE', `/api/v1/keys/${name}`)).body).toMatchObject({ name, scopes: ['ingest', 'read'] });
  await expect.poll(() => closes).toEqual([[4_401], [4_401]]);
  expect((await ask(key, 'GET', '/api/v1/whoami')).body).toMatchObject({ code: 'key_invalid' });
  expect((await ask(other.key, 'GET', '/api/v1/whoami')).status).toBe(200);
  expect(kept).toEqual([]);
  expect((await ask(admin, 'DELETE', `/api/v1/keys/${name}`)).body).toMatchObject({ code: 'not_found' });
});

test('an admin key takes another back, and not itself; a new one lives over a restart', async () => {
  const { key, name } = await made({ scopes: ['admin'] });
  const own = await ask(key, 'DELETE', `/api/v1/keys/${name}`);
  expect([own.status, own.body.code]).toEqual([409, 'key_own']);
  await collector.stop();
  await collector.start();
  expect((await ask(key, 'GET', '/api/v1/whoami')).body.scopes).toEqual(['ingest', 'read', 'admin']);
  expect((await ask(admin, 'DELETE', `/api/v1/keys/${name}`)).status).toBe(200);
  expect((await ask(key, 'GET', '/api/v1/whoami')).status).toBe(401);
});

test('a client that streams over a rotation goes on with the new secret, and every event is kept once', async () => {
  const { key, name } = await made({ scopes: ['ingest', 'read'] });
  const asked: string[] = [];
  const ends: string[] = [];
  let current = key;
  const client = createTidemarkClient({
    url: collector.url,
    key: () => {
      asked.push(current);
      return current;
    },
    producer: 'rotated',
    onError: (error) => ends.push(error.code),
  });
  let sent = 0;
  const send = () => client.trySend({ type: 'log', agent_id: 'rotated', event_id: `r${sent++}`, message: 'on' });
  send();
  await client.flush();
  const rotated = await ask(admin, 'POST', `/api/v1/keys/${name}/rotate`, { overlap_seconds: 1 });
  expect([rotated.status, rotated.body.name]).toEqual([200, name]);
  current = rotated.body.key as string;
  await expect.poll(() => send() && ends).toEqual(['key_rotated']);
  for (let more = 0; more < 10; more++) send();
  expect(await client.close(60_000)).toEqual({ eventsUnacknowledged: 0 });
  expect(client.stats()).toMatchObject({ eventsKept: sent, eventsRejected: 0, eventsDropped: 0 });
  expect(asked).toEqual([key, current]);
  expect((await ask(key, 'GET', '/api/v1/whoami')).body).toMatchObject({ code: 'key_rotated' });
  expect((await ask(current, 'GET', '/api/v1/whoami')).body).toMatchObject({ key_name: name });
});

test('a daily quota over a WebSocket: what the key may send is stored, the rest waits with the client', async () => {
  const { key, name } = await made({ scopes: ['ingest', 'read'], limits: { events_per_day: 2 } });
  const ends: string[] = [];
  const client = createTidemarkClient({ url: collector.url, key, onError: (error) => ends.push(error.code) });
  for (const event_id of ['q1', 'q2']) {
    client.trySend({ type: 'log', agent_id: 'bounded', event_id, message: 'on' });
    await client.flush();
  }
  client.trySend({ type: 'log', agent_id: 'bounded', event_id: 'q3', message: 'later' });
  await expect.poll(() => ends).toEqual(['event_quota_spent']);
  const posted = await ask(key, 'POST', '/v1/events', { type: 'heartbeat', agent_id: 'bounded' });
  expect([posted.status, posted.body.code]).toEqual([429, 'event_quota_spent']);
  const listed = (await ask(admin, 'GET', '/api/v1/keys')).body.keys as { readonly name: string }[];
  expect(listed.find((each) => each.name === name)).toMatchObject({ events_today: 2 });
  expect((await ask(admin, 'POST', `/api/v1/keys/${name}/limits`, {})).status).toBe(200);
  expect((await ask(key, 'POST', '/v1/events', { type: 'heartbeat', agent_id: 'bounded' })).status).toBe(202);
  expect(await client.close(0)).toEqual({ eventsUnacknowledged: 1 });
});

test('what administrators do, and who is refused that, is in the audit log', async () => {
  const { key, name } = await made({ scopes: ['read'] });
  expect((await ask(key, 'DELETE', `/api/v1/keys/${name}`)).status).toBe(403);
  expect((await ask('tdm_nobody', 'GET', '/api/v1/keys')).status).toBe(401);
  expect((await ask(admin, 'DELETE', '/api/v1/users/ann')).status).toBeLessThan(300);
  const { entries } = (await ask(admin, 'GET', '/api/v1/audit?limit=2')).body as { entries: Record<string, unknown>[] };
  expect(entries).toMatchObject([
    { action: 'eraseUser', outcome: 'done', address: '127.0.0.1', what: { user_id_sha256: '49915e0d7d4b402e' } },
    { action: 'createKey', outcome: 'done', what: { name, scopes: 'read' } },
  ]);
  const text = readFileSync(join(dataDir, 'audit.log'), 'utf8');
  const refused = text.split('\n').flatMap((line) => (line.includes('"tenant":null') ? [JSON.parse(line)] : []));
  expect(refused.slice(-2).map(({ action, outcome, address }) => [action, outcome, address])).toEqual([
    ['revokeKey', 'scope_missing', '127.0.0.1'],
    ['listKeys', 'key_invalid', '127.0.0.1'],
  ]);
  expect(text).not.toMatch(/tdm_|"ann"/);
});
