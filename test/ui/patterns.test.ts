import type { Page } from 'playwright-core';
import { afterEach, expect, inject, test } from 'vitest';
import type { components } from '../../src/sdk/api-types.js';
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

type Pattern = components['schemas']['GetPatternAnswer'];

const ours = (key: string = testKey) => ({ url: collector.url, key });
const list = (page: Page) => page.getByRole('table', { name: 'Patterns' });
const panel = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
const statOf = (page: Page, name: string) =>
  page.locator('dt', { hasText: new RegExp(`^${name}$`) }).locator('xpath=following-sibling::dd[1]');

function observationsOf(patternId: string): readonly UiEvent[] {
  return uiHistory(inject('ui').nowMs).filter(({ pattern_id }) => pattern_id === patternId);
}

async function answer<Answer>(path: string, of = inject('ui')): Promise<Answer> {
  const response = await fetch(`${of.url}${path}`, { headers: { authorization: `Bearer ${of.key}` } });
  return (await response.json()) as Answer;
}

const observed = (pattern_id: string, rest: object = {}) => ({
  type: 'pattern.observed',
  agent_id: 'scout',
  pattern_id,
  pattern_type: 'loop',
  name: 'the same question again',
  message: 'It asks what it has asked before.',
  confidence: 0.75,
  evidence: ['run-1', 'run-2'],
  ...rest,
});

async function observe(pattern_id: string, rest: object = {}): Promise<string> {
  await sendEvents(collector, [observed(pattern_id, rest)]);
  const path = `/api/v1/patterns/${encodeURIComponent(pattern_id)}`;
  const headers = { authorization: `Bearer ${testKey}` };
  await expect.poll(async () => (await fetch(`${collector.url}${path}`, { headers })).status).toBe(200);
  return `/patterns/${encodeURIComponent(pattern_id)}`;
}

inChromium('with no event at all the page leads to the first one, and turns into data by itself', async () => {
  const page = await pages.open('/patterns', ours());
  await page.getByText('No event has come to this collector yet.').waitFor();
  await sendEvents(collector, [observed('first-of-all')]);
  await list(page).getByRole('link', { name: 'first-of-all' }).waitFor();
});

inChromium('the patterns are those that were sent, with their numbers, and each leads to its page', async () => {
  const page = await pages.open('/patterns');
  await list(page).getByRole('row').nth(1).waitFor();
  const { patterns } = await answer<components['schemas']['ListPatternsAnswer']>('/api/v1/patterns');
  const rows = await list(page).getByRole('row').all();
  expect(rows).toHaveLength(patterns.length + 1);
  for (const [index, pattern] of patterns.entries()) {
    const cells = await rows[index + 1]!.getByRole('cell').allInnerTexts();
    expect(cells.slice(0, 8).map((text) => text.trim())).toEqual([
      pattern.pattern_id,
      pattern.pattern_type,
      pattern.name,
      pattern.confidence!.toFixed(2),
      pattern.effectiveness!.toFixed(2),
      String(observationsOf(pattern.pattern_id).length),
      String(new Set(observationsOf(pattern.pattern_id).map(({ agent_id }) => agent_id)).size),
      String(pattern.evidence_count),
    ]);
  }
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/patterns/${patterns[0]!.pattern_id}`);
});

inChromium('filters narrow the list, and the address holds them', async () => {
  const page = await pages.open('/patterns');
  await page.getByLabel('Type').fill('loop');
  await page.waitForURL('**/patterns?pattern_type=loop');
  const links = () => list(page).getByRole('link').allInnerTexts();
  const { patterns } = await answer<components['schemas']['ListPatternsAnswer']>('/api/v1/patterns?pattern_type=loop');
  await expect.poll(links).toEqual(patterns.map(({ pattern_id }) => pattern_id));
  await page.getByLabel('Confidence from').fill('1');
  await page.waitForURL('**/patterns?pattern_type=loop&min_confidence=1');
  await page.getByText('No pattern is one the filter holds for.').waitFor();
  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await page.waitForURL('**/patterns');
  await expect.poll(async () => (await links()).length).toBe(3);
});

inChromium('a pattern shows its numbers, its evidence as links to runs, and its agents', async () => {
  const page = await pages.open('/patterns/pattern-retry');
  const pattern = await answer<Pattern>('/api/v1/patterns/pattern-retry');
  await panel(page, 'Evidence').waitFor();
  const sent = observationsOf('pattern-retry');
  expect(await statOf(page, 'Observations').innerText()).toBe(String(sent.length));
  expect(await statOf(page, 'Confidence').innerText()).toBe(pattern.confidence!.toFixed(2));
  const hrefs = await panel(page, 'Evidence')
    .getByRole('link')
    .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  expect(hrefs).toEqual(pattern.evidence.map((reference) => `/runs/${reference}`));
  expect(hrefs.toSorted()).toEqual(sent.map(({ run_id }) => `/runs/${run_id}`).toSorted());
  expect((await panel(page, 'Agents').getByRole('link').allInnerTexts()).toSorted()).toEqual(
    [...new Set(sent.map(({ agent_id }) => agent_id))].toSorted(),
  );
});

inChromium('feedback is taken, shown with its answer, and sent again after a failure it counts once', async () => {
  const page = await pages.open(await observe('judged/1'), ours());
  await page.getByText('Nobody has given feedback yet.').waitFor();
  await page.getByLabel('Score, −100 to 100').fill('4.5');
  await page.getByLabel('Note').fill(hostileText);
  const keys: (string | undefined)[] = [];
  let lost = 0;
  // The first answer is lost on its way: the collector has the feedback, the page does not know.
  await page.route('**/feedback', async (route) => {
    keys.push(route.request().headers()['idempotency-key']);
    const response = await route.fetch();
    if (lost++ === 0) await route.abort();
    else await route.fulfill({ response });
  });
  await page.getByRole('button', { name: 'Give feedback' }).click();
  await page.getByRole('alert').filter({ hasText: 'cannot be reached' }).waitFor();
  await page.getByRole('button', { name: 'Give feedback' }).click();
  await page.getByRole('status').filter({ hasText: 'It had been taken before, and counts once:' }).waitFor();
  expect(keys).toHaveLength(2);
  expect(keys[0]).toBe(keys[1]);
  const table = panel(page, 'Feedback').getByRole('table');
  await table.waitFor();
  expect(await table.locator('tbody tr').count()).toBe(1);
  expect(await table.locator('tbody tr').innerText()).toContain(hostileText);
  await page.getByLabel('Score, −100 to 100').fill('-2');
  await page.getByRole('button', { name: 'Give feedback' }).click();
  await page.getByRole('status').filter({ hasText: 'It is taken, and counted in a second or so:' }).waitFor();
  await expect.poll(() => table.locator('tbody tr').count()).toBe(2);
  expect(keys[2]).not.toBe(keys[1]);
  const { feedback } = await answer<Pattern>('/api/v1/patterns/judged%2F1', { ...inject('ui'), ...ours() });
  expect([feedback.count, feedback.avg_score]).toEqual([2, 1.25]);
  await expect.poll(() => statOf(page, 'Mean score').innerText()).toBe('1.25');
});

inChromium('a key that may only read is told what feedback takes', async () => {
  const page = await pages.open(await observe('not to be judged'), ours(uiKeys.reader));
  await page.getByText('Giving feedback takes a key with the scope ingest.').waitFor();
  expect(await page.getByRole('button', { name: 'Give feedback' }).count()).toBe(0);
});

inChromium('a pattern that nobody observed, or another tenant did, is not there', async () => {
  const path = await observe('ours');
  for (const [where, key] of [
    ['/patterns/never', testKey],
    [path, uiKeys.other],
  ] as const) {
    const page = await pages.open(where, ours(key));
    await page.getByRole('heading', { name: 'There is no such pattern' }).waitFor();
  }
});

inChromium.each([
  ['light', 1_280],
  ['dark', 360],
] as const)('hostile texts are text, and axe finds nothing, %s at %i px', async (theme, width) => {
  const odd = { agent_id: hostileText, pattern_type: hostileText, name: hostileText, message: hostileText };
  const path = await observe(hostileText, { ...odd, evidence: [hostileText, 'e'.repeat(256)] });
  const fits = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
  const one = await pages.open(path, { ...ours(), theme, width });
  await panel(one, 'Evidence').waitFor();
  expect(await one.locator('h1').innerText()).toContain(hostileText);
  expect([await one.locator('main img').count(), await fits(one)]).toEqual([0, true]);
  expect(await axeFindings(one)).toEqual([]);
  const all = await pages.open('/patterns', { ...ours(), theme, width });
  await list(all).getByRole('link', { name: hostileText }).first().waitFor();
  expect([await all.locator('main img').count(), await fits(all)]).toEqual([0, true]);
  expect(await axeFindings(all)).toEqual([]);
});
