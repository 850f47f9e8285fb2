import type { Page } from 'playwright-core';
import { afterEach, describe, expect, test } from 'vitest';
import { noBrowser, UiPages } from '../support/ui-pages.js';

const pages = new UiPages();
afterEach(() => pages.quiet());

const total = 4_000;
const usage = {
  llm_calls: 0,
  tokens: { in: 0, out: 0, total: 0 },
  cost_cents: null,
  tokens_unpriced: 0,
  tokens_cache_read: 0,
  tokens_cache_write: 0,
  tokens_reasoning: 0,
};
const byStatus = { running: 0, orphaned: 0, completed: 1_000, failed: 0, cancelled: 0 };
const stats = { runs: 1_000, is_complete: false, by_status: byStatus, success_rate: 100, p95_duration_ms: 5, ...usage };

function runOf(index: number) {
  const started = new Date(Date.UTC(2026, 10, 26) - index * 1_000).toISOString();
  return {
    run_id: `long-${index}`,
    name: null,
    status: 'completed',
    agent_id: 'scout',
    agent_name: null,
    started_at: started,
    ended_at: started,
    updated_at: started,
    duration_ms: 5,
    tasks_ended: 0,
    tasks_failed: 0,
    steps_started: 0,
    steps_ended: 0,
    steps_failed: 0,
    total: usage,
    error_preview: null,
  };
}

/** Answers the list in place of the collector, as it would: counts up to a bound, and a cursor for the page after. */
async function openLongList(): Promise<{ readonly page: Page; readonly asked: (string | null)[] }> {
  const asked: (string | null)[] = [];
  const page = await pages.open('/system');
  await page.route(/\/api\/v1\/runs\?/, async (route) => {
    const cursor = new URL(route.request().url()).searchParams.get('cursor');
    asked.push(cursor);
    const begin = cursor === null ? 0 : Number(cursor.slice('after-'.length));
    const end = Math.min(total, begin + 100);
    await route.fulfill({
      json: {
        runs: Array.from({ length: end - begin }, (_, index) => runOf(begin + index)),
        stats,
        total: 1_000,
        total_is_exact: false,
        offset: 0,
        limit: 100,
        next_cursor: end < total ? `after-${end}` : null,
      },
    });
  });
  // A page that listens asks for the first page once more.
  await page.goto(new URL('/runs?live=off', page.url()).href);
  await rowOf(page, 0).waitFor();
  return { page, asked };
}

const table = (page: Page) => page.getByRole('table', { name: 'Runs' });
const rowOf = (page: Page, index: number) => table(page).getByTitle(`long-${index}`, { exact: true });

describe.skipIf(noBrowser)('a list of thousands of runs, in Chromium (skipped where it is not installed)', () => {
  test('is walked to its end page by page, each asked for once, and the document stays small', async () => {
    const { page, asked } = await openLongList();
    expect(await table(page).getAttribute('aria-rowcount')).toBe('1001');
    await expect
      .poll(
        async () => {
          await table(page).evaluate((box) => box.scrollTo(0, box.scrollHeight));
          return await rowOf(page, total - 1).count();
        },
        { timeout: 100_000 },
      )
      .toBe(1);
    expect(await table(page).getAttribute('aria-rowcount')).toBe(String(total + 1));
    expect(new Set(asked).size).toBe(total / 100);
    expect(asked.length).toBe(total / 100);
    expect(await table(page).getByRole('row').count()).toBeLessThan(100);
    // What was let go is asked for again where one looks, by the cursor it was found with.
    asked.length = 0;
    await table(page).evaluate((box) => box.scrollTo(0, 2_000 * 36));
    await rowOf(page, 2_000).waitFor();
    await expect.poll(() => asked.toSorted()).toEqual(['after-1800', 'after-1900', 'after-2000', 'after-2100']);
    // The first page was never let go.
    asked.length = 0;
    await table(page).evaluate((box) => box.scrollTo(0, 0));
    await rowOf(page, 0).waitFor();
    expect(asked.filter((cursor) => cursor === null)).toEqual([]);
  });

  test('a page that fails is told in words, and asked for again when one asks', async () => {
    const { page } = await openLongList();
    const refused = /\/api\/v1\/runs\?.*cursor=after-300/;
    await page.route(refused, (route) =>
      route.fulfill({ status: 422, json: { title: 'too much to read', status: 422, code: 'query_too_large' } }),
    );
    await table(page).evaluate((box) => box.scrollTo(0, 350 * 36));
    await page.getByRole('alert').filter({ hasText: 'Too much to read' }).waitFor();
    expect(await rowOf(page, 350).count()).toBe(0);
    await page.unroute(refused);
    await page.getByRole('button', { name: 'Ask again' }).click();
    await rowOf(page, 350).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});
