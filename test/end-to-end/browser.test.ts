import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumName, launchChromium } from '../../bench/chromium.js';
import { engineAccess } from '../../bench/engine-access.js';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { type PageTarget, serveCarelessly, serveHostileSite, type TestSite } from '../support/hostile-site.js';
import { sendEvents } from '../support/live-client.js';
import { type SeenAnswer, seenAnswers } from '../support/seen-answers.js';
import { removeDirectory } from '../support/temp-dir.js';

/**
 * What a page in a browser of this machine gets out of the collector's port and of its engine's, and what it changes
 * there. The page knows every key and password, and one of the engine's readers needs none.
 */

/** An agent's id: in the store and on `/metrics`, and in nothing that a page sends. */
const secret = 'agent_no_page_may_see';
/** The agent, and the table, of what pages write where they are let. */
const written = 'written_by_a_page';
const reader = { name: 'reader', password: 'password_the_page_knows' };

let site: TestSite;
let collector: CollectorProcess;
let browser: Browser;
/** By port. */
const refusalsSeen = new Map<string, number>();

const where = 'in Chromium (skipped where it is not installed)';

beforeAll(async () => {
  site = await serveHostileSite();
  collector = new CollectorProcess({
    dataDir: mkdtempSync(join(tmpdir(), 'tidemark-browser-')),
    env: {
      TIDEMARK_CLICKHOUSE_READER_ACCESS: 'open',
      TIDEMARK_CLICKHOUSE_READERS: `${reader.name}:default:${reader.password}`,
      TIDEMARK_HTTP_CORS_ORIGINS: originOf('friend.example'),
      // A pass of its own makes tables for a while.
      TIDEMARK_MAINTENANCE_SCHEDULE: 'off',
    },
  });
  await collector.start();
  const task = { agent_id: secret, task_id: 'task-1' };
  await sendEvents(collector, [
    { type: 'task.running', ...task },
    { type: 'task.completed', ...task, duration_ms: 5 },
  ]);
  // In every table, and counted: what is counted later would be taken for the work of a page.
  await collector.untilStored(2);
  browser = await launchChromium(['evil.example', 'friend.example', 'rebound.example']);
});

afterAll(async () => {
  await browser?.close();
  await collector.kill();
  site.close();
  await removeDirectory(collector.dataDir);
});

describe.skipIf(chromiumName === undefined)(`a page that may not ask, ${where}`, () => {
  test('reaches a server that minds nothing by every way it tries, and reads much of it', async () => {
    const careless = await serveCarelessly(secret);
    const { page } = await openPage(originOf('evil.example'));
    const address = `127.0.0.1:${careless.port}/{way}`;
    const target = { headers: { authorization: 'Bearer x' }, key: 'x', body: 'x', form: ['x', 'y'] } as const;
    const outcomes = await attack(page, [
      { ...target, kind: 'read', url: `http://${address}` },
      { ...target, kind: 'write', url: `http://${address}` },
      { ...target, kind: 'login', url: `http://user:password@${address}` },
      { ...target, kind: 'socket', url: `ws://${address}` },
    ]);
    // Chromium loads nothing into a page with a password from a URL.
    await expect
      .poll(() => outcomes.map(({ way }) => way).filter((way) => !careless.reached.has(`/${way}`)))
      .toEqual([
        'read fetch as same-origin',
        'login fetch of a URL with a password',
        'login img of a URL with a password',
        'login script of a URL with a password',
        '(left in the page)',
      ]);
    await page.context().close();
    careless.close();
    const read = waysThat(outcomes, secret);
    expect(read.length).toBeGreaterThan(15);
    expect(read).toContain('(left in the page)');
  });

  test.each([
    ['evil.example', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
  ])(
    'from %s gets nothing out of the ports of %s and changes nothing there, but may lead there',
    async (from, host) => {
      await expectNothing({ page: originOf(from), host, answered: isLink });
    },
  );

  // To which the browser tells nobody who asks with a GET: neither `Origin` nor `Sec-Fetch-Site`.
  test('gets nothing out of the ports of 0.0.0.0 and changes nothing there, nor runs SQL', async () => {
    await expectNothing({
      page: originOf('evil.example'),
      host: '0.0.0.0',
      answered: ({ url, method }) => portOf(url) === portOf(collector.url) && method === 'GET',
    });
  });

  test.each([
    ['a port of its own', () => originOf('rebound.example')],
    ["the collector's", () => named(collector.url)],
    ["the engine's", () => named(collector.storeUrl)],
  ])('gets nothing when its name leads here and it is from %s', async (_, page) => {
    await expectNothing({ page: page(), host: 'rebound.example', answered: () => false });
  });

  test('is a refusal when its name leads here, and every refusal is counted', async () => {
    const { page } = await openPage('about:blank');
    for (const path of ['/', '/health', '/metrics', '/api/v1/openapi.json', '/api/v1/agents', '/v1/stream']) {
      expect(await shown(page, `${named(collector.url)}${path}`)).toMatch(/^421 .*host_unknown/);
    }
    for (const path of ['/', '/ping', '/?query=SELECT%20*%20FROM%20agent_events']) {
      expect(await shown(page, `${named(collector.storeUrl)}${path}`)).toMatch(/^403 .*not a name of this server/);
    }
    await page.context().close();
    await expectCounted();
  });
});

describe.skipIf(chromiumName === undefined)(`a page that may ask, ${where}`, () => {
  test('asks the collector it is from with a key; who types an address of the engine is answered', async () => {
    const { page } = await openPage(`${collector.url}/`);
    const outcomes = await attack(
      page,
      targetsAt('127.0.0.1').filter(({ url }) => /agents$|live$/.test(url)),
    );
    const read = waysThat(outcomes, secret);
    expect(read).toContain('read fetch as same-origin');
    expect(read).toContain('read XMLHttpRequest with headers');
    expect(waysThat(outcomes, 'known_since')).toContain('socket WebSocket with a key');
    const asked = `fetch('api/v1/agents', { headers: { authorization: 'Bearer ${testKey}' } }).then((a) => a.text())`;
    expect(await page.evaluate<string>(asked)).toContain(secret);
    const typed = `${collector.storeUrl}/?query=SELECT%2040%2B2%20FORMAT%20JSONCompact`;
    expect(await shown(page, typed)).toMatch(/^200 .*\[42\]/s);
    await page.context().close();
  });

  test('reads, streams and writes with a key from an allowed origin, and gets nothing out of the engine', async () => {
    const before = (await collector.metrics()).get('tidemark_events_total{outcome="durable"}') ?? 0;
    const { page, seen } = await openPage(originOf('friend.example'));
    // What it may stream has no end.
    const targets = targetsAt('127.0.0.1').filter(({ url }) => !url.endsWith('/live/events'));
    const outcomes = await attack(page, targets);
    await page.context().close();
    const read = waysThat(outcomes, secret);
    expect(read).toContain('read fetch of cors with headers');
    expect(read).toContain('read XMLHttpRequest with headers');
    expect(waysThat(outcomes, 'known_since')).toEqual(['socket WebSocket with a key', 'socket WebSocket in a worker']);
    expect((await collector.metrics()).get('tidemark_events_total{outcome="durable"}')).toBeGreaterThan(before);
    const ofEngine = seen.filter(({ url }) => portOf(url) === portOf(collector.storeUrl));
    expect(ofEngine.map(({ status }) => status)).toEqual(ofEngine.map(() => 403));
  });
});

/** As a page would have it from its bundler. */
async function bundledSdk(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(packageFile('src/sdk/browser.ts'))],
    bundle: true,
    minify: true,
    format: 'iife',
    globalName: 'sdk',
    platform: 'browser',
    write: false,
  });
  return outputFiles[0]!.text;
}

test('the SDK for pages is at most 15 kB, gzipped', async () => {
  expect(gzipSync(await bundledSdk(), { level: 9 }).length).toBeLessThan(15_000);
});

test.skipIf(chromiumName === undefined)('a page of an allowed origin tells what it does with the SDK', async () => {
  const { page } = await openPage(originOf('friend.example'));
  await page.evaluate(`${await bundledSdk()}; globalThis.sdk = sdk;`);
  const told = `(async () => {
    const tm = sdk.tidemark({ url: '${collector.url}', key: '${testKey}', agent: 'page', user: 'ada' });
    await tm.run('visit', async (run) => {
      const task = run.task('search', { args: { q: 'x' } });
      await new Promise((resolve) => setTimeout(resolve, 5));
      task.llm('chat', (step) => step.usage({ model: 'm', in: 10, out: 2 }));
      task.end();
    });
    return [await tm.flush({ timeoutMs: 60_000 }), await tm.close(), tm.stats().state];
  })()`;
  const settled = { acked: 5, pending: 0, rejected: 0, dropped: 0 };
  expect(await page.evaluate(told)).toEqual([settled, settled, 'closed']);
  await page.context().close();
  const runs = async () => {
    const headers = { authorization: `Bearer ${testKey}` };
    return (await (await fetch(`${collector.url}/api/v1/runs?agent_id=page`, { headers })).json()) as {
      runs: object[];
    };
  };
  await expect
    .poll(async () => (await runs()).runs)
    .toMatchObject([{ name: 'visit', status: 'completed', user_id: 'ada', total: { tokens: { in: 10, out: 2 } } }]);
});

interface Hostile {
  /** Where the page is from, or what it is. */
  readonly page: string;
  /** Under which name or address it asks the two ports. */
  readonly host: string;
  /** What may be answered otherwise than by a refusal, since the page learns nothing of it. */
  readonly answered: (answer: SeenAnswer) => boolean;
}

/** A page tries everything on both ports: it reads nothing of the store, and nothing is other than before. */
async function expectNothing({ page: from, host, answered }: Hostile): Promise<void> {
  const [before, refusedBefore] = [await state(), await refusals()];
  const { page, seen } = await openPage(from);
  const outcomes = await attack(page, targetsAt(host));
  await page.context().close();
  expect(waysThat(outcomes, secret)).toEqual([]);
  expect(waysThat(outcomes, '"open ')).toEqual([]);
  // Not even an answer that it cannot read.
  const foreign = outcomes.filter(({ url }) => new URL(url).origin !== new URL(from).origin);
  expect(waysThat(foreign, '["opaque"')).toEqual([]);
  const ports = [portOf(collector.url), portOf(collector.storeUrl)];
  const answers = seen.filter(({ url }) => ports.includes(portOf(url)));
  const refused = answers.filter(({ status }) => status === 403 || status === 421);
  expect(answers.filter((answer) => !refused.includes(answer) && !answered(answer))).toEqual([]);
  for (const port of ports) {
    const seenRefused = refused.filter(({ url }) => portOf(url) === port).length;
    refusalsSeen.set(port, (refusalsSeen.get(port) ?? 0) + seenRefused);
  }
  // More than were seen: the browser throws many away, and tells nothing of sockets.
  const ofCollector = portOf(collector.url);
  expect((await refusals())[ofCollector]! - refusedBefore[ofCollector]!).toBeGreaterThan(15);
  expect(await state()).toEqual(before);
}

/** Every refusal that was seen is on `/metrics`; the engine's counts are asked for every five seconds. */
async function expectCounted(): Promise<void> {
  for (const [port, count] of refusalsSeen) {
    await expect.poll(async () => (await refusals())[port]).toBeGreaterThanOrEqual(count);
  }
}

/** A person who follows a link of the page sees what the address shows; not that of the engine, where it is work. */
function isLink({ url, method, inWindow }: SeenAnswer): boolean {
  return inWindow && method === 'GET' && portOf(url) === portOf(collector.url);
}

/** Everything that a page could try to change. */
async function state() {
  const databases = "lower(database) NOT IN ('system', 'information_schema')";
  return {
    events: await stored(),
    tables: await collector.query(
      `SELECT database, name, create_table_query FROM system.tables WHERE ${databases} ORDER BY database, name`,
    ),
    functions: await collector.query("SELECT name FROM system.functions WHERE origin != 'System' ORDER BY name"),
    settings: await collector.query(
      "SELECT name, value FROM system.settings WHERE changed AND name != 'log_comment' ORDER BY name",
    ),
    counted: [...(await collector.metrics())].filter(([name]) => name.startsWith('tidemark_events_')),
  };
}

async function stored(): Promise<object[]> {
  return collector.query('SELECT agent_id, count() AS events FROM agent_events GROUP BY agent_id ORDER BY agent_id');
}

/** How often each port refused somebody because of who asked. */
async function refusals(): Promise<Record<string, number>> {
  const metrics = await collector.metrics();
  const ofCollector = ['origin_foreign', 'host_unknown'].map((code) => `tidemark_http_refused_total{code="${code}"}`);
  return {
    [portOf(collector.url)]: ofCollector.reduce((sum, name) => sum + (metrics.get(name) ?? 0), 0),
    [portOf(collector.storeUrl)]: metrics.get('tidemark_engine_refusals_total{reason="site"}') ?? 0,
  };
}

interface Outcome {
  readonly way: string;
  readonly url: string;
  readonly read: string;
}

function waysThat(outcomes: readonly Outcome[], read: string): string[] {
  return outcomes.filter((outcome) => outcome.read.includes(read)).map(({ way }) => way);
}

async function attack(page: Page, targets: readonly Omit<PageTarget, 'redirector'>[]): Promise<Outcome[]> {
  const redirector = `${originOf('evil.example')}/redirect`;
  return page.evaluate(`attack(${JSON.stringify(targets.map((target) => ({ ...target, redirector })))})`);
}

/** A page in a profile of its own, and every answer it gets from now on. */
async function openPage(url: string): Promise<{ readonly page: Page; readonly seen: readonly SeenAnswer[] }> {
  const context = await browser.newContext();
  await context.addInitScript({ path: fileURLToPath(packageFile('test/support/hostile-page.js')) });
  const page = await context.newPage();
  await page.goto(url);
  return { page, seen: seenAnswers(context) };
}

/** Status and text of what somebody sees who goes there. */
async function shown(page: Page, url: string): Promise<string> {
  const answer = await page.goto(url);
  return `${answer?.status()} ${await page.textContent('body')}`.trim();
}

function originOf(host: string): string {
  return `http://${host}:${site.port}`;
}

function portOf(url: string): string {
  return new URL(url).port;
}

/** The same port under a name that was made to lead here. */
function named(url: string): string {
  return `http://rebound.example:${portOf(url)}`;
}

function targetsAt(host: string): Omit<PageTarget, 'redirector'>[] {
  const [ofCollector, ofEngine] = [`${host}:${portOf(collector.url)}`, `${host}:${portOf(collector.storeUrl)}`];
  const { password } = engineAccess(collector.dataDir);
  const event = `{"type":"log","agent_id":"${written}","message":"`;
  const onCollector = {
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    key: testKey,
    body: `${event}"}`,
    form: [event, '"}'],
  } as const;
  const create = `CREATE TABLE ${written} (x UInt8) ENGINE = Memory`;
  const onEngine = {
    headers: { 'x-clickhouse-user': 'tidemark', 'x-clickhouse-key': password },
    key: password,
    body: create,
    form: [`${create} --`, ''],
  } as const;
  const select = `query=${encodeURIComponent('SELECT * FROM agent_events')}`;
  const asReader = `user=${reader.name}&password=${reader.password}`;
  return [
    { ...onCollector, kind: 'read', url: `http://${ofCollector}/metrics` },
    { ...onCollector, kind: 'read', url: `http://${ofCollector}/api/v1/agents` },
    { ...onCollector, kind: 'read', url: `http://${ofCollector}/api/v1/live/events` },
    { ...onCollector, kind: 'write', url: `http://${ofCollector}/v1/events` },
    { ...onCollector, kind: 'socket', url: `ws://${ofCollector}/v1/stream` },
    { ...onCollector, kind: 'socket', url: `ws://${ofCollector}/api/v1/live` },
    { ...onEngine, kind: 'read', url: `http://${ofEngine}/?${select}` },
    { ...onEngine, kind: 'read', url: `http://${ofEngine}/?${asReader}&${select}` },
    { ...onEngine, kind: 'login', url: `http://${reader.name}:${reader.password}@${ofEngine}/?${select}` },
    { ...onEngine, kind: 'write', url: `http://${ofEngine}/?user=tidemark&password=${password}` },
  ];
}
