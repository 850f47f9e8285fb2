import { afterEach, expect, inject, test } from 'vitest';
import { axeFindings } from '../support/axe.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

const look = test.skipIf(noBrowser);
const pages = new UiPages();
afterEach(() => pages.quiet());

look('a link with a key signs in, and the key is gone from the address', async () => {
  const page = await pages.open('/');
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  expect(page.url()).toBe(`${inject('ui').url}/`);
  expect(await page.title()).toBe('Overview · Tidemark');
  await page.reload();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
});

look.each(['light', 'dark'] as const)('axe finds nothing wrong with the door, %s', async (theme) => {
  const page = await pages.open('/', { key: null, theme });
  await page.getByRole('heading', { name: 'Sign in to Tidemark' }).waitFor();
  expect(await axeFindings(page)).toEqual([]);
});

look('a wrong key is refused in words, and another one is asked for', async () => {
  const page = await pages.open('/runs?status=failed', { key: null });
  await page.getByLabel('API key with the scope read').fill('tdm_wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').filter({ hasText: '401' }).waitFor();
  await page.getByLabel('API key with the scope read').fill(inject('ui').key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
  expect(page.url()).toBe(`${inject('ui').url}/runs?status=failed`);
});
