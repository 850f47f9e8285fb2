import type { Page } from 'playwright-core';
import { afterEach, describe, expect, inject, test } from 'vitest';
import type { Answers } from '../../src/ui/api/client.js';
import { formatCost, formatCount, formatPercent } from '../../src/ui/format/numbers.js';
import { axeFindings } from '../support/axe.js';
import { collectorOfFile } from '../support/collector-of-file.js';
import { testKey } from '../support/collector-process.js';
import { sendEvents } from '../support/live-client.js';
import { hostileText } from '../support/ui-history.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';
import { legendOf, panelOf, rowsOf, statOf, statText } from '../support/ui-reading.js';
import { sentExecutions } from '../support/ui-sent.js';

type Dashboard = Answers['GetDashboardAnswer'];

const dashboardPath = '/api/v1/metrics/dashboard';

describe.skipIf(noBrowser)('the overview, in Chromium (skipped where it is not installed)', () => {
  const pages = new UiPages();
  afterEach(() => pages.quiet());

  test('each window says what was sent and what the API counts', async () => {
    const { page, dashboard } = await openWithDashboard(pages, '/');
    for (const [window, title] of [
      ['24h', 'Last 24 hours'],
      ['7d', 'Last 7 days'],
      ['30d', 'Last 30 days'],
    ] as const) {
      const of = dashboard.executions[window];
      const sent = sentExecutions(of);
      expect([of.total_executions, of.failed_executions], window).toEqual([sent.total, sent.failed]);
      const panel = panelOf(page, title);
      await expect.poll(() => statText(panel, 'Executions')).toBe(formatCount(sent.total));
      expect(await statText(panel, 'Failed')).toBe(formatCount(sent.failed));
      const rate = (100 * sent.successful) / (sent.successful + sent.failed);
      expect(await statText(panel, 'Success rate')).toBe(formatPercent(Number(rate.toFixed(2))));
      expect(await statText(panel, 'Tokens')).toBe(formatCount(of.tokens.total));
      expect(await statText(panel, 'Cost')).toBe(formatCost(of.cost_cents));
      expect(await statOf(panel, 'Cost').innerText()).toContain(
        `${formatCount(of.tokens_unpriced)} tokens have no price`,
      );
      expect(await panel.innerText()).toContain('as of');
    }
  });

  test('top agents are in the order of the API, each a link to the agent', async () => {
    const { page, dashboard } = await openWithDashboard(pages, '/');
    const panel = panelOf(page, 'Top agents, 7 days');
    await panel.getByRole('link').first().waitFor();
    expect(dashboard.top_performing_agents.length).toBeGreaterThan(3);
    expect((await rowsOf(panel, 'Top agents')).map(([agent, executions]) => [agent, executions])).toEqual(
      dashboard.top_performing_agents.map((of) => [of.agent_name, formatCount(of.total_executions)]),
    );
    await panel.getByRole('link', { name: 'Scout' }).click();
    await page.getByRole('heading', { name: 'Scout', level: 1 }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/agents/scout');
  });
});

describe.skipIf(noBrowser)('the trends of the overview', () => {
  const pages = new UiPages();
  afterEach(() => pages.quiet());

  test('trends are hourly or daily by the address, and the arrow keys read each bucket', async () => {
    const { page, dashboard } = await openWithDashboard(pages, '/');
    const chart = (label: string) => page.getByRole('img', { name: label });
    await chart('Executions, hourly').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    const second = dashboard.hourly[1]!;
    await expect.poll(() => legendOf(chart('Executions, hourly'))).toEqual({ at: second.at, values: partsOf(second) });
    // The cursor of all charts is one.
    await expect
      .poll(() => legendOf(chart('Success rate, hourly')))
      .toEqual({ at: second.at, values: [formatPercent(second.success_rate)] });

    await page.getByRole('button', { name: 'daily' }).click();
    await chart('Executions, daily').focus();
    expect(new URL(page.url()).search).toBe('?trend=daily');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    const yesterday = dashboard.execution_trends.at(-2)!;
    await expect
      .poll(() => legendOf(chart('Executions, daily')))
      .toEqual({ at: yesterday.at, values: partsOf(yesterday) });
    await page.goBack();
    await chart('Executions, hourly').waitFor();
  });

  test('a range drawn over a trend shows the runs of it, in whole buckets', async () => {
    const { page, dashboard } = await openWithDashboard(pages, '/?trend=daily');
    const plot = page.getByRole('img', { name: 'Tokens, daily' }).locator('.u-over');
    await plot.scrollIntoViewIfNeeded();
    const box = (await plot.boundingBox())!;
    const day = box.width / dashboard.execution_trends.length;
    await page.mouse.move(box.x + 25.4 * day, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 27.6 * day, box.y + 50, { steps: 5 });
    await page.mouse.up();
    await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
    const query = new URL(page.url()).searchParams;
    const days = dashboard.execution_trends.map(({ at }) => at);
    expect([query.get('from'), query.get('to')]).toEqual([days[25], days[28]]);
  });

  test.each(['light', 'dark'] as const)('axe finds nothing wrong, %s', async (theme) => {
    const { page } = await openWithDashboard(pages, '/', theme);
    await page.getByRole('img', { name: 'Cost, hourly' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
  });
});

describe.skipIf(noBrowser)('the overview of a store that changes', () => {
  const pages = new UiPages();
  const collector = collectorOfFile();
  afterEach(() => pages.quiet());

  test('it begins empty, and turns into data by itself', async () => {
    const page = await pages.open('/', { url: collector.url, key: testKey });
    await page.getByText('No event has come to this collector yet.').waitFor();
    expect(await page.getByRole('link', { name: 'Send the first one' }).getAttribute('href')).toBe('/try');
    expect(await axeFindings(page)).toEqual([]);
    await sendEvents(collector, [{ type: 'task.completed', agent_id: 'first', task_id: 't', duration_ms: 10 }]);
    await expect.poll(() => statText(panelOf(page, 'Last 24 hours'), 'Executions')).toBe('1');
  });

  test('runs under way come and go by the socket, each a link to its run', async () => {
    const page = await pages.open('/', { url: collector.url, key: testKey });
    const panel = panelOf(page, /^Running now/);
    await panel.getByText('No run is under way.').waitFor();
    const now = Date.now();
    const runs = [
      { agent_id: 'first', run_id: 'later', ts: now - 5_000 },
      { agent_id: hostileText, run_id: hostileText, ts: now - 9_000 },
    ];
    await sendEvents(
      collector,
      runs.map((run) => ({ ...run, type: 'run.started' })),
    );
    await panel.getByRole('heading', { name: 'Running now (2)' }).waitFor();
    await expect.poll(() => statText(panelOf(page, 'Now'), 'Runs under way')).toBe('2');
    expect((await panel.locator('tbody tr td:nth-child(1)').allInnerTexts()).map((text) => text.trim())).toEqual([
      hostileText,
      'later',
    ]);
    expect(await panel.getByRole('link', { name: 'later' }).getAttribute('href')).toBe('/runs/later');
    await sendEvents(
      collector,
      runs.map(({ ts: _, ...run }) => ({ ...run, type: 'run.completed' })),
    );
    await panel.getByText('No run is under way.').waitFor();
  });

  test('an agent that fails often is named with the reason in words', async () => {
    const now = Date.now();
    const ended = Array.from({ length: 40 }, (_, index) => {
      const task = { agent_id: hostileText, agent_name: hostileText, task_id: `t${index}`, ts: now - index * 60_000 };
      return index < 10
        ? { ...task, type: 'task.failed', error_category: 'tool' }
        : { ...task, type: 'task.completed' };
    });
    await sendEvents(collector, ended);
    await expect.poll(() => storedExecutions(hostileText)).toBe(40);
    const page = await pages.open('/', { url: collector.url, key: testKey });
    const panel = panelOf(page, 'Agents with issues (1)');
    await panel.getByRole('link', { name: hostileText, exact: true }).waitFor();
    const text = await panel.innerText();
    expect(text).toContain('High error rate');
    expect(text).toContain('10 of 40 failed; 20 % or more is an issue');
    expect(text).toContain('25 % failed in 24 h');
  });

  async function storedExecutions(agentId: string): Promise<number> {
    const { agents } = await collector.get<Answers['ListAgentsAnswer']>('/api/v1/agents');
    return agents.find(({ agent_id }) => agent_id === agentId)?.executions_24h ?? 0;
  }
});

describe.skipIf(noBrowser)('the overview while the store is away', () => {
  const pages = new UiPages();
  const collector = collectorOfFile();
  afterEach(() => pages.quiet());

  test('an event that cannot be delivered is told by its age, until it is delivered', async () => {
    const page = await pages.open('/', { url: collector.url, key: testKey });
    const undelivered = () => statOf(panelOf(page, 'Now'), 'Oldest undelivered event').innerText();
    await expect.poll(undelivered).toContain('None');
    const engine = collector.enginePid()!;
    process.kill(engine, 'SIGSTOP');
    await sendEvents(collector, [{ type: 'task.completed', agent_id: 'first', task_id: 'waits' }]);
    await expect.poll(undelivered).toMatch(/ ago\n1 on the way to the store/);
    // What hangs is killed and started anew, by the collector too.
    if (collector.enginePid() === engine) process.kill(engine, 'SIGKILL');
    await expect.poll(undelivered).toContain('None');
  });
});

/** The page, and the answer that it shows: the first one is given again, so that no minute begins in between. */
async function openWithDashboard(
  pages: UiPages,
  path: string,
  theme: 'light' | 'dark' = 'light',
): Promise<{ readonly page: Page; readonly dashboard: Dashboard }> {
  const page = await pages.open('/try', { theme });
  let body = '';
  await page.route(`**${dashboardPath}`, async (route) => {
    if (body === '') body = await (await route.fetch()).text();
    await route.fulfill({ body, contentType: 'application/json' });
  });
  await page.goto(inject('ui').url + path);
  await panelOf(page, 'Last 24 hours').locator('dd').first().waitFor();
  return { page, dashboard: JSON.parse(body) as Dashboard };
}

function partsOf(point: Dashboard['hourly'][number]): string[] {
  return [point.successful_executions, point.failed_executions, point.cancelled_executions].map(formatCount);
}
