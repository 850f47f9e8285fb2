import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { sendEvents } from '../support/live-client.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

const pages = new UiPages();
const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-ui-lists-'));
// An answer that is shared for a second does not have what was stored since.
const env = { TIDEMARK_MAINTENANCE_SCHEDULE: 'off', TIDEMARK_QUERY_CACHE_MS: '0' };
const collector = new CollectorProcess({ dataDir, env });
beforeAll(() => (noBrowser ? undefined : collector.start()));
afterAll(async () => {
  if (!noBrowser) await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});
afterEach(() => pages.quiet());

const open = (path: string): Promise<Page> => pages.open(path, { url: collector.url, key: testKey });
const send = (...events: readonly object[]): Promise<void> => sendEvents(collector, events);
const table = (page: Page, name = 'Runs') => page.getByRole('table', { name });
const rowOf = (page: Page, id: string, name = 'Runs') =>
  table(page, name)
    .getByRole('row')
    .filter({ has: page.getByTitle(id, { exact: true }) });
/** It asks once more when it listens: for what was told before. */
async function untilListening(page: Page): Promise<void> {
  await page.getByTitle('What is new is told as it comes').waitFor();
  await expect
    .poll(() =>
      page.evaluate(
        () =>
          performance.getEntriesByType('resource').filter(({ name }) => /\/api\/v1\/(runs|.*tasks)\?/.test(name))
            .length,
      ),
    )
    .toBeGreaterThan(1);
}

/** What a page is answered is what there is now, until the store catches up. */
async function storeBehind(page: Page, questions: readonly string[]): Promise<{ catchUp(): void }> {
  const kept = new Map<string, string>();
  for (const question of questions) kept.set(question.split('?')[0]!, await (await ask(question)).text());
  let isBehind = true;
  await page.route(/\/api\/v1\//, async (route) => {
    const body = kept.get(new URL(route.request().url()).pathname);
    if (isBehind && body !== undefined) await route.fulfill({ body, contentType: 'application/json' });
    else await route.continue();
  });
  return {
    catchUp: () => {
      isBehind = false;
    },
  };
}

const runList = /\/api\/v1\/runs\?/;
const pill = (page: Page, text: string) => page.getByRole('button', { name: text });

const ask = (path: string): Promise<Response> =>
  fetch(`${collector.url}${path}`, { headers: { authorization: `Bearer ${testKey}` } });

/** Waits until the store has it. */
async function untilStored(path: string): Promise<void> {
  await expect.poll(async () => (await ask(path)).status).toBe(200);
}

/** Lists are read from other tables, which an insert fills later. */
async function untilListed(list: string, id: string): Promise<void> {
  await expect.poll(async () => await (await ask(list)).text()).toContain(`"${id}"`);
}

const untilRunIsListed = (agent: string, run: string) => untilListed(`/api/v1/runs?agent_id=${agent}`, run);

async function sendRuns(agent: string, count: number): Promise<void> {
  const runs = Array.from({ length: count }, (_, index) => ({
    agent_id: agent,
    run_id: `${agent}-${index}`,
    type: 'run.completed',
    ts: Date.now() - 3_600_000 + index,
    duration_ms: 10,
  }));
  await send(...runs);
  await untilRunIsListed(agent, `${agent}-${count - 1}`);
}

describe.skipIf(noBrowser)('lists while something happens, in Chromium (skipped where it is not installed)', () => {
  test('an empty collector says so, and its lists turn into data by themselves, however late', async () => {
    const runs = await open('/runs');
    await runs.getByText('No event has come to this collector yet.').waitFor();
    const tasks = await open('/tasks');
    await tasks.getByText('No event has come to this collector yet.').waitFor();
    const late = await open('/runs');
    await late.getByText('No event has come to this collector yet.').waitFor();
    const store = await storeBehind(late, ['/api/v1/agents?limit=1', '/api/v1/runs?limit=1']);
    const run = { agent_id: 'first', run_id: 'first-run' };
    await send({ ...run, type: 'run.started' }, { ...run, task_id: 'first-task', type: 'task.running' });
    await rowOf(runs, 'first-run').waitFor();
    await rowOf(tasks, 'first-task', 'Tasks').waitFor();
    // For longer than what was heard of is waited for.
    await late.waitForTimeout(13_000);
    await late.getByText('No event has come to this collector yet.').waitFor();
    store.catchUp();
    await rowOf(late, 'first-run').waitFor();
    const filtered = await open('/runs?agent_id=soon&range=24h');
    await filtered.getByText('No run of this range is one the filter holds for.').waitFor();
    await untilListening(filtered);
    await send({ agent_id: 'soon', run_id: 'second-run', type: 'run.completed', duration_ms: 5 });
    await rowOf(filtered, 'second-run').waitFor();
  });

  test('new runs wait in a pill while one reads, and are shown on top when one asks for them', async () => {
    await sendRuns('reader', 150);
    const page = await open('/runs?agent_id=reader');
    await rowOf(page, 'reader-149').waitFor();
    await untilListening(page);
    await table(page).evaluate((box) => box.scrollTo(0, 720));
    await rowOf(page, 'reader-125').waitFor();
    // Within its list: what is above that may come later.
    const place = async () => {
      const [row, list] = [await rowOf(page, 'reader-125').boundingBox(), await table(page).boundingBox()];
      return row!.y - list!.y;
    };
    const before = await place();
    await send(
      { agent_id: 'reader', run_id: 'fresh-1', type: 'run.started' },
      { agent_id: 'reader', run_id: 'fresh-2', type: 'run.started' },
      { agent_id: 'other', run_id: 'not-of-the-filter', type: 'run.started' },
    );
    await pill(page, '2 new runs').waitFor();
    expect(await place()).toBe(before);
    await untilRunIsListed('reader', 'fresh-2');
    await pill(page, '2 new runs').click();
    await rowOf(page, 'fresh-2').waitFor();
    expect(await table(page).evaluate((box) => box.scrollTop)).toBe(0);
    await expect.poll(() => pill(page, 'new run').count()).toBe(0);
    expect(await table(page).getAttribute('aria-rowcount')).toBe('153');
  });
});

describe.skipIf(noBrowser)('a list and a run under way, in Chromium (skipped where it is not installed)', () => {
  test('a run under way grows by itself and ends before the eyes of who looks, without asking the store', async () => {
    const run = { agent_id: 'grower', run_id: 'grows' };
    await send({ ...run, type: 'run.started', ts: Date.now() - 61_000 });
    await untilRunIsListed('grower', 'grows');
    const page = await open('/runs?agent_id=grower');
    const row = rowOf(page, 'grows');
    await row.getByText('running').waitFor();
    const first = await row.getByTitle('So far').innerText();
    await expect.poll(() => row.getByTitle('So far').innerText()).not.toBe(first);
    await untilListening(page);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await send(
      { ...run, type: 'step.completed', step_id: 's', duration_ms: 5, tokens_in: 4_000, tokens_out: 321 },
      { ...run, type: 'run.failed', error_category: 'tool', duration_ms: 70_000 },
    );
    await row.getByTitle('Ended in a failure').waitFor();
    await row.getByText('4,321', { exact: true }).waitFor();
    await row.getByText('1 m 10 s').waitFor();
    expect(asked).toEqual([]);
  });
});

describe.skipIf(noBrowser)(
  'lists that are paused and tasks that end, in Chromium (skipped where it is not installed)',
  () => {
    test('paused, the list hears of nothing, and the pause is in the address', async () => {
      await sendRuns('paused', 3);
      const page = await open('/runs?agent_id=paused');
      await rowOf(page, 'paused-2').waitFor();
      await page.getByRole('button', { name: 'Live: pause' }).click();
      await expect.poll(() => page.url()).toContain('live=off');
      const other = await open('/runs?agent_id=paused');
      await untilListening(other);
      await send({ agent_id: 'paused', run_id: 'unheard', type: 'run.started' });
      await pill(other, '1 new run').waitFor();
      expect(await pill(page, 'new run').count()).toBe(0);
      await untilRunIsListed('paused', 'unheard');
      await page.keyboard.press('r');
      await rowOf(page, 'unheard').waitFor();
    });
    test('a task that ends is told so in the list, and on its own page with what it came to', async () => {
      const task = { agent_id: 'tasker', run_id: 'tasks', task_id: 'ends' };
      await send({ ...task, type: 'task.running', name: 'collect', labels: { team: 'blue', stage: '' } });
      await untilListed('/api/v1/monitoring/tasks?run_id=tasks', 'ends');
      const list = await open('/tasks?run_id=tasks');
      await rowOf(list, 'ends', 'Tasks').getByText('running').waitFor();
      await untilListening(list);
      const page = await open('/tasks/ends?run_id=tasks');
      await page.getByRole('table', { name: 'Labels' }).getByRole('row').filter({ hasText: 'blue' }).waitFor();
      await page.getByRole('heading', { name: 'running' }).waitFor();
      const late = await open('/tasks/ends?run_id=tasks');
      await late.getByRole('heading', { name: 'running' }).waitFor();
      const store = await storeBehind(late, ['/api/v1/monitoring/tasks/ends?run_id=tasks']);
      await send({ ...task, type: 'task.completed', duration_ms: 4_200, outputs: { answer: 'forty two' } });
      await rowOf(list, 'ends', 'Tasks').getByText('completed').waitFor();
      await rowOf(list, 'ends', 'Tasks').getByText('4.2 s').waitFor();
      await page.getByRole('heading', { name: 'completed' }).waitFor();
      await page.getByRole('table', { name: 'Outputs' }).getByText('forty two').waitFor();
      // Asked when it was told of the end, and once more.
      await late.waitForTimeout(9_000);
      await late.getByRole('heading', { name: 'running' }).waitFor();
      store.catchUp();
      await late.getByRole('heading', { name: 'completed' }).waitFor();
    });

    test('tasks of the same id name each other, and the address tells which one is meant', async () => {
      for (const run of ['one', 'two'])
        await send({ agent_id: 'namer', run_id: run, task_id: 'same', name: `of ${run}`, type: 'task.running' });
      await untilStored('/api/v1/monitoring/tasks/same?run_id=one');
      await untilStored('/api/v1/monitoring/tasks/same?run_id=two');
      const page = await open('/tasks/same');
      await page.getByRole('heading', { name: 'of two' }).waitFor();
      await page.getByRole('region', { name: 'Others of the same id' }).getByRole('link', { name: 'one' }).click();
      await page.getByRole('heading', { name: 'of one' }).waitFor();
      expect(new URL(page.url()).search).toBe('?run_id=one');
      await page.getByRole('link', { name: 'Others of this id' }).click();
      await page.getByRole('heading', { name: 'of two' }).waitFor();
    });
  },
);

describe.skipIf(noBrowser)('answers that are a moment old, in Chromium (skipped where it is not installed)', () => {
  test('a run that was heard of and is not in the answer yet is asked for again by itself', async () => {
    await sendRuns('hasty', 3);
    const page = await open('/runs?agent_id=hasty');
    await rowOf(page, 'hasty-2').waitFor();
    await untilListening(page);
    const [answer] = await Promise.all([page.waitForResponse(runList), page.keyboard.press('r')]);
    const shared = { body: await answer.body(), contentType: 'application/json' };
    await send({ agent_id: 'hasty', run_id: 'hasty-new', type: 'run.started' });
    await untilRunIsListed('hasty', 'hasty-new');
    await page.route(runList, (route) => route.fulfill(shared), { times: 2 });
    await pill(page, '1 new run').click();
    await rowOf(page, 'hasty-new').waitFor();
    await expect.poll(() => pill(page, 'new run').count()).toBe(0);
  });

  test('a run that came before the page listened, and is not in its answer, comes by itself', async () => {
    await sendRuns('early', 3);
    const page = await open('/runs?agent_id=early');
    await rowOf(page, 'early-2').waitFor();
    const [answer] = await Promise.all([page.waitForResponse(runList), page.keyboard.press('r')]);
    const shared = { body: await answer.body(), contentType: 'application/json' };
    await send({ agent_id: 'early', run_id: 'early-missed', type: 'run.started' });
    await untilRunIsListed('early', 'early-missed');
    await page.route(runList, (route) => route.fulfill(shared), { times: 1 });
    await page.reload();
    await rowOf(page, 'early-missed').waitFor();
  });
});
