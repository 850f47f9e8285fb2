import type { Locator, Page } from 'playwright-core';
import { afterEach, expect, inject, test } from 'vitest';
import type { components } from '../../src/sdk/api-types.js';
import { detailValue } from '../../src/ui/pages/system/detail-value.js';
import { accountsOf } from '../../src/ui/pages/system/ledger.js';
import { detailName, remedyOf } from '../../src/ui/pages/system/remedies.js';
import { axeFindings } from '../support/axe.js';
import { collectorOfFile, uiKeys } from '../support/collector-of-file.js';
import { testKey } from '../support/collector-process.js';
import { sendEvents } from '../support/live-client.js';
import { uiHistory } from '../support/ui-history.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

/** Skipped where no Chromium is installed. */
const inChromium = test.skipIf(noBrowser);
const pages = new UiPages();
const collector = collectorOfFile();
afterEach(() => pages.quiet());

type Answers = components['schemas'];

async function open(options: Parameters<UiPages['open']>[1] = {}): Promise<Page> {
  const page = await pages.open('/system', options);
  await panel(page, 'Health')
    .getByText(/Everything works\.|Events are/)
    .waitFor();
  return page;
}

const ours = () => ({ url: collector.url, key: testKey });
const panel = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
const whole = (count: number) => count.toLocaleString('en-US');

/** Cells of the rows of a table, once it has any, by the text of their first one. */
async function rowsOf(table: Locator): Promise<Map<string, readonly string[]>> {
  await table.locator('tbody tr').first().waitFor();
  const rows = await table.locator('tbody tr').all();
  const cells = await Promise.all(rows.map((row) => row.locator('th, td').allInnerTexts()));
  return new Map(cells.map(([name = '', ...rest]) => [name.trim(), rest.map((text) => text.trim())]));
}

async function answer<Answer>(path: string): Promise<Answer> {
  const { url, key } = inject('ui');
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${key}` } });
  return (await response.json()) as Answer;
}

inChromium('each dependency is told with its state, and the ledger adds up to what was sent', async () => {
  const page = await open();
  const health = await answer<Answers['GetDeepHealthAnswer']>('/health/deep');
  expect(await panel(page, 'Health').getByRole('heading', { level: 3 }).allInnerTexts()).toEqual(
    health.dependencies.map(({ name }) => name),
  );
  const sent = whole(uiHistory(inject('ui').nowMs).length);
  const came = await rowsOf(page.getByRole('table', { name: 'What came in' }));
  expect(came.get('received')?.[0]).toBe(sent);
  expect(came.get('− durable')?.[0]).toBe(sent);
  expect(came.get('= difference')).toEqual(['0', `It balances: all of ${sent} are accounted for`]);
  const went = await rowsOf(page.getByRole('table', { name: 'What went on to the store' }));
  expect(went.get('− inserted')?.[0]).toBe(sent);
  const { version } = await answer<{ readonly version: string }>('/');
  await page.getByText(`Tidemark ${version}`, { exact: true }).waitFor();
});

inChromium('tables and endpoints are told with the numbers of the API, for the window of the address', async () => {
  const page = await open();
  const storage = await answer<Answers['GetStorageAnswer']>('/api/v1/monitoring/storage');
  const tables = await rowsOf(panel(page, 'Tables and disk').getByRole('table'));
  expect([...tables.keys()].toSorted()).toEqual(storage.tables.map(({ table }) => table).toSorted());
  const raw = storage.tables.find(({ table }) => table === 'agent_events_raw_v1')!;
  expect(tables.get(raw.table)?.slice(0, 2)).toEqual([whole(raw.rows), whole(raw.tenant_rows!)]);
  const endpoints = await rowsOf(panel(page, 'Endpoints').getByRole('table'));
  const posts = Math.ceil(uiHistory(inject('ui').nowMs).length / 1_000);
  expect(endpoints.get('POST /v1/events')?.slice(0, 3)).toEqual([String(posts), '0', '0']);
  expect(endpoints.get('POST /v1/events')?.[3]).toMatch(/^[\d.]+ m?s$/);
  await panel(page, 'Endpoints').getByRole('button', { name: '24h' }).click();
  await page.waitForURL('**/system?window=24h');
  await page.goBack();
  await page.waitForURL('**/system');
});

inChromium('a key without admin sees what it may, and is told what it may not', async () => {
  const page = await open({ ...ours(), key: uiKeys.reader });
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.getByText('How much each holds is told to a key with the scope admin.').waitFor();
  await page.getByText('yours has read.').waitFor();
  await expect
    .poll(async () => [...(await rowsOf(panel(page, 'Tables').getByRole('table'))).keys()])
    .toContain('agent_events_raw_v1');
  expect(await page.getByRole('button', { name: 'Finalize…' }).count()).toBe(0);
  expect(asked.filter((url) => /storage|erasures|maintenance/.test(url))).toEqual([]);
});

inChromium('a day is finalized only after one was asked, and what was done is told', async () => {
  const day = new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10);
  await sendEvents(collector, [
    { type: 'task.completed', agent_id: 'of-the-day', task_id: 't', ts: `${day}T12:00:00Z` },
  ]);
  await expect.poll(() => status('/api/v1/agents/of-the-day/metrics')).toBe(200);
  const page = await open(ours());
  await page.getByLabel('UTC day').fill(day);
  await page.getByLabel('Agent, or all of them').fill('of-the-day');
  await page.getByRole('button', { name: 'Finalize…' }).click();
  const dialog = page.getByRole('dialog', { name: `Finalize ${day}?` });
  await dialog.getByText('agent of-the-day').waitFor();
  await dialog.getByRole('button', { name: 'Leave it' }).click();
  expect(await panel(page, 'Finalized days').getByRole('table').count()).toBe(0);
  await page.getByRole('button', { name: 'Finalize…' }).click();
  await dialog.getByRole('button', { name: 'Finalize it' }).click();
  await page.getByText(`${day} is finalized: 1 events of 1 agents were compared`).waitFor();
  const days = panel(page, 'Finalized days').getByRole('table');
  await days.waitFor();
  expect((await rowsOf(days)).get(day)?.slice(1, 4)).toEqual(['of-the-day', '1', '1']);
  await page.getByLabel('UTC day').fill('2026-01-01');
  await page.getByRole('button', { name: 'Finalize…' }).click();
  const refused = page.getByRole('dialog', { name: 'Finalize 2026-01-01?' });
  await refused.getByRole('button', { name: 'Finalize it' }).click();
  await refused.getByRole('alert').filter({ hasText: '400' }).waitFor();
});

inChromium('where the configuration has the keys the page says so', async () => {
  const page = await open(ours());
  await panel(page, 'API keys').getByRole('alert').filter({ hasText: 'keys_configured' }).waitFor();
});

inChromium('what was erased is listed, and can be asked for by who knows the id', async () => {
  await sendEvents(collector, [{ type: 'run.completed', agent_id: 'scout', run_id: 'erased-run' }]);
  await expect.poll(() => status('/api/v1/runs/erased-run')).toBe(200);
  await fetch(`${collector.url}/api/v1/runs/erased-run`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${testKey}` },
  });
  const page = await open(ours());
  const table = panel(page, 'Erasures').getByRole('table');
  await table.waitFor();
  expect(await table.innerText()).toContain('run');
  await page.getByLabel('Run or person').fill('never-erased');
  await page.getByText('Nothing was erased of a run or person of this id.').waitFor();
  await page.getByLabel('Run or person').fill('erased-run');
  await table.waitFor();
  expect(page.url()).toContain('erased=erased-run');
});

inChromium('while the engine is away the page says what is not well and what to do, and comes back', async () => {
  const page = await open(ours());
  await panel(page, 'Health').getByText('Everything works.').waitFor();
  process.kill(collector.enginePid()!, 'SIGKILL');
  await page.reload();
  await panel(page, 'Health').getByText('What to do:').first().waitFor();
  await panel(page, 'Health').getByText('Everything works.').waitFor();
});

inChromium.each([
  ['light', 1_280],
  ['dark', 360],
] as const)('axe finds nothing, %s at %i px', async (theme, width) => {
  const page = await open({ theme, width });
  await panel(page, 'Finalized days').getByText('as of').waitFor();
  await panel(page, 'Tables and disk').getByRole('table').waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  expect(await axeFindings(page)).toEqual([]);
});

async function status(path: string): Promise<number> {
  const response = await fetch(`${collector.url}${path}`, { headers: { authorization: `Bearer ${testKey}` } });
  return response.status;
}

test('the accounts have a line for every number of the ledger', () => {
  const ledger: Answers['EventLedger'] = {
    received: 100,
    durable: 60,
    duplicate: 10,
    rejected: 15,
    refused: 5,
    underway: 7,
    recovered: 4,
    inserted: 50,
    spooled: 12,
    quarantined: 1,
    balanced: false,
    intake_difference: 3,
    delivery_difference: 1,
  };
  for (const { left, right, difference } of accountsOf(ledger)) {
    const sum = (entries: typeof left) => entries.reduce((total, { count }) => total + count, 0);
    expect(sum(left) - sum(right)).toBe(difference);
  }
});

test('details are told in their units, and what is not well has a remedy', () => {
  expect(detailValue('rss_bytes', 341_147_648)).toBe('341 MB');
  expect(detailValue('used_ratio', 0.3937)).toBe('39.37 %');
  expect(detailValue('ping_ms', 15.499925)).toBe('15 ms');
  expect(detailValue('pid', 12_550)).toBe('12550');
  expect(detailValue('ready', true)).toBe('yes');
  expect(detailValue('error_code', null)).toBe('–');
  expect(detailName('quarantinedSegments')).toBe('quarantined segments');
  expect(detailName('drift_since_start_ms')).toBe('drift since start');
  expect(remedyOf({ name: 'disk', status: 'healthy' })).toBeNull();
  expect(remedyOf({ name: 'disk', status: 'degraded' })).toContain('Free space');
  expect(remedyOf({ name: 'new one', status: 'unhealthy' })).toContain('log');
});
