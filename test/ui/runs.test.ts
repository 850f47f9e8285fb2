import type { Page } from 'playwright-core';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { axeFindings } from '../support/axe.js';
import { bigRun, hostileText, liveRuns, longId, type UiEvent, uiHistory } from '../support/ui-history.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

interface RunOfApi {
  readonly run_id: string;
  readonly status: string;
}

interface RunPageOfApi {
  readonly runs: readonly RunOfApi[];
  readonly total: number;
  readonly stats: {
    readonly success_rate: number;
    readonly tokens: { readonly total: number };
    readonly by_status: Readonly<Record<string, number>>;
  };
}

/** What was sent of a run: the fields of its events, and the type of its end. */
interface SentRun {
  readonly run_id: string;
  readonly startedMs: number;
  readonly status: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function sentRuns(): readonly SentRun[] {
  const runs = new Map<string, SentRun>();
  for (const event of uiHistory(inject('ui').nowMs)) {
    if (!event.type.startsWith('run.')) continue;
    const id = event.run_id!;
    const known = runs.get(id);
    const kind = event.type.slice('run.'.length);
    runs.set(id, {
      run_id: id,
      startedMs: known?.startedMs ?? event.ts - (kind === 'started' ? 0 : Number(event.duration_ms)),
      status: kind === 'started' ? 'running' : kind,
      fields: { ...known?.fields, ...event },
    });
  }
  return [...runs.values()].toSorted(
    (one, other) => other.startedMs - one.startedMs || (one.run_id < other.run_id ? 1 : -1),
  );
}

async function askApi(query: string): Promise<RunPageOfApi> {
  const { url, key } = inject('ui');
  const response = await fetch(`${url}/api/v1/runs?limit=100${query}`, { headers: { authorization: `Bearer ${key}` } });
  return (await response.json()) as RunPageOfApi;
}

const table = (page: Page) => page.getByRole('table', { name: 'Runs' });
const rowOf = (page: Page, id: string) =>
  table(page)
    .getByRole('row')
    .filter({ has: page.getByTitle(id, { exact: true }) });
const marked = (page: Page) => table(page).locator('[aria-current=true]');
const statValue = (page: Page, name: string) =>
  page.getByRole('region', { name: 'How these runs fared' }).locator('dt', { hasText: name }).locator('+ dd');

/** The ids of the rows that are in the document, from the top down. */
async function idsOf(page: Page): Promise<string[]> {
  return await table(page)
    .locator('[aria-rowindex]')
    .evaluateAll((rows) =>
      rows
        .map((row) => [Number(row.getAttribute('aria-rowindex')), row.querySelector('a')?.title ?? ''] as const)
        .toSorted(([one], [other]) => one - other)
        .map(([, id]) => id),
    );
}

/** Rows of the list: the header counts too. */
async function lengthOf(page: Page): Promise<number> {
  return Number(await table(page).getAttribute('aria-rowcount')) - 1;
}

const pages = new UiPages();
afterEach(() => pages.quiet());

describe.skipIf(noBrowser)('the list of runs, in Chromium (skipped where it is not installed)', () => {
  test('shows every run that was sent, newest start first, and how they fared', async () => {
    const page = await pages.open('/runs');
    const sent = sentRuns();
    await expect.poll(() => lengthOf(page)).toBe(sent.length);
    expect((await idsOf(page)).slice(0, 10)).toEqual(sent.slice(0, 10).map(({ run_id: id }) => id));
    const { stats } = await askApi('');
    expect(await statValue(page, 'Runs').first().innerText()).toBe(String(sent.length));
    expect(await statValue(page, 'Success').innerText()).toBe(`${stats.success_rate} %`);
    expect(await statValue(page, 'Tokens').getAttribute('title')).toBe(stats.tokens.total.toLocaleString('en-US'));
    for (const status of ['completed', 'failed', 'cancelled'] as const) {
      const count = sent.filter((run) => run.status === status).length;
      expect(stats.by_status[status]).toBe(count);
      await page.getByRole('button', { name: `${status} ${count}` }).waitFor();
    }
    const completed = sent.filter(({ status }) => status === 'completed').length;
    const failed = sent.filter(({ status }) => status === 'failed').length;
    expect(stats.success_rate).toBe(Math.round((10_000 * completed) / (completed + failed)) / 100);
  });

  test('rows far down are reached by scrolling, and the document stays small', async () => {
    const page = await pages.open('/runs');
    const sent = sentRuns();
    await expect.poll(() => lengthOf(page)).toBe(sent.length);
    const oldest = sent.at(-1)!.run_id;
    await expect
      .poll(async () => {
        await table(page).evaluate((box) => box.scrollTo(0, box.scrollHeight));
        return await rowOf(page, oldest).count();
      })
      .toBe(1);
    expect(await table(page).locator('*').count()).toBeLessThan(4_000);
    const seen = await idsOf(page);
    expect(seen.at(-1)).toBe(oldest);
    expect(sent.map(({ run_id: id }) => id).slice(-10)).toEqual(seen.slice(-10));
    await table(page).evaluate((box) => box.scrollTo(0, 0));
    await rowOf(page, sent[0]!.run_id).waitFor();
  });

  test.each([
    ['status', 'failed', ({ status }: SentRun) => status === 'failed'],
    ['status', 'cancelled', ({ status }: SentRun) => status === 'cancelled'],
    ['agent_id', 'coder', ({ fields }: SentRun) => fields.agent_id === 'coder'],
    ['error_category', 'infra', ({ fields }: SentRun) => fields.error_category === 'infra'],
    ['error_text', 'OUT OF memory', ({ fields }: SentRun) => String(fields.error_message).includes('out of memory')],
    ['user_id', 'bob', ({ fields }: SentRun) => fields.user_id === 'bob'],
    ['session_id', 'session-7', ({ fields }: SentRun) => fields.session_id === 'session-7'],
    ['crew_id', 'beta', ({ fields }: SentRun) => fields.crew_id === 'beta'],
    ['flow_id', 'nightly', ({ fields }: SentRun) => fields.flow_id === 'nightly'],
    ['environment', 'staging', ({ fields }: SentRun) => fields.environment === 'staging'],
  ] as const)('%s=%s shows those that were sent so, and no other', async (name, value, holds) => {
    const page = await pages.open(`/runs?${new URLSearchParams({ [name]: value })}`);
    const wanted = sentRuns().filter(holds);
    expect(wanted.length).toBeGreaterThan(0);
    await expect.poll(() => lengthOf(page)).toBe(wanted.length);
    const ids = wanted.map(({ run_id: id }) => id);
    const shown = await idsOf(page);
    expect(shown).toEqual(ids.slice(0, shown.length));
    expect((await askApi(`&${new URLSearchParams({ [name]: value })}`)).total).toBe(wanted.length);
  });
});

describe.skipIf(noBrowser)('the address of a list of runs, in Chromium (skipped where it is not installed)', () => {
  test('a range of time shows what began in it', async () => {
    const page = await pages.open('/runs?range=24h');
    const dayAgo = inject('ui').nowMs - 86_400_000;
    const wanted = sentRuns().filter(({ startedMs }) => startedMs >= dayAgo);
    // The day ends at a whole minute before the page was opened: what began just before it may be counted too.
    await expect.poll(async () => Math.abs((await lengthOf(page)) - wanted.length)).toBeLessThan(3);
    await page.getByRole('button', { name: '1h', exact: true }).click();
    await expect.poll(() => page.url()).toContain('range=1h');
    await rowOf(page, liveRuns[0]).waitFor();
    await expect.poll(() => lengthOf(page)).toBeLessThan(15);
  });

  test('filters are in the address, Back undoes a choice, and Clear takes all away', async () => {
    const page = await pages.open('/runs');
    await rowOf(page, liveRuns[0]).waitFor();
    await page.getByLabel('Status', { exact: true }).selectOption('failed');
    await expect.poll(() => page.url()).toMatch(/\/runs\?status=failed$/);
    const failed = sentRuns().filter(({ status }) => status === 'failed');
    await expect.poll(() => lengthOf(page)).toBe(failed.length);
    await page.goBack();
    await expect.poll(() => page.url()).toMatch(/\/runs$/);
    await expect.poll(() => lengthOf(page)).toBe(sentRuns().length);
    await page.goForward();
    await expect.poll(() => lengthOf(page)).toBe(failed.length);
    await page.keyboard.press('/');
    await page.keyboard.type('names a person');
    await expect.poll(() => page.url()).toContain('error_text=names+a+person');
    const both = failed.filter(({ fields }) => String(fields.error_message).includes('names a person'));
    await expect.poll(() => lengthOf(page)).toBe(both.length);
    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => page.url()).toMatch(/\/runs$/);
    await expect.poll(() => lengthOf(page)).toBe(sentRuns().length);
  });

  test('what the filter holds for nowhere is said, and a filter the API refuses is told in words', async () => {
    const page = await pages.open('/runs?agent_id=nobody');
    await page.getByText('No run of this range is one the filter holds for.').waitFor();
    const refused = await pages.open('/runs?status=odd');
    await refused.getByRole('alert').filter({ hasText: '400' }).waitFor();
  });

  test('j and k mark a row in view, Enter opens it, and Back shows the list as it was left', async () => {
    const page = await pages.open('/runs?status=completed');
    const wanted = sentRuns().filter(({ status }) => status === 'completed');
    await expect.poll(() => lengthOf(page)).toBe(wanted.length);
    for (let times = 0; times < 40; times++) await page.keyboard.press('j');
    await page.keyboard.press('k');
    const id = wanted[38]!.run_id;
    await expect.poll(() => marked(page).getByRole('link').first().getAttribute('title')).toBe(id);
    await expect.poll(() => isInView(page, id)).toBe(true);
    await expect.poll(() => page.url()).toContain(`row=${id}`);
    const offset = await table(page).evaluate((box) => box.scrollTop);
    expect(offset).toBeGreaterThan(0);
    await page.keyboard.press('Enter');
    await expect.poll(() => new URL(page.url()).pathname).toBe(`/runs/${id}`);
    // The list is not there any more.
    await table(page).waitFor({ state: 'detached' });
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.goBack();
    await rowOf(page, id).waitFor();
    await expect.poll(() => marked(page).getByRole('link').first().getAttribute('title')).toBe(id);
    await expect.poll(() => table(page).evaluate((box) => box.scrollTop)).toBe(offset);
    const copied = await pages.open(new URL(page.url()).pathname + new URL(page.url()).search);
    await rowOf(copied, id).waitFor();
    await expect.poll(() => isInView(copied, id)).toBe(true);
  });
});

describe.skipIf(noBrowser)('rows of runs, in Chromium (skipped where it is not installed)', () => {
  test('ids and texts of strangers are text, and an id is copied whole with a click', async () => {
    const page = await pages.open('/runs?range=24h');
    const row = rowOf(page, hostileText);
    await row.waitFor();
    expect(await row.innerText()).toContain(hostileText.slice(0, 20));
    expect(await page.locator('main img').count()).toBe(0);
    await rowOf(page, longId).getByRole('button', { name: 'Copy id' }).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(longId);
    await row.getByRole('link').first().click();
    await expect.poll(() => page.url()).toContain(`/runs/${encodeURIComponent(hostileText)}`);
  });

  test('a row tells what went wrong, in numbers of what was sent', async () => {
    const page = await pages.open('/runs?agent_id=coder&range=24h');
    const row = rowOf(page, bigRun.run_id);
    await row.waitFor();
    const sent = uiHistory(inject('ui').nowMs).filter(({ run_id: id }) => id === bigRun.run_id);
    const count = (type: string) => sent.filter((event: UiEvent) => event.type === type).length;
    const steps = bigRun.tasks * bigRun.stepsPerTask;
    const title = `${count('step.failed')} of ${steps.toLocaleString('en-US')} step attempts failed`;
    expect(await row.getByTitle(title).count()).toBe(1);
    expect(await row.getByTitle(`${bigRun.tasks} tasks ended, none failed`).count()).toBe(1);
  });

  test('a narrow screen has rows of two lines and nothing that sticks out', async () => {
    const page = await pages.open('/runs', { width: 360, height: 740 });
    await rowOf(page, liveRuns[0]).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    expect(await table(page).evaluate((box) => box.scrollWidth - box.clientWidth)).toBe(0);
    const height = (await rowOf(page, liveRuns[0]).boundingBox())!.height;
    await page.setViewportSize({ width: 1_280, height: 800 });
    await expect.poll(async () => (await rowOf(page, liveRuns[0]).boundingBox())!.height).toBeLessThan(height);
  });

  test.each(['light', 'dark'] as const)('axe finds nothing wrong with the list of runs, %s', async (theme) => {
    const page = await pages.open(`/runs?row=${liveRuns[1]}`, { theme });
    await marked(page).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    const narrow = await pages.open('/runs', { theme, width: 360 });
    await rowOf(narrow, liveRuns[0]).waitFor();
    expect(await axeFindings(narrow)).toEqual([]);
  });
});

async function isInView(page: Page, id: string): Promise<boolean> {
  const box = (await table(page).boundingBox())!;
  const row = (await rowOf(page, id).boundingBox())!;
  return row.y >= box.y && row.y + row.height <= box.y + box.height + 1;
}
