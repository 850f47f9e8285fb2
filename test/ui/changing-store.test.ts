import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { sendEvents } from '../support/live-client.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

const keys = { other: 'tdm_key_of_another_tenant', sender: 'tdm_key_that_may_only_send' } as const;

/** A collector of its own, empty at first: what is shown changes with what is sent to it. */
const look = test.skipIf(noBrowser);
const pages = new UiPages();
const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-ui-changing-'));
const collector = new CollectorProcess({
  dataDir,
  env: {
    TIDEMARK_MAINTENANCE_SCHEDULE: 'off',
    TIDEMARK_API_KEYS: `${testKey}:default:admin,${keys.other}:other:read,${keys.sender}:default:ingest`,
  },
});
beforeAll(async () => {
  if (!noBrowser) await collector.start();
});
afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});
afterEach(() => pages.quiet());

const open = (path: string, key: string | null = testKey): Promise<Page> =>
  pages.open(path, { url: collector.url, key });
const send = (...events: readonly object[]): Promise<void> => sendEvents(collector, events);
const lines = (page: Page) => page.getByRole('region', { name: 'Timeline' }).locator('[data-node]');

look('a run that goes on grows by itself, and ends before the eyes of who looks', async () => {
  const run = { agent_id: 'scout', run_id: 'grows' };
  const task = { ...run, task_id: 'task' };
  const step = { ...task, step_id: 'step', step_kind: 'llm' };
  await send({ ...run, type: 'run.started', name: 'grows' }, { ...task, type: 'task.running', name: 'collect' });
  await expect.poll(() => stored('/api/v1/runs/grows')).toBe(200);
  const page = await open('/runs/grows');
  await expect.poll(() => lines(page).count()).toBe(2);
  await expect.poll(() => page.locator('h1').innerText()).toContain('running');
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await expect.poll(() => asked.filter((path) => path.endsWith('/timeline')).length).toBeGreaterThan(0);
  const before = asked.length;
  await send({ ...step, type: 'step.started', name: 'chat' });
  await lines(page).filter({ hasText: 'chat' }).getByText('running', { exact: true }).waitFor();
  await send({ ...step, type: 'step.completed', duration_ms: 1_234, tokens_in: 100, tokens_out: 11 });
  await lines(page).filter({ hasText: 'chat' }).getByText('1.23 s').waitFor();
  await expect.poll(() => page.locator('dl').first().innerText()).toContain('Tokens\n111');
  // All of it came over the socket: the store was not asked.
  expect(asked.slice(before)).toEqual([]);
  await send({ ...task, type: 'task.completed' }, { ...run, type: 'run.completed', duration_ms: 5_000 });
  await expect.poll(() => page.locator('h1').innerText()).toContain('completed');
  // The critical path is the store's to tell.
  await expect.poll(() => page.locator('[data-node] .bg-ink').count()).toBeGreaterThan(0);
});

look('a run that is opened before it is in the store comes by itself', async () => {
  const page = await open('/runs/just-begun');
  await page.getByRole('heading', { name: 'There is no such run' }).waitFor();
  await send({ type: 'run.started', agent_id: 'scout', run_id: 'just-begun', name: 'begun just now' });
  await page.getByRole('heading', { name: 'begun just now' }).waitFor();
  await expect.poll(() => lines(page).count()).toBe(1);
});

look('a run of another tenant is as unknown as one that never was', async () => {
  await send({ type: 'run.completed', agent_id: 'scout', run_id: 'ours', duration_ms: 5 });
  await expect.poll(() => stored('/api/v1/runs/ours')).toBe(200);
  const page = await open('/runs/ours', keys.other);
  await page.getByRole('heading', { name: 'There is no such run' }).waitFor();
});

look('a key that may not read gets a page that says so, and can be changed', async () => {
  const page = await open('/runs', keys.sender);
  await page.getByRole('heading', { name: 'This key may not read' }).waitFor();
  await page.getByRole('button', { name: 'Use another key' }).click();
  await page.getByLabel('API key with the scope read').fill(testKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
});

look('erasing a run asks before it is done, and only who may is offered it', async () => {
  await send({ type: 'run.completed', agent_id: 'scout', run_id: 'to-erase', duration_ms: 5 });
  await expect.poll(() => stored('/api/v1/runs/to-erase')).toBe(200);
  const page = await open('/runs/to-erase');
  await page.getByRole('button', { name: 'Erase…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Erase this run?' });
  await dialog.getByRole('button', { name: 'Leave it' }).click();
  expect(await stored('/api/v1/runs/to-erase')).toBe(200);
  await page.getByRole('button', { name: 'Erase…' }).click();
  await dialog.getByRole('button', { name: 'Erase it for good' }).click();
  await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
  await expect.poll(() => stored('/api/v1/runs/to-erase')).toBe(404);
  const reader = await open('/runs/ours', keys.other);
  await reader.getByRole('heading', { name: 'There is no such run' }).waitFor();
  expect(await reader.getByRole('button', { name: 'Erase…' }).count()).toBe(0);
});

look('a new tab has the key of the other tabs, and forgets it when signed out', async () => {
  const page = await open('/');
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  const other = await page.context().newPage();
  await other.goto(`${collector.url}/runs`);
  await other.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
  await other.getByRole('button', { name: 'Sign out' }).click();
  await other.getByRole('heading', { name: 'Sign in to Tidemark' }).waitFor();
});

look('while the engine is away the page says so, and it comes back by itself', async () => {
  await send({ type: 'run.completed', agent_id: 'scout', run_id: 'survives', duration_ms: 5 });
  await expect.poll(() => stored('/api/v1/runs/survives')).toBe(200);
  process.kill(collector.enginePid()!, 'SIGKILL');
  const page = await open('/runs/survives');
  await page.getByRole('alert').filter({ hasText: '503' }).first().waitFor();
  await lines(page).first().waitFor();
  await expect.poll(() => page.getByRole('alert').count()).toBe(0);
});

async function stored(path: string): Promise<number> {
  const response = await fetch(`${collector.url}${path}`, { headers: { authorization: `Bearer ${testKey}` } });
  return response.status;
}
