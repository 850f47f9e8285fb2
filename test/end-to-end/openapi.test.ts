import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Scope } from '../../src/core/ports/authenticator.js';
import { storedKeyOf, writeKeyFile } from '../../src/ingest/key-file.js';
import { type ApiCallable, ApiDocument, type DocumentParameter, type GivenAnswer } from '../support/api-document.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { documentationPages } from '../support/doc-pages.js';
import { changedKey, doomedKey, exampleEvents, preparedCall } from '../support/operation-examples.js';

const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-openapi-'));
const keyWith = { ingest: 'tdm_key_that_only_sends', read: 'tdm_key_that_only_reads' };
const collector = new CollectorProcess({
  dataDir,
  env: {
    TIDEMARK_API_KEYS: '',
    // All readers are asked at once, and a machine that is busy is no fault of theirs.
    TIDEMARK_QUERY_TIMEOUT_MS: '60000',
  },
});
const documentPath = '/api/v1/openapi.json';
let source = '';
let api: ApiDocument;

beforeAll(async () => {
  // In its file, because keys that are configured cannot be listed, made or taken back.
  const stored = (key: string, scope: Scope) => storedKeyOf(key, { tenant: 'default', scopes: [scope] }, Date.now());
  const others = [
    stored(keyWith.ingest, 'ingest'),
    stored(keyWith.read, 'read'),
    stored(doomedKey, 'read'),
    stored(changedKey, 'read'),
  ];
  writeKeyFile(dataDir, [stored(testKey, 'admin'), ...others]);
  await collector.start();
  source = await (await fetch(`${collector.url}${documentPath}`)).text();
  api = new ApiDocument(JSON.parse(source));
  const events = exampleEvents(Date.now());
  const { body } = await send('POST', '/v1/events', { body: JSON.stringify(events) });
  expect(body).toEqual({ accepted: events.length, rejected: 0, duplicates: 0, errors: [] });
  await collector.untilStored(events.length, "agent_id = 'api-agent'");
});
afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

interface SendOptions {
  readonly body?: string | null;
  readonly key?: string | null;
}

async function send(method: string, target: string, options: SendOptions = {}): Promise<GivenAnswer> {
  const { body = null, key = testKey } = options;
  const abort = new AbortController();
  const response = await fetch(`${collector.url}${target}`, {
    method,
    body,
    headers: {
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    },
    signal: abort.signal,
  });
  const contentType = response.headers.get('content-type') ?? '';
  const answer = { status: response.status, contentType };
  if (contentType.startsWith('text/event-stream')) {
    // It goes on until the client leaves.
    abort.abort();
    return { ...answer, body: null };
  }
  const text = await response.text();
  if (response.status === 500) throw new Error(`${method} ${target} failed: ${lastFailure()}`);
  return { ...answer, body: /[/+]json(;|$)/.test(contentType) ? JSON.parse(text) : null };
}

/** What the collector logged of it: the answer says nothing. */
function lastFailure(): string {
  const lines = collector.output.split('\n').filter((line) => line.includes('"request failed"'));
  return lines.at(-1) ?? 'nothing was logged';
}

/** Readers first, so that what is erased has been looked at. */
function inOrder(operations: readonly ApiCallable[]): ApiCallable[] {
  const methods = ['get', 'post', 'delete'];
  return [...operations].sort((a, b) => methods.indexOf(a.method) - methods.indexOf(b.method));
}

test('the document has no fault that a linter of OpenAPI finds', async () => {
  const config = await createConfig({ extends: ['recommended-strict'] });
  const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
  expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
});

test('every route that the index lists is an operation of the document, and the reverse', async () => {
  const { endpoints } = await collector.get<{ endpoints: { method: string; path: string }[] }>('/');
  const listed = endpoints
    .filter(({ method }) => method !== 'WebSocket')
    .map(({ method, path }) => `${method} ${path}`);
  const described = api.operations.map(({ name }) => name);
  expect(described.toSorted()).toEqual([...listed, 'GET /'].toSorted());
  const sockets = endpoints.filter(({ method }) => method === 'WebSocket').map(({ path }) => path);
  const { 'x-websockets': websockets } = JSON.parse(source);
  expect(websockets.map(({ path }: { path: string }) => path)).toEqual(sockets);
});

test('every operation answers a good request as the document says', async () => {
  const faults: string[] = [];
  for (const operation of inOrder(api.operations)) {
    const { target, body } = preparedCall(operation);
    const answer = await send(operation.method.toUpperCase(), target, { body });
    const found = api.faults(operation, answer);
    if (!api.successes(operation).includes(answer.status)) found.push(`failed: ${JSON.stringify(answer)}`);
    faults.push(...found.map((fault) => `${operation.name}: ${fault}`));
  }
  expect(faults).toEqual([]);
});

/** For whoever is on this machine, as these tests are. */
function isOpen({ security }: ApiCallable): boolean {
  return (
    security.every((alternative) => alternative.key === undefined) || security.some(({ key }) => key === undefined)
  );
}

test('every operation answers a bad request as the document says', async () => {
  const faults: string[] = [];
  for (const operation of api.operations) {
    const method = operation.method.toUpperCase();
    const { target, body } = preparedCall(operation);
    const answers: GivenAnswer[] = [];
    if (body !== null) {
      answers.push(await send(method, target, { body: '{' }));
    } else if (/ParameterInvalid|parameter_invalid/.test(JSON.stringify(operation.responses['400']))) {
      answers.push(await send(method, `${target}${target.includes('?') ? '&' : '?'}no_such=1`));
    }
    if (!isOpen(operation)) {
      answers.push(await send(method, target, { body, key: null }));
      answers.push(await send(method, target, { body, key: 'tdm_nobody_has_this_key' }));
    }
    const found = answers.flatMap((answer) => api.faults(operation, answer));
    found.push(...answers.filter(({ status }) => status < 400).map((answer) => `accepted: ${JSON.stringify(answer)}`));
    faults.push(...found.map((fault) => `${operation.name}: ${fault}`));
  }
  expect(faults).toEqual([]);
});

test('what the document allows of a parameter is accepted, and nothing past its bounds', async () => {
  const readers = api.operations.filter(({ method }) => method === 'get');
  const faults = await Promise.all(readers.map(parameterFaults));
  expect(faults.flat()).toEqual([]);
});

async function parameterFaults(operation: ApiCallable): Promise<string[]> {
  const faults: string[] = [];
  for (const parameter of (operation.parameters ?? []).filter(({ in: place }) => place === 'query')) {
    for (const { value, allowed } of valuesToTry(parameter)) {
      const { target } = preparedCall(operation, { [parameter.name]: value });
      const answer = await send('GET', target);
      if (answer.status < 400 !== allowed) faults.push(`${target}: ${answer.status} ${JSON.stringify(answer.body)}`);
      faults.push(...api.faults(operation, answer).map((fault) => `${target}: ${fault}`));
    }
  }
  return faults;
}

test('every operation asks for the scope the document says, and public ones for no key', async () => {
  const keys = [null, keyWith.ingest, keyWith.read];
  const faults: string[] = [];
  for (const operation of api.operations) {
    const scope = isOpen(operation) ? 'public' : operation.security[0]?.key?.[0];
    const { target } = preparedCall(operation);
    for (const key of keys) {
      // An empty body is refused after the key has been accepted, so nothing is done.
      const body = operation.requestBody === undefined ? null : '';
      if (operation.method !== 'get' && body === null && key === keyWith[scope as 'read']) continue;
      const { status } = await send(operation.method.toUpperCase(), target, { body, key });
      const isLetIn = scope === 'public' || (key !== null && key === keyWith[scope as 'read']);
      const refused = key === null ? 401 : 403;
      if ((status !== refused) !== isLetIn) faults.push(`${operation.name}: ${scope}, ${key ?? 'no key'}: ${status}`);
    }
  }
  expect(faults).toEqual([]);
});

interface Trial {
  readonly value: string;
  readonly allowed: boolean;
}

function valuesToTry({ schema }: DocumentParameter): Trial[] {
  const { type, minimum, maximum, items, maxItems = 1 } = schema;
  const isNumber = type === 'integer' || type === 'number';
  const good = [
    ...(schema.enum ?? []),
    ...chunks(items?.enum ?? [], maxItems),
    ...(isNumber ? [minimum, maximum] : []),
  ];
  const bad = [
    ...(schema.enum === undefined && items?.enum === undefined ? [] : ['no-such-word']),
    ...(isNumber ? ['one', (minimum ?? 0) - 1, (maximum ?? 0) + 1] : []),
    ...(type === 'integer' ? ['1.5'] : []),
    ...(schema.format === 'date' || schema.anyOf?.some(({ format }) => format === 'date') ? ['2026-02-30'] : []),
  ];
  return [
    ...good.filter((value) => value !== undefined).map((value) => ({ value: String(value), allowed: true })),
    ...bad.map((value) => ({ value: String(value), allowed: false })),
  ];
}

/** Lists of at most so many words, which together hold all of them. */
function chunks(words: readonly string[], wordsMax: number): string[] {
  const starts = words.map((_, index) => index).filter((index) => index % wordsMax === 0);
  return starts.map((start) => words.slice(start, start + wordsMax).join(','));
}

test('the document says the same after a restart', async () => {
  await collector.stop();
  await collector.start();
  expect(await (await fetch(`${collector.url}${documentPath}`)).text()).toBe(source);
});

const documentation = documentationPages()
  .map(({ text }) => text)
  .join('\n');

test('every operation is in the documentation with a line for curl', () => {
  const curls = documentation.replaceAll('\\\n', ' ').match(/^.*\bcurl\b.*$/gm) ?? [];
  const missing = api.operations.flatMap(({ name, path, method }) => {
    const pattern = path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&').replaceAll(/\{\w+\}/g, '[^/\\s?"\']+');
    const asked = new RegExp(`:\\d+${pattern}(?=[\\s?"'\\x60]|$)`);
    const isAsked = curls.some(
      (line) =>
        asked.test(line) && (method === 'get' || line.includes(`-X ${method.toUpperCase()}`) || method === 'post'),
    );
    return [
      ...(documentation.includes(`\`${name}\``) ? [] : [`${name} is not in the documentation`]),
      ...(isAsked ? [] : [`${name} has no line with curl in the documentation`]),
    ];
  });
  expect(missing).toEqual([]);
});

test('every endpoint the documentation names is an operation or a WebSocket', () => {
  const named = [...documentation.matchAll(/`(?:(GET|POST|DELETE|PUT|PATCH) )(\/[^`\s?]*)[^`]*`/g)];
  const known = new Set(api.operations.map(({ name }) => name));
  const unknown = named.map(([, method, path]) => `${method} ${path}`).filter((name) => !known.has(name));
  expect([...new Set(unknown)]).toEqual([]);
  expect(named.length).toBeGreaterThan(10);
});
