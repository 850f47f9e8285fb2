import { expect, onTestFinished, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

const metricsKey = 'the_key_of_the_scraper_elsewhere';
const tenantKey = 'tdm_key_of_acme_with_the_scope_metrics';

async function startCollector(): Promise<CollectorProcess> {
  const collector = new CollectorProcess({
    dataDir: tempDir(),
    env: {
      TIDEMARK_API_KEYS: `${testKey}:default:admin,${tenantKey}:acme:read+metrics`,
      TIDEMARK_METRICS_KEY: metricsKey,
    },
  });
  // Its engine ends with it, and leaves the directory alone.
  onTestFinished(async () => void (await collector.stop()));
  await collector.start();
  return collector;
}

/** Through a proxy of this machine, so that the loopback address says nothing. */
async function proxied(collector: CollectorProcess, key: string | null): Promise<readonly [number, string]> {
  const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
  const response = await fetch(`${collector.url}/metrics`, {
    headers: { 'x-forwarded-for': '203.0.113.7', ...authorization },
  });
  const text = await response.text();
  return [response.status, /"code":"(\w+)"/.exec(text)?.[1] ?? text.slice(0, 6)];
}

test('the page is open on this machine, elsewhere to keys of its own scope, which open nothing else', async () => {
  const collector = await startCollector();
  expect((await fetch(`${collector.url}/metrics`)).status).toBe(200);
  expect(await proxied(collector, null)).toEqual([401, 'key_missing']);
  expect(await proxied(collector, 'nobody_has_this_key')).toEqual([401, 'key_invalid']);
  expect(await proxied(collector, testKey)).toEqual([403, 'scope_missing']);
  expect(await proxied(collector, metricsKey)).toEqual([200, '# HELP']);
  expect(await proxied(collector, tenantKey)).toEqual([200, '# HELP']);

  const headers = { authorization: `Bearer ${metricsKey}` };
  expect((await fetch(`${collector.url}/api/v1/agents`, { headers })).status).toBe(403);
  expect((await fetch(`${collector.url}/health/deep`, { headers })).status).toBe(403);
  expect(collector.output).not.toContain(metricsKey);

  const foreign = await fetch(`${collector.url}/health`, { headers: { origin: 'https://evil.example' } });
  expect(foreign.status).toBe(403);
  await expect
    .poll(async () => (await collector.metrics()).get('tidemark_http_refused_total{code="origin_foreign"}'))
    .toBe(1);
});
