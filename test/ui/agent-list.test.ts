import type { Page } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Answers } from '../../src/ui/api/client.js';
import { formatCount, formatPercent } from '../../src/ui/format/numbers.js';
import { axeFindings } from '../support/axe.js';
import { collectorOfFile } from '../support/collector-of-file.js';
import { testKey } from '../support/collector-process.js';
import { sendEvents } from '../support/live-client.js';
import { hostileText } from '../support/ui-history.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';
import { askUiApi, sentEvents } from '../support/ui-sent.js';

const rows = (page: Page) => page.locator('[data-agent]');
const idsOf = (page: Page) => rows(page).evaluateAll((all) => all.map((row) => row.getAttribute('data-agent')));

describe.skipIf(noBrowser)('the agents, in Chromium (skipped where it is not installed)', () => {
  const pages = new UiPages();
  afterEach(() => pages.quiet());

  test('all that sent an event are there, with the numbers of the API', async () => {
    const page = await pages.open('/agents');
    await rows(page).first().waitFor();
    const { agents } = await askUiApi<Answers['ListAgentsAnswer']>('/api/v1/agents?limit=100');
    const sent = new Set(sentEvents().map(({ agent_id }) => agent_id));
    expect(new Set(await idsOf(page))).toEqual(sent);
    expect(await idsOf(page)).toEqual(agents.map(({ agent_id }) => agent_id));
    for (const of of agents) {
      const row = rows(page).nth(agents.indexOf(of));
      const cells = (await row.locator(':scope > *').allInnerTexts()).slice(1, 4);
      expect(cells, of.agent_id).toEqual([
        formatCount(of.executions_24h),
        formatCount(of.failed_24h),
        formatPercent(of.success_rate_24h),
      ]);
    }
    expect(await page.locator('main').innerText()).toContain('as of');
    await rows(page).getByRole('link', { name: hostileText }).waitFor();
  });

  test('a filter is in the address, takes names as well as ids, and says when nothing has it', async () => {
    const page = await pages.open('/agents');
    await rows(page).first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('OPS B');
    await expect.poll(() => idsOf(page)).toEqual(['ops-bot']);
    expect(new URL(page.url()).search).toBe('?q=OPS+B');
    const copied = await pages.open('/agents?q=OPS+B');
    await expect.poll(() => idsOf(copied)).toEqual(['ops-bot']);
    await page.getByLabel('Id or name').fill('nobody at all');
    await page.getByText('No agent has this in its id or name.').waitFor();
  });

  test('a column sorts by what one looks for, and Back undoes it', async () => {
    const page = await pages.open('/agents');
    await rows(page).first().waitFor();
    const byId = await idsOf(page);
    await page.getByRole('button', { name: 'Executions' }).click();
    const { agents } = await askUiApi<Answers['ListAgentsAnswer']>('/api/v1/agents?limit=100');
    const most = Math.max(...agents.map(({ executions_24h }) => executions_24h));
    const busiest = agents.find(({ executions_24h }) => executions_24h === most)!.agent_id;
    await expect.poll(async () => (await idsOf(page))[0]).toBe(busiest);
    expect(new URL(page.url()).search).toBe('?sort=executions');
    await page.goBack();
    await expect.poll(() => idsOf(page)).toEqual(byId);
  });

  test('keys walk the rows, and Enter opens one', async () => {
    const page = await pages.open('/agents?sort=seen');
    await rows(page).first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    const chosen = (await idsOf(page))[1]!;
    await page.locator('[data-agent].bg-accent-soft').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`${inject('ui').url}/agents/${encodeURIComponent(chosen)}`);
  });

  test.each(['light', 'dark'] as const)('axe finds nothing wrong, %s', async (theme) => {
    const page = await pages.open('/agents', { theme });
    await rows(page).first().waitFor();
    expect(await axeFindings(page)).toEqual([]);
  });
});

describe.skipIf(noBrowser)('the agents of a tenant with more than a page of them', () => {
  const pages = new UiPages();
  const collector = collectorOfFile();
  const ids = Array.from({ length: 250 }, (_, index) => `agent-${String(index).padStart(3, '0')}`);
  const open = (path: string) => pages.open(path, { url: collector.url, key: testKey });
  beforeAll(async () => {
    if (noBrowser) return;
    const empty = await pages.open('/agents', { url: collector.url, key: testKey });
    await empty.getByText('No event has come to this collector yet.').waitFor();
    await sendEvents(
      collector,
      ids.map((agent_id) => ({ agent_id, agent_name: `Name ${agent_id}`, type: 'task.completed', task_id: 't' })),
    );
    // It turns into data by itself.
    await rows(empty).first().waitFor();
  });
  afterEach(() => pages.quiet());

  test('all are reached by scrolling, and few are in the document', async () => {
    const page = await open('/agents');
    await rows(page).first().waitFor();
    const list = page.getByRole('region', { name: 'Agents' });
    const seen = new Set<string | null>();
    await expect
      .poll(async () => {
        await list.evaluate((box) => box.scrollBy(0, 300));
        const drawn = await idsOf(page);
        expect(drawn.length).toBeLessThan(60);
        for (const id of drawn) seen.add(id);
        return seen.size;
      })
      .toBe(ids.length);
    expect(await page.locator('main').innerText()).toContain('250 agents');
  });

  test('a filter finds those of the last page', async () => {
    const page = await open('/agents?q=name+agent-24');
    await expect.poll(() => idsOf(page)).toEqual(ids.slice(240));
    expect(await page.locator('main').innerText()).toContain('10 of 250 agents');
  });
});
