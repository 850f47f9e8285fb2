import type { Page } from 'playwright-core';
import { afterEach, expect, inject, test } from 'vitest';
import { axeFindings } from '../support/axe.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

const look = test.skipIf(noBrowser);
const pages = new UiPages();
afterEach(() => pages.quiet());

look('? shows the keys of the page, and g with a letter goes to another one', async () => {
  const page = await pages.open('/runs');
  await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
  await page.keyboard.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys' });
  await keys.getByText('Go to Failures').waitFor();
  expect(await axeFindings(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await keys.waitFor({ state: 'detached' });
  await page.keyboard.press('g');
  await page.keyboard.press('f');
  await page.getByRole('heading', { name: 'Failures', level: 1 }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
});

look('a key that is pressed as a dialog closes is one of the page', async () => {
  const page = await pages.open('/runs');
  await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).getByText('Go to Failures').waitFor();
  await page.evaluate(() => {
    const dialog = document.querySelector('dialog')!;
    const focused = document.activeElement!;
    dialog.close();
    for (const key of ['g', 'f']) focused.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  });
  await page.getByRole('heading', { name: 'Failures', level: 1 }).waitFor();
});

look('what is typed into a field is no key of the page', async () => {
  const page = await pages.open('/runs');
  await page.getByRole('searchbox', { name: 'Agent' }).fill('');
  await page.getByRole('searchbox', { name: 'Agent' }).pressSequentially('gf?');
  await expect.poll(() => new URL(page.url()).searchParams.get('agent_id')).toBe('gf?');
  expect(await page.getByRole('dialog').count()).toBe(0);
});

look('a view is kept under a name, by this browser, until it is forgotten', async () => {
  const page = await pages.open('/runs?status=failed');
  const views = page.getByRole('region', { name: 'Saved views' });
  await views.getByRole('button', { name: 'Save this' }).click();
  await views.getByLabel('Name of the view').fill('what failed');
  await views.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('link', { name: 'Live' }).click();
  await page.getByRole('heading', { name: 'Live', level: 1 }).waitFor();
  await page.reload();
  await views.getByRole('link', { name: 'what failed' }).click();
  await expect.poll(() => page.url()).toBe(`${inject('ui').url}/runs?status=failed`);
  await views.getByRole('button', { name: 'Forget the view what failed' }).click();
  await expect.poll(() => views.getByRole('link').count()).toBe(0);
});

look('what is stored for views is a link of our own or nothing', async () => {
  const page = await pages.open('/runs');
  await page.evaluate(() => {
    const views = [
      { name: 'elsewhere', address: '//evil.example/' },
      { name: 'script', address: 'javascript:alert(1)' },
      { name: 'ours', address: '/tasks' },
    ];
    localStorage.setItem('tidemark.views', JSON.stringify(views));
  });
  await page.reload();
  const views = page.getByRole('region', { name: 'Saved views' });
  await views.getByRole('link', { name: 'ours' }).waitFor();
  expect(await views.getByRole('link').allInnerTexts()).toEqual(['ours']);
});

look('colours follow the system unless one is chosen, and the choice stays', async () => {
  const page = await pages.open('/try', { theme: 'dark' });
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.getByRole('heading', { level: 1 }).waitFor();
  const dark = await ground();
  await page.getByRole('button', { name: 'light', exact: true }).click();
  const light = await ground();
  expect(light).not.toBe(dark);
  await page.reload();
  await page.getByRole('heading', { level: 1 }).waitFor();
  expect(await ground()).toBe(light);
  await page.getByRole('button', { name: 'system', exact: true }).click();
  expect(await ground()).toBe(dark);
});

look('a question that takes long can be cancelled, which ends the request, and asked again', async () => {
  const page = await pages.open('/system');
  await page.getByRole('heading', { name: 'System', level: 1 }).waitFor();
  let held = 0;
  const failed: string[] = [];
  page.on('requestfailed', (request) => failed.push(new URL(request.url()).pathname));
  await page.route('**/api/v1/runs/run-0007', (route) => (held++ === 0 ? new Promise(() => {}) : route.continue()));
  await page.goto(`${inject('ui').url}/runs/run-0007`);
  await page.getByRole('button', { name: 'Cancel' }).first().click();
  await expect.poll(() => failed).toContain('/api/v1/runs/run-0007');
  await page.getByRole('alert').filter({ hasText: 'cancelled' }).getByRole('button', { name: 'Ask again' }).click();
  await page.locator('dl').first().getByText('Step attempts').waitFor();
  expect(await page.getByRole('alert').count()).toBe(0);
});

look('old numbers stay, with a mark, while newer ones are on their way', async () => {
  const page = await pages.open('/failures');
  const groups = page.getByRole('region', { name: /[Gg]roups/ }).first();
  await groups.getByText('guardrail').first().waitFor();
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/api/v1/failures/breakdown?*', async (route) => {
    await gate;
    await route.continue();
  });
  await page.getByRole('button', { name: 'code', exact: true }).click();
  await page.locator('[aria-busy="true"] .opacity-60').first().waitFor();
  expect(await groups.getByText('guardrail').count()).toBeGreaterThan(0);
  release();
  await groups.getByText('rate_limited').first().waitFor();
});

look('an address of nothing is a page that says so', async () => {
  const page = await pages.open('/');
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await page.evaluate(() => history.pushState(null, '', '/nothing/here'));
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
});

look('on a narrow screen the pages are behind a button that says whether they are shown', async () => {
  const page = await pages.open('/try', { width: 360 });
  const menu = page.getByRole('button', { name: 'Menu' });
  expect(await menu.getAttribute('aria-expanded')).toBe('false');
  await menu.click();
  await page.getByRole('link', { name: 'Tasks' }).click();
  await page.getByRole('heading', { name: 'Tasks', level: 1 }).waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
});

look('a tab in the background asks nothing and stops listening, and goes on when it is looked at', async () => {
  const page = await pages.open('/try');
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.clock.install();
  let open = 0;
  page.on('websocket', (socket) => {
    open += 1;
    socket.on('close', () => {
      open -= 1;
    });
  });
  await page.goto(`${inject('ui').url}/`);
  await page.getByText(/as of/).first().waitFor();
  await expect.poll(() => open).toBe(1);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await hide(page, true);
  await page.clock.fastForward(5 * 60_000);
  await expect.poll(() => open).toBe(0);
  expect(asked).toEqual([]);
  await hide(page, false);
  await expect.poll(() => open).toBe(1);
  await expect.poll(() => asked.filter((url) => url.includes('/metrics/dashboard')).length).toBeGreaterThan(0);
});

/** As the browser tells a page that another tab is in front of it. */
async function hide(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}
