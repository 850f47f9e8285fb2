import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { HttpReply, HttpRoute } from '../../src/core/ports/http-route.js';
import { loadUiFiles } from '../../src/ui-assets/ui-files.js';
import { withPages } from '../../src/ui-assets/ui-routes.js';
import { serve } from '../support/served.js';
import { tempDir } from '../support/temp-dir.js';

const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

const index: HttpRoute = {
  method: 'GET',
  path: '/',
  scope: null,
  handle: (): HttpReply => ({ status: 200, headers: { 'content-type': 'application/json' }, body: '{"service":"it"}' }),
};

/** The pages as they were built for this run. */
async function served(): Promise<string> {
  const { url } = await serve({ http: withPages([index], loadUiFiles()) });
  return url;
}

test('a browser gets the page at the root, a program what there is to ask', async () => {
  const url = await served();
  const page = await fetch(`${url}/`, { headers: { accept: browser } });
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(await page.text()).toContain('<title>Tidemark</title>');
  for (const accept of ['*/*', 'application/json']) {
    expect(await (await fetch(`${url}/`, { headers: { accept } })).json()).toEqual({ service: 'it' });
  }
});

test.each(['/runs', '/runs/a%2Fb', '/agents/%3Cb%3E', '/try'])('%s is the same page, whoever asks', async (path) => {
  const url = await served();
  const page = await fetch(`${url}${path}`);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('<div id="root">');
});

test('no page is kept, may be framed, or loads anything from elsewhere', async () => {
  const { headers } = await fetch(`${await served()}/runs`);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('content-security-policy')).toBe(
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  );
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
});

test('what a page loads is kept for good, in the form that is welcome', async () => {
  const url = await served();
  const name = /assets\/(index-[^"]+\.js)"/.exec(await (await fetch(`${url}/runs`)).text())?.[1];
  const whole = loadUiFiles()!.assets.get(name!)!.plain;
  const forms: readonly (readonly [string, string | null, (bytes: Buffer) => Buffer])[] = [
    ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
    ['identity', null, (bytes) => bytes],
    ['', null, (bytes) => bytes],
  ];
  for (const [welcome, encoding, decode] of forms) {
    const { reply, body } = await ask(`${url}/assets/${name}`, welcome);
    expect([welcome, reply['content-encoding'] ?? null]).toEqual([welcome, encoding]);
    expect(reply['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(reply.vary).toBe('accept-encoding');
    expect(decode(body).equals(whole)).toBe(true);
  }
});

test.each(['/assets/no-such.js', '/assets/..%2Findex.html', '/assets/index.html'])('%s is a 404', async (path) => {
  const response = await fetch(`${await served()}${path}`);
  expect([response.status, ((await response.json()) as { readonly code: string }).code]).toEqual([404, 'not_found']);
});

test('without a build the addresses say how the pages are made, and programs get what they got', async () => {
  const missing = loadUiFiles(pathToFileURL(`${tempDir()}/`));
  expect(missing).toBeNull();
  const { url } = await serve({ http: withPages([index], missing) });
  const page = await fetch(`${url}/`, { headers: { accept: browser } });
  expect([page.status, await page.text()]).toEqual([404, expect.stringContaining('npm run build')]);
  expect(await (await fetch(`${url}/`)).json()).toEqual({ service: 'it' });
});

test('files of another kind that lie with the build are not served', async () => {
  const directory = tempDir();
  mkdirSync(`${directory}/assets`);
  for (const name of ['index.html', 'assets/a.js', 'assets/notes.txt']) {
    for (const form of ['', '.br', '.gz']) writeFileSync(`${directory}/${name}${form}`, 'x');
  }
  const files = loadUiFiles(pathToFileURL(`${directory}/`));
  expect([...(files?.assets.keys() ?? [])]).toEqual(['a.js']);
});

/** As it came over the wire: `fetch` would inflate it. */
async function ask(url: string, welcome: string) {
  return new Promise<{ readonly reply: Record<string, unknown>; readonly body: Buffer }>((resolve, reject) => {
    const asked = request(url, { headers: welcome === '' ? {} : { 'accept-encoding': welcome } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ reply: response.headers, body: Buffer.concat(chunks) }));
    });
    asked.on('error', reject).end();
  });
}
