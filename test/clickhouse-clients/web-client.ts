import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { chromiumName, launchChromium } from '../../bench/chromium.js';
import { packageFile } from '../../src/core/package-root.js';
import { askChannel } from '../support/ask-engine.js';
import type { TestEngine } from '../support/embedded-engine.js';
import type { features, Outcome } from './outcome.js';

/** What the engine's port has to allow: the page's port is not known before. */
export const pageOrigins = ['*'];

/**
 * @clickhouse/client-web in a page of a Chromium of this machine, whose origin is not the engine's. Each attempt is a
 * function of the page's own: `with_` gives it a client, and it throws what is wrong. Null, said aloud, without one.
 */
export async function tryWebClient(store: TestEngine): Promise<Outcome[] | null> {
  if (chromiumName === undefined) {
    process.stderr.write('@clickhouse/client-web is skipped: there is no Chromium\n');
    return null;
  }
  const site = await servePage();
  const browser = await launchChromium(['localhost']);
  try {
    const page = await browser.newPage();
    // The client makes its query ids only in what a browser takes for a secure context: https, or this name.
    await page.goto(`http://localhost:${(site.address() as AddressInfo).port}/`);
    await page.evaluate(`${await bundledClient()}; ${helpers(store)}`);
    const outcomes: Outcome[] = [];
    for (const [feature, code] of Object.entries(attempts)) outcomes.push(await attempt(page, feature, code));
    const stillRuns = await stillRunning(store);
    return outcomes.map((one) =>
      one.feature === 'cancel' && stillRuns !== '' ? { ...one, ok: false, detail: stillRuns } : one,
    );
  } finally {
    await browser.close();
    site.close();
  }
}

async function attempt(page: Page, feature: string, code: string): Promise<Outcome> {
  const told = await page.evaluate(`(async () => { ${code} })().then(() => '', (error) => String(error))`);
  const detail = String(told);
  return { client: '@clickhouse/client-web', feature, ok: detail === '', detail };
}

async function servePage(): Promise<Server> {
  const site = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>a page</title>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  return site;
}

async function bundledClient(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(packageFile('test/clickhouse-clients/web-page.ts'))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'clickhouse',
    platform: 'browser',
  });
  return `${outputFiles[0]?.text ?? ''}; globalThis.clickhouse = clickhouse`;
}

function helpers({ engine, writerPassword }: TestEngine): string {
  const access = { url: engine.url, username: 'tidemark', password: writerPassword, database: 'tidemark' };
  return `
    globalThis.with_ = async (options, work) => {
      const client = clickhouse.createClient({ ...${JSON.stringify(access)}, ...options });
      try { await work(client); } finally { await client.close(); }
    };
    globalThis.rows = async (client, query, more = {}) =>
      (await client.query({ query, format: 'JSONEachRow', ...more })).json();
    globalThis.equal = (found, expected) => {
      const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
      if (one !== other) throw new Error(one + ' is not ' + other);
    };
    globalThis.refused = async (work, code) => {
      const error = await work.then(() => null, (problem) => problem);
      if (error === null) throw new Error('there was no error');
      if (code !== null && error.code !== code) throw new Error(error + ' has not the code ' + code);
    };
    // The client looks for the error of a stream in the last piece the browser hands it, and the browser cuts pieces
    // where it likes: of an error behind 80 MB of rows it may have the end of the text alone, and no code. A page that
    // is slower than the cut behind the error loses what it had not read: then it is told of the cut.
    globalThis.endedByServer = async (work, code) => {
      const error = await work.then(() => null, (problem) => problem);
      const isTold = error !== null && (error.code === code || /\\(version [0-9.]+\\)/.test(error.message));
      const isCut = error instanceof TypeError && error.message === 'network error';
      if (!isTold && !isCut) throw new Error(error + ' is not what the server ended with');
    };`;
}

const attempts: Partial<Record<keyof typeof features, string>> = {
  connect: `await with_({ username: 'default', password: '' }, async (client) => {
    equal(await client.ping({ select: true }), { success: true });
  })`,
  types: `await with_({}, async (client) => {
    const sql = "SELECT toUInt8(1) AS a, 1.5 AS b, 'ü ✓' AS c, [1, 2] AS d, map('k', 1) AS e, NULL AS f, true AS g";
    equal(await rows(client, sql), [{ a: 1, b: 1.5, c: 'ü ✓', d: [1, 2], e: { k: 1 }, f: null, g: true }]);
  })`,
  parameters: `const query_params = { a: "it's \\\\ x\\n", b: [1, 2], c: 'x'.repeat(50000), d: new Date(0) };
    const sql =
      'SELECT {a:String} AS a, {b:Array(Int32)} AS b, length({c:String}) AS c, toUnixTimestamp({d:DateTime}) AS d';
    for (const use_multipart_params of [false, true]) await with_({}, async (client) => {
      const found = await rows(client, sql, { query_params, use_multipart_params });
      equal(found.map((row) => ({ ...row, c: Number(row.c) })), [{ a: query_params.a, b: [1, 2], c: 50000, d: 0 }]);
    })`,
  insert: `await with_({}, async (client) => {
    await client.command({ query: 'CREATE OR REPLACE TABLE webbed (id UInt64, name String) ENGINE = Memory' });
    const values = Array.from({ length: 1000 }, (_, id) => ({ id, name: 'n' + id }));
    await client.insert({ table: 'webbed', values, format: 'JSONEachRow' });
    const counted = await rows(client, "SELECT count() AS n FROM webbed WHERE name LIKE 'n%'");
    equal(counted.map(({ n }) => Number(n)), [1000]);
  })`,
  compression: `await with_({ compression: { response: true } }, async (client) => {
    const found = await rows(client, "SELECT repeat('x', 100) AS x FROM numbers(1000)", {
      clickhouse_settings: { enable_http_compression: 1 },
    });
    equal(found.length, 1000);
  })`,
  stream: `await with_({}, async (client) => {
    const result = await client.query({ query: 'SELECT number FROM numbers(1000000)', format: 'JSONCompactEachRow' });
    const reader = result.stream().getReader();
    let sum = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read())
      for (const line of next.value) sum += Number(line.json()[0]);
    equal(sum, 499999500000);
  })`,
  error: `await with_({}, (client) => refused(rows(client, 'SELECT * FROM nowhere'), '60'))`,
  'error midway': `await with_({}, (client) =>
    endedByServer(rows(client, 'SELECT number, throwIf(number = 3000000) AS t FROM numbers(5000000)'), '395'))`,
  'wrong password': `await with_({ password: 'no' }, (client) => refused(rows(client, 'SELECT 1'), '516'))`,
  cancel: `const given = new AbortController();
    const query = 'SELECT sleepEachRow(0.1) FROM numbers(3000) SETTINGS max_block_size = 1';
    await with_({ keep_alive: { enabled: false } }, async (client) => {
      const reading = refused(rows(client, query, { abort_signal: given.signal }), null);
      await new Promise((resolve) => setTimeout(resolve, 500));
      given.abort();
      await reading;
    })`,
};

/** What is wrong: a statement given up ends in the engine, some time later. */
async function stillRunning(store: TestEngine): Promise<string> {
  const sql = "SELECT query FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%processes%'";
  let found = '';
  for (let tries = 0; tries < 200; tries++) {
    found = (await askChannel(store, sql)).text;
    if (found === '') return '';
    await pause(200);
  }
  return `it runs on: ${found}`;
}
