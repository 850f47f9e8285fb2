import { afterEach, describe, expect, inject, test } from 'vitest';
import { noBrowser, UiPages } from '../support/ui-pages.js';

describe.skipIf(noBrowser)('in Chromium (skipped where it is not installed)', () => {
  const pages = new UiPages();
  afterEach(() => pages.quiet());

  test('a link with a key signs in, and the key is gone from the address', async () => {
    const page = await pages.open('/');
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    expect(page.url()).toBe(`${inject('ui').url}/`);
    expect(await page.title()).toBe('Overview · Tidemark');
    await page.reload();
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  });
});
