import type { Page } from 'playwright-core';
import { afterEach, describe, expect, inject, test } from 'vitest';
import type { Answers } from '../../src/ui/api/client.js';
import { formatDuration } from '../../src/ui/format/durations.js';
import { formatBytes, formatCost, formatCount, formatPercent, formatRatio } from '../../src/ui/format/numbers.js';
import { axeFindings } from '../support/axe.js';
import { collectorOfFile } from '../support/collector-of-file.js';
import { testKey } from '../support/collector-process.js';
import { untilDayHasLeft } from '../support/day-left.js';
import { sendEvents } from '../support/live-client.js';
import { hostileText, longId, type UiEvent } from '../support/ui-history.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';
import { legendOf, panelOf, rowsOf, statOf, statText } from '../support/ui-reading.js';
import { askUiApi, sentEvents, sentExecutions } from '../support/ui-sent.js';

const agent = 'ops-bot';
const isOf = ({ agent_id }: UiEvent) => agent_id === agent;

/** A range that ends before the history was sent, so that no answer changes while it is looked at. */
function pastRange(): { readonly from: string; readonly to: string; readonly query: string } {
  const hourMs = 3_600_000;
  const end = Math.floor(inject('ui').nowMs / hourMs) * hourMs;
  const [from, to] = [end - 96 * hourMs, end].map((at) => new Date(at).toISOString()) as [string, string];
  return { from, to, query: new URLSearchParams({ from, to }).toString() };
}

/** How long the range is that the fields of the page say, in the zone of its browser. */
async function pickedHours(page: Page): Promise<number> {
  const field = (name: string) =>
    page.getByLabel(name, { exact: true }).evaluate((of) => Date.parse((of as HTMLInputElement).value));
  return ((await field('To')) - (await field('From'))) / 3_600_000;
}

async function openAgent(pages: UiPages, query = '', theme: 'light' | 'dark' = 'light'): Promise<Page> {
  const page = await pages.open(`/agents/${agent}${query}`, { theme });
  await statOf(panelOf(page, 'In the range'), 'p95').waitFor();
  return page;
}

describe.skipIf(noBrowser)('one agent, in Chromium (skipped where it is not installed)', () => {
  const pages = new UiPages();
  afterEach(() => pages.quiet());

  test('the numbers of a picked range are what was sent and what the API tells', async () => {
    const range = pastRange();
    const page = await openAgent(pages, `?${range.query}`);
    const told = await askUiApi<Answers['GetAgentMetricsAnswer']>(`/api/v1/agents/${agent}/metrics?${range.query}`);
    const sent = sentExecutions(range, isOf);
    expect([told.total_executions, told.failed_executions]).toEqual([sent.total, sent.failed]);
    const panel = panelOf(page, 'In the range');
    const shown: Record<string, string> = {};
    const names = ['Executions', 'Success rate', 'Error rate', 'p50', 'p95', 'p99', 'Tokens', 'Cost', 'Model calls'];
    for (const name of names) shown[name] = await statText(panel, name);
    expect(shown).toEqual({
      Executions: formatCount(sent.total),
      'Success rate': formatPercent(told.success_rate),
      'Error rate': formatPercent(told.error_rate),
      p50: formatDuration(told.execution_times.p50_ms),
      p95: formatDuration(told.execution_times.p95_ms),
      p99: formatDuration(told.execution_times.p99_ms),
      Tokens: formatCount(told.tokens.total),
      Cost: formatCost(told.cost_cents),
      'Model calls': formatCount(told.llm_calls),
    });
    expect(await statText(panel, 'Mean confidence')).toBe(formatRatio(told.avg_confidence));
    expect(await statText(panel, 'Most memory')).toBe(formatBytes(told.max_memory_mb! * 1_000_000));
    expect(await statOf(panel, 'Cost').innerText()).toContain(`${formatCount(told.tokens_unpriced)} tokens have no`);
    const { first } = told.trend_halves;
    expect(await panel.innerText()).toContain(`of the earlier ${formatCount(first.executions)} executions succeeded`);
  });

  test('errors are grouped as they were sent, with what became of them', async () => {
    const range = pastRange();
    const page = await openAgent(pages, `?${range.query}`);
    const sent = new Map<string, number>();
    for (const event of sentEvents()) {
      if (!isOf(event) || event.type !== 'task.failed') continue;
      if (event.ts < Date.parse(range.from) || event.ts >= Date.parse(range.to)) continue;
      const code = String(event.error_code);
      sent.set(code, (sent.get(code) ?? 0) + 1);
    }
    const panel = panelOf(page, 'Errors');
    await panel.locator('tbody tr').first().waitFor();
    const rows = await rowsOf(panel, 'Groups of errors');
    const counted = rows.map(([error, count]) => [error!.split(', ').at(-1), Number(count)] as const);
    expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(sent));
    // No task of the history is tried again under its id: all failed for good.
    for (const [, count, recovered, forGood] of rows) expect([recovered, forGood]).toEqual(['0', count]);
    const link = await panel.getByRole('link').first().getAttribute('href');
    expect(link).toContain(`agent_id=${agent}&category=`);
  });
});

describe.skipIf(noBrowser)('the groups of an agent', () => {
  const pages = new UiPages();
  afterEach(() => pages.quiet());

  test('versions and environments are compared by what was sent of them', async () => {
    const range = pastRange();
    const page = await openAgent(pages, `?${range.query}`);
    const panel = panelOf(page, 'Compared');
    for (const [grouping, field] of [
      ['version', 'agent_version'],
      ['environment', 'environment'],
    ] as const) {
      await panel.getByRole('button', { name: grouping }).click();
      const table = panel.getByRole('region', { name: `By ${grouping}` });
      await table.locator('tbody tr').first().waitFor();
      const rows = await rowsOf(panel, `By ${grouping}`);
      const values = new Set(
        sentEvents()
          .filter(isOf)
          .map((event) => String(event[field])),
      );
      expect(rows.map(([value]) => value).toSorted()).toEqual([...values].toSorted());
      for (const [value, executions, , failed] of rows) {
        const sent = sentExecutions(range, (event) => isOf(event) && event[field] === value);
        expect([executions, failed], value).toEqual([formatCount(sent.total), formatCount(sent.failed)]);
      }
    }
    expect(new URL(page.url()).searchParams.get('compare')).toBe('environment');
    await page.goBack();
    await panel.getByRole('region', { name: 'By version' }).waitFor();
  });
});

describe.skipIf(noBrowser)('the range of an agent', () => {
  const pages = new UiPages();
  afterEach(() => pages.quiet());

  test('ranges and kinds of numbers are in the address, and Back undoes them', async () => {
    const page = await openAgent(pages);
    const panel = panelOf(page, 'In the range');
    // The page and the answer it is compared with are of one day.
    await untilDayHasLeft(10_000);
    await page.getByRole('button', { name: '1d', exact: true }).first().click();
    await page.getByRole('button', { name: 'aggregated' }).click();
    await panel.getByText('whole UTC days').waitFor();
    expect(new URL(page.url()).search).toBe('?range=1d&type=aggregated');
    const told = await askUiApi<Answers['GetAgentMetricsAnswer']>(
      `/api/v1/agents/${agent}/metrics?time_range=1d&metric_type=aggregated`,
    );
    const executions = `Executions\n${formatCount(told.total_executions)}`;
    if (told.total_executions > 0) await expect.poll(() => panel.innerText()).toContain(executions);
    else await panel.getByText('Nothing of this agent ended in this range.').waitFor();
    await page.goBack();
    await panel.getByText('to the minute').waitFor();
    await page.goBack();
    expect(new URL(page.url()).search).toBe('');
    expect(await page.getByRole('button', { name: '7d' }).getAttribute('aria-pressed')).toBe('true');
  });

  test('charts read as the series of the API, by one cursor', async () => {
    const range = pastRange();
    const page = await openAgent(pages, `?${range.query}&step=1h`);
    const { points } = await askUiApi<Answers['GetAgentSeriesAnswer']>(
      `/api/v1/agents/${agent}/series?${range.query}&step=1h&metric=successful,failed,cancelled,p50_ms,p95_ms,p99_ms`,
    );
    const chart = (name: string) => page.getByRole('img', { name: `${name} over time` });
    await chart('Executions').focus();
    await page.keyboard.press('Home');
    for (let index = 0; index < 12; index++) {
      const point = points[index]!;
      const counts = [point.successful, point.failed, point.cancelled].map(formatCount);
      const times = [point.p50_ms, point.p95_ms, point.p99_ms].map(formatDuration);
      await expect.poll(() => legendOf(chart('Executions'))).toEqual({ at: point.at, values: counts });
      await expect.poll(() => legendOf(chart('Execution times'))).toEqual({ at: point.at, values: times });
      await page.keyboard.press('ArrowRight');
    }
  });

  test('a range drawn over a chart becomes that of the page, and Back undoes it', async () => {
    const range = pastRange();
    const page = await openAgent(pages, `?${range.query}&step=1h`);
    const plot = page.getByRole('img', { name: 'Cost over time' }).locator('.u-over');
    await plot.scrollIntoViewIfNeeded();
    const box = (await plot.boundingBox())!;
    const hour = box.width / 96;
    await page.mouse.move(box.x + 20.5 * hour, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + 30.5 * hour, box.y + 30, { steps: 5 });
    await page.mouse.up();
    const drawn = new URL(page.url()).searchParams;
    const hours = (of: string) => (Date.parse(drawn.get(of)!) - Date.parse(range.from)) / 3_600_000;
    expect([hours('from'), hours('to')]).toEqual([20, 31]);
    const within = { from: drawn.get('from')!, to: drawn.get('to')! };
    const sent = sentExecutions(within, isOf);
    const executions = () => statText(panelOf(page, 'In the range'), 'Executions');
    await expect.poll(executions).toBe(formatCount(sent.total));
    expect(await pickedHours(page)).toBe(11);
    await page.goBack();
    await expect.poll(executions).toBe(formatCount(sentExecutions(range, isOf).total));
    await expect.poll(() => pickedHours(page)).toBe(96);
  });
});

describe.skipIf(noBrowser)('what else is told of an agent', () => {
  const pages = new UiPages();
  afterEach(() => pages.quiet());

  test('memory is what was sent, patterns and runs lead to theirs', async () => {
    const page = await openAgent(pages);
    const count = (type: string) => sentEvents().filter((event) => isOf(event) && event.type === type).length;
    const memory = panelOf(page, 'Memory');
    await expect.poll(() => memory.innerText()).toContain(`${count('memory.stored')} of all time`);
    expect(await memory.innerText()).toContain(`${count('memory.recalled')} of all time`);
    const sent = new Set(
      sentEvents()
        .filter((event) => isOf(event) && event.type === 'pattern.observed')
        .map((event) => String(event.pattern_id)),
    );
    const patterns = panelOf(page, 'Patterns').getByRole('link');
    await patterns.first().waitFor();
    const hrefs = await patterns.evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    expect(hrefs.toSorted()).toEqual([...sent].map((id) => `/patterns/${id}`).toSorted());
    const places = page.getByRole('navigation', { name: 'Of this agent' }).getByRole('link');
    expect(await places.evaluateAll((links) => links.map((link) => link.getAttribute('href')))).toEqual(
      ['runs', 'tasks', 'failures', 'live'].map((place) => `/${place}?agent_id=${agent}`),
    );
    const latest = sentEvents()
      .filter((event) => isOf(event) && event.type === 'run.started')
      .toSorted((one, other) => other.ts - one.ts)[0]!;
    const runs = panelOf(page, 'Latest runs');
    expect(await runs.locator('tbody tr').first().innerText()).toContain(latest.run_id);
  });

  test('live windows are those of the memory', async () => {
    const page = await openAgent(pages);
    const { windows } = await askUiApi<Answers['GetAgentLiveAnswer']>(`/api/v1/agents/${agent}/live`);
    const day = windows['24h']!;
    const rows = await rowsOf(panelOf(page, 'Live'), 'Live windows');
    expect(rows.map(([name]) => name)).toEqual(['1 minute', '5 minutes', '15 minutes', '1 hour', '24 hours']);
    expect(rows[4]!.slice(1, 4)).toEqual([
      formatCount(day.total_executions),
      formatPercent(day.success_rate),
      formatCount(day.failed_executions),
    ]);
    expect(day.total_executions).toBeGreaterThan(0);
  });

  test.each([hostileText, 'a'.repeat(256)])('an agent of any name is shown as text: %s', async (id) => {
    expect(longId.length).toBe(256);
    const page = await pages.open(`/agents/${encodeURIComponent(id)}`, { width: 360 });
    await panelOf(page, 'Latest runs').locator('tbody tr').waitFor();
    expect(await page.getByTitle(id).first().innerText()).toBe(id);
    const wide = await page.evaluate(() => document.querySelector('main')!.scrollWidth);
    expect(wide).toBeLessThanOrEqual(360);
  });

  test.each(['light', 'dark'] as const)('axe finds nothing wrong, %s', async (theme) => {
    const page = await openAgent(pages, '', theme);
    await panelOf(page, 'Memory').getByRole('img').waitFor();
    await panelOf(page, 'Compared').locator('tbody tr').first().waitFor();
    expect(await axeFindings(page)).toEqual([]);
  });
});

describe.skipIf(noBrowser)('an agent that was never heard of', () => {
  const pages = new UiPages();
  const collector = collectorOfFile();
  afterEach(() => pages.quiet());

  test('has a page in words, which turns into data with its first event', async () => {
    const page = await pages.open('/agents/to%2Fcome', { url: collector.url, key: testKey });
    await page.getByRole('heading', { name: 'No such agent', level: 1 }).waitFor();
    expect(await page.locator('main').innerText()).toContain('to/come');
    expect(await axeFindings(page)).toEqual([]);
    await sendEvents(collector, [{ type: 'task.completed', agent_id: 'to/come', task_id: 't', duration_ms: 1_500 }]);
    const live = panelOf(page, 'Live');
    await live.waitFor();
    await expect.poll(async () => (await rowsOf(live, 'Live windows'))[0]?.slice(1, 3)).toEqual(['1', '100 %']);
    // What comes next is in the windows without a question to the store.
    await sendEvents(collector, [{ type: 'task.failed', agent_id: 'to/come', task_id: 'u', error_category: 'tool' }]);
    await expect.poll(async () => (await rowsOf(live, 'Live windows'))[0]?.slice(1, 4)).toEqual(['2', '50 %', '1']);
  });
});
