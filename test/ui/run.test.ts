import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterEach, expect, inject, test } from 'vitest';
import { axeFindings } from '../support/axe.js';
import { bigRun, hostileText, longId, type UiEvent, uiHistory } from '../support/ui-history.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

interface Timeline {
  readonly duration_ms: number;
  readonly nodes: readonly {
    readonly node: string;
    readonly name: string | null;
    readonly type: string;
    readonly step_id: string | null;
    readonly attempt: number | null;
    readonly attempts: number;
    readonly status: string;
    readonly critical: boolean;
  }[];
}

const look = test.skipIf(noBrowser);
const pages = new UiPages();
afterEach(() => pages.quiet());

const history = (): readonly UiEvent[] => uiHistory(inject('ui').nowMs);
const address = (runId: string): string => `/runs/${encodeURIComponent(runId)}`;

async function timelineOf(runId: string): Promise<Timeline> {
  const { url, key } = inject('ui');
  const response = await fetch(`${url}/api/v1${address(runId)}/timeline?limit=5000`, {
    headers: { authorization: `Bearer ${key}` },
  });
  return (await response.json()) as Timeline;
}

/** Of a run of the history whose step failed and came through at a later attempt. */
function retriedRun(): { readonly run_id: string; readonly step: UiEvent } {
  const step = history().find(({ type, attempt }) => type === 'step.completed' && attempt === 2)!;
  return { run_id: step.run_id!, step };
}

const lines = (page: Page) => page.getByRole('region', { name: 'Timeline' }).locator('[data-node]');

look('shows each piece of work once, attempts on one line, as the API tells and as was sent', async () => {
  const { run_id } = retriedRun();
  const page = await pages.open(address(run_id));
  await lines(page).first().waitFor();
  const { nodes } = await timelineOf(run_id);
  const works = new Set(
    nodes.map(({ type, step_id, node }) => (type === 'step' ? `${node.split('#')[0]}${step_id}` : node)),
  );
  await expect.poll(() => lines(page).count()).toBe(works.size);
  const sent = history().filter((event) => event.run_id === run_id && /^step\.(completed|failed)$/.test(event.type));
  expect(nodes.filter(({ type }) => type === 'step')).toHaveLength(sent.length);
  const retried = nodes.filter(({ attempts, attempt }) => attempts > 1 && attempt === 1);
  await expect
    .poll(() =>
      lines(page)
        .filter({ hasText: /\d attempts/ })
        .count(),
    )
    .toBe(retried.length);
  const stats = page.locator('dl').first();
  expect(await stats.innerText()).toContain(`Step attempts\n${sent.length}`);
});

look('draws what lies on the critical path, and nothing else, with a line', async () => {
  const { run_id } = retriedRun();
  const page = await pages.open(address(run_id));
  await lines(page).first().waitFor();
  const { nodes } = await timelineOf(run_id);
  const critical = nodes.filter((node) => node.critical).length;
  expect(critical).toBeGreaterThan(2);
  await expect.poll(() => page.locator('[data-node] .bg-ink').count()).toBe(critical);
});

look('goes from failure to failure with ] and [, and the address says which', async () => {
  const { run_id } = retriedRun();
  const page = await pages.open(address(run_id));
  await lines(page).first().waitFor();
  const failed = (await timelineOf(run_id)).nodes.filter(({ type, status }) => type !== 'run' && status === 'failed');
  await page.keyboard.press(']');
  await expect.poll(() => new URL(page.url()).searchParams.get('node')).toBe(failed[0]?.node);
  const details = page.getByRole('complementary', { name: 'Details' });
  await details.getByText('failed').first().waitFor();
  const sent = history().find((event) => event.run_id === run_id && event.type === 'step.failed')!;
  await details.getByText(String(sent.error_message)).first().waitFor();
  await page.keyboard.press('[');
  await expect.poll(() => new URL(page.url()).searchParams.get('node')).toBe(failed.at(-1)?.node);
  await page.keyboard.press('Escape');
  await expect.poll(() => new URL(page.url()).search).toBe('');
});

look('an address shows the same view, node, fold and window elsewhere', async () => {
  const { run_id } = retriedRun();
  const { nodes } = await timelineOf(run_id);
  const task = nodes.find(({ type }) => type === 'task')!;
  const first = await pages.open(address(run_id));
  await lines(first).first().waitFor();
  await first
    .getByRole('button', { name: `Fold ${task.name}` })
    .first()
    .click();
  await lines(first).filter({ hasText: task.name! }).first().locator('button[aria-pressed]').click();
  await first.keyboard.press('z');
  await first.getByRole('button', { name: 'Show all of it' }).waitFor();
  const told = new URL(first.url());
  expect([...told.searchParams.keys()].toSorted()).toEqual(['fold', 'node', 'window']);
  const second = await pages.open(told.pathname + told.search);
  await second.getByRole('button', { name: 'Show all of it' }).waitFor();
  await second
    .getByRole('button', { name: `Unfold ${task.name}` })
    .first()
    .waitFor();
  expect(await lines(second).count()).toBe(await lines(first).count());
  expect(await second.getByRole('complementary', { name: 'Details' }).innerText()).toContain(task.name);
});

look('views are steps that Back undoes', async () => {
  const { run_id } = retriedRun();
  const page = await pages.open(address(run_id));
  await lines(page).first().waitFor();
  await page.getByRole('button', { name: 'Flame' }).click();
  await page.getByRole('img', { name: /pieces of work by time/ }).waitFor();
  await page.keyboard.press('3');
  const log = page.getByRole('region', { name: 'Log' });
  await log.getByText('run started').waitFor();
  await page.goBack();
  await page.getByRole('img', { name: /pieces of work by time/ }).waitFor();
  await page.goBack();
  await lines(page).first().waitFor();
});

look('downloads all that is shown as JSON', async () => {
  const { run_id } = retriedRun();
  const page = await pages.open(address(run_id));
  await lines(page).first().waitFor();
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download JSON' }).click();
  const file = await (await waiting).path();
  const { run, timeline } = JSON.parse(readFileSync(file, 'utf8'));
  expect(run.run_id).toBe(run_id);
  expect(timeline.nodes.map(({ node }: { node: string }) => node)).toEqual(
    (await timelineOf(run_id)).nodes.map(({ node }) => node),
  );
});

look('10,000 steps are all there, a few of them in the document', async () => {
  const page = await pages.open(address(bigRun.run_id));
  await lines(page).first().waitFor();
  await expect.poll(() => page.getByText(/pieces of work are here/).count(), { timeout: 60_000 }).toBe(0);
  expect(await lines(page).count()).toBeLessThan(100);
  await page.keyboard.press('3');
  const log = page.getByRole('region', { name: 'Log' });
  await log.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await log.getByText('completed after').last().waitFor();
  const failures = history().filter(({ type, run_id }) => run_id === bigRun.run_id && type === 'step.failed');
  const stats = page.locator('dl').first();
  expect(await stats.innerText()).toContain(`${failures.length} failed`);
});

look.each([
  ['hostile text', hostileText],
  ['an id of 256 characters', longId],
])('%s is shown as text and breaks nothing', async (_name, runId) => {
  for (const width of [360, 1_280]) {
    const page = await pages.open(address(runId), { width });
    await lines(page).first().waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    expect(await page.locator('h1').innerText()).toContain(runId === hostileText ? '<img src=x' : longId);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  }
});

look('a run of somebody else, or of nobody, is a page that says so', async () => {
  const page = await pages.open('/runs/no-such-run');
  await page.getByRole('heading', { name: 'There is no such run' }).waitFor();
});

look.each(['light', 'dark'] as const)('axe finds nothing in any view, %s', async (theme) => {
  const { run_id } = retriedRun();
  const page = await pages.open(address(run_id), { theme });
  await lines(page).first().waitFor();
  await page.keyboard.press(']');
  await page.getByRole('complementary', { name: 'Details' }).getByText('The whole task').waitFor();
  for (const key of ['1', '2', '3']) {
    await page.keyboard.press(key);
    expect(await axeFindings(page)).toEqual([]);
  }
});
