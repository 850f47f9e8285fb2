import type { Page } from 'playwright-core';
import { afterEach, expect, inject, test } from 'vitest';
import type { components } from '../../src/sdk/api-types.js';
import {
  type Breakdown,
  filterOfGroup,
  nameOfGroup,
  seriesOfGroups,
} from '../../src/ui/pages/failures/failure-view.js';
import { axeFindings } from '../support/axe.js';
import { collectorOfFile, uiKeys } from '../support/collector-of-file.js';
import { testKey } from '../support/collector-process.js';
import { sendEvents } from '../support/live-client.js';
import { hostileText, type UiEvent, uiHistory } from '../support/ui-history.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

/** Skipped where no Chromium is installed. */
const inChromium = test.skipIf(noBrowser);
const pages = new UiPages();
const collector = collectorOfFile();
afterEach(() => pages.quiet());

const groups = (page: Page) => page.getByRole('region', { name: /^Failures by / });
const list = (page: Page) => page.getByRole('table', { name: 'Failures' });
const whole = (count: number) => count.toLocaleString('en-US');

async function open(path: string, options: { readonly theme?: 'light' | 'dark'; readonly width?: number } = {}) {
  const page = await pages.open(path, options);
  await groups(page).waitFor();
  return page;
}

/** Failed attempts that were sent, of the range the page shows. */
function sentFailures(): readonly UiEvent[] {
  return uiHistory(inject('ui').nowMs).filter(({ type }) => type.endsWith('.failed'));
}

function countsBy(field: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const event of sentFailures()) {
    const key = String(event[field]);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

async function answer<Answer>(path: string): Promise<Answer> {
  const { url, key } = inject('ui');
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${key}` } });
  return (await response.json()) as Answer;
}

/** Cells of the rows of the groups, by the text of their first one. */
async function rowsOf(page: Page): Promise<Map<string, readonly string[]>> {
  const rows = await groups(page).locator('tbody tr').all();
  const cells = await Promise.all(rows.map((row) => row.locator('td').allInnerTexts()));
  return new Map(cells.map(([name = '', ...rest]) => [name.trim(), rest.map((text) => text.trim())]));
}

inChromium('the groups and their numbers are what was sent, and what the API answers', async () => {
  const page = await open('/failures');
  const rows = await rowsOf(page);
  expect(new Map([...rows].map(([name, cells]) => [name, cells[1]]))).toEqual(
    new Map([...countsBy('error_category')].map(([name, count]) => [name, whole(count)])),
  );
  const { groups: told, totals } = await answer<Breakdown>('/api/v1/failures/breakdown?limit=20');
  for (const group of told) {
    const [share, count, retried, recovered, forGood, tokens, , agents, runs] = rows.get(group.key!)!;
    expect([share, count, retried, recovered, forGood, agents, runs]).toEqual([
      `${Number(group.share.toFixed(2))} %`,
      ...[group.count, group.retried, group.recovered, group.failed_for_good].map(whole),
      ...[group.affected_agents, group.affected_runs].map(whole),
    ]);
    expect(tokens).not.toBe('');
  }
  expect(totals.count).toBe(sentFailures().length);
  const stat = page.locator('dt', { hasText: 'Failed attempts' }).locator('xpath=following-sibling::dd[1]');
  expect(await stat.getAttribute('title')).toBe(whole(totals.count));
  await page.getByRole('img', { name: /^Failed attempts in buckets of .*, by category$/ }).waitFor();
});

inChromium('a group leads to its runs and to its failures, and Back leads out of it', async () => {
  const page = await open('/failures');
  await page.getByRole('button', { name: 'agent', exact: true }).click();
  await page.waitForURL('**/failures?group_by=agent');
  const opsBot = groups(page).getByRole('button', { name: 'ops-bot' });
  await opsBot.click();
  await page.waitForURL('**/failures?group_by=agent&group=ops-bot');
  expect(await opsBot.getAttribute('aria-pressed')).toBe('true');
  const { failures } = await answer<components['schemas']['FailurePage']>(
    '/api/v1/failures?agent_id=ops-bot&limit=100',
  );
  const first = list(page).getByRole('row').nth(1);
  await expect.poll(() => first.innerText()).toContain(failures[0]!.run_id!);
  await expect.poll(() => list(page).innerText()).not.toContain('reviewer');
  const { groups: told } = await answer<Breakdown>('/api/v1/failures/breakdown?group_by=agent');
  const examples = page.getByRole('region', { name: 'Runs that are examples of agent ops-bot' });
  expect(await examples.getByRole('listitem').getByRole('link').allInnerTexts()).toEqual(
    told.find(({ key }) => key === 'ops-bot')!.examples.map(({ run_id }) => run_id),
  );
  await page.goBack();
  await page.waitForURL('**/failures?group_by=agent');
  await examples.waitFor({ state: 'detached' });
});

inChromium('a failure leads to its run, by a click and by the keys, and to its task', async () => {
  const page = await open('/failures?kind=step&agent_id=coder&code=oom');
  const { failures } = await answer<components['schemas']['FailurePage']>(
    '/api/v1/failures?kind=step&agent_id=coder&code=oom',
  );
  const first = list(page).getByRole('row').nth(1);
  await first.waitFor();
  const run = `/runs/${failures[0]!.run_id}`;
  expect(await first.getByRole('link').first().getAttribute('href')).toBe(
    `/tasks/${failures[0]!.task_id}?run_id=${failures[0]!.run_id}`,
  );
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**${run}*`);
  await page.goBack();
  await list(page).getByRole('row').nth(1).click();
  await page.waitForURL(`**${run}*`);
});

inChromium('filters narrow the groups and the list, and the address holds them', async () => {
  const page = await open('/failures?group_by=code');
  await page.getByLabel('Category').selectOption('infra');
  await page.getByLabel('Kind').selectOption('step');
  await page.waitForURL('**/failures?group_by=code&category=infra&kind=step');
  const count = sentFailures().filter(
    ({ type, error_category }) => type === 'step.failed' && error_category === 'infra',
  ).length;
  await expect
    .poll(async () => [...(await rowsOf(page))].map(([name, cells]) => [name, cells[1]]))
    .toEqual([['oom', whole(count)]]);
  await page.getByLabel('Agent').fill('nobody');
  await page.getByText('No failure of this range is one the filter holds for.').waitFor();
  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await page.waitForURL('**/failures?group_by=code');
  await expect.poll(async () => (await rowsOf(page)).size).toBe(countsBy('error_code').size);
});

inChromium('what was not told is a group in words, without a list', async () => {
  const page = await open('/failures?group_by=environment');
  await groups(page).getByRole('button', { name: 'No environment was told' }).click();
  await page.waitForURL('**/failures?group_by=environment&group_none=1');
  await page.getByText('What was not told cannot be asked for').waitFor();
  expect(await list(page).count()).toBe(0);
});

inChromium.each([
  ['light', 1_280],
  ['dark', 360],
] as const)('hostile texts are text, and axe finds nothing, %s at %i px', async (theme, width) => {
  const page = await open(`/failures?group_by=agent&group=${encodeURIComponent(hostileText)}`, { theme, width });
  await list(page).getByRole('row').filter({ hasText: 'tool <b>code</b>' }).first().waitFor();
  expect(await groups(page).innerText()).toContain(hostileText);
  expect(await page.locator('main img').count()).toBe(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  expect(await axeFindings(page)).toEqual([]);
});

inChromium('with no event at all the page leads to the first one, and turns into data by itself', async () => {
  const page = await pages.open('/failures', { url: collector.url, key: testKey });
  await page.getByText('No event has come to this collector yet.').waitFor();
  expect(await page.getByRole('link', { name: 'Send the first one' }).getAttribute('href')).toBe('/try');
  await sendEvents(collector, [
    { type: 'task.failed', agent_id: 'scout', task_id: 't', error_category: 'tool', error_code: 'first' },
  ]);
  await groups(page).waitFor();
  expect((await rowsOf(page)).get('tool')?.[1]).toBe('1');
  const other = await pages.open('/failures', { url: collector.url, key: uiKeys.other });
  await other.getByText('No event has come to this collector yet.').waitFor();
});

test('a chart shows the largest groups, and all others as one', () => {
  const group = (key: string | null, count: number) => ({ key, series: [count, 0] });
  const breakdown = (keys: readonly (string | null)[], other: readonly number[] | null) =>
    ({
      group_by: 'code',
      total_groups: keys.length + (other === null ? 0 : 3),
      buckets: ['2026-11-20T00:00:00.000Z', '2026-11-20T01:00:00.000Z'],
      groups: keys.map((key, index) => group(key, index + 1)),
      other: other === null ? null : { series: other },
    }) as unknown as Breakdown;
  expect(seriesOfGroups(breakdown(['a', null], null)).map(({ name }) => name)).toEqual(['a', 'Without a code']);
  const series = seriesOfGroups(breakdown(['a', 'b', 'c', 'd', 'e', 'f'], [10, 2]));
  expect(series.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e', '4 other groups']);
  expect(series.at(-1)?.values).toEqual([16, 2]);
});

test('a group is asked for by what it has in common', () => {
  expect(filterOfGroup('agent', 'scout')).toEqual({ agent_id: 'scout' });
  expect(filterOfGroup('tool', 'search')).toEqual({ kind: 'step', name: 'search' });
  expect(filterOfGroup('code', 'oom')).toEqual({ code: 'oom' });
  expect(filterOfGroup('code', null)).toBeNull();
  expect(nameOfGroup('model', null)).toBe('No model was told');
});
