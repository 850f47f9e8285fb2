import { execFileSync } from 'node:child_process';
import type { Page } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { axeFindings } from '../support/axe.js';
import { collectorOfFile, uiKeys } from '../support/collector-of-file.js';
import { testKey } from '../support/collector-process.js';
import { sendEvents } from '../support/live-client.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

/** Skipped where no Chromium is installed. */
const inChromium = test.skipIf(noBrowser);
const pages = new UiPages();
const collector = collectorOfFile();
afterEach(() => pages.quiet());

async function open(key: string = testKey, theme: 'light' | 'dark' = 'light', width = 1_280): Promise<Page> {
  const page = await pages.open('/try', { url: collector.url, key, theme, width });
  await page.getByRole('status').filter({ hasText: 'Waiting for the first event' }).waitFor();
  return page;
}

async function copied(page: Page, name: string): Promise<string> {
  await page.getByRole('button', { name: `Copy the ${name} example` }).click();
  await page.getByRole('region', { name }).getByRole('button', { name: 'Copied' }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

function isThere(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const programs = [
  { name: 'curl', file: 'sh', run: (text: string) => ['-c', text], skip: !isThere('curl') },
  {
    name: 'JavaScript',
    file: process.execPath,
    run: (text: string) => ['--input-type=module', '-e', text],
    skip: false,
  },
  { name: 'Python', file: 'python3', run: (text: string) => ['-c', text], skip: !isThere('python3') },
];

for (const { name, file, run, skip } of programs) {
  test.skipIf(noBrowser || skip)(
    `the ${name} example works as it is copied, and the page tells that it came`,
    async () => {
      const page = await open();
      const text = await copied(page, name);
      const answer = execFileSync(file, run(text), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      expect(answer).toContain('"accepted":3,"rejected":0');
      const status = page.getByRole('status').filter({ hasText: 'The first event has arrived' });
      await status.getByText('3 events so far').waitFor();
      const runId = /try-\w+-\w+/.exec(text)![0];
      const link = status.getByRole('link', { name: runId });
      expect(await link.getAttribute('href')).toBe(`/runs/${runId}`);
      await expect.poll(() => nameOfRun(runId)).toBe(`hello from ${name}`);
      await link.click();
      await page
        .getByRole('heading', { level: 1 })
        .filter({ hasText: `hello from ${name}` })
        .waitFor();
    },
  );
}

inChromium('the key is not to be seen until it is asked for', async () => {
  const page = await open();
  const shown = () => page.locator('pre').allInnerTexts();
  expect(await shown()).toHaveLength(3);
  expect((await shown()).filter((text) => text.includes(testKey))).toEqual([]);
  expect(await page.content()).not.toContain(testKey);
  await page.getByRole('button', { name: 'Show the key' }).click();
  expect((await shown()).filter((text) => text.includes(testKey))).toHaveLength(3);
  expect((await shown()).filter((text) => text.includes(`${collector.url}/v1/events`))).toHaveLength(3);
  await page.getByRole('button', { name: 'Hide the key' }).click();
  expect(await page.content()).not.toContain(testKey);
});

inChromium('an event of somebody else is told as that', async () => {
  const page = await open();
  await sendEvents(collector, [{ type: 'task.running', agent_id: 'scout', task_id: 'theirs' }]);
  const status = page.getByRole('status').filter({ hasText: 'of another sender' });
  expect(await status.getByRole('link', { name: 'theirs' }).getAttribute('href')).toBe('/tasks/theirs?agent_id=scout');
});

inChromium('a key that may not send is told what is missing, and is not put into the examples', async () => {
  const page = await open(uiKeys.reader);
  await page.getByText('Your key may not send events.').waitFor();
  const text = await copied(page, 'curl');
  expect(text).toContain('Bearer A_KEY_WITH_THE_SCOPE_INGEST');
  expect(text).not.toContain(uiKeys.reader);
});

inChromium.each([
  ['light', 1_280],
  ['dark', 360],
] as const)('axe finds nothing, %s at %i px', async (theme, width) => {
  const page = await open(testKey, theme, width);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  expect(await axeFindings(page)).toEqual([]);
});

async function nameOfRun(runId: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${testKey}` };
  const response = await fetch(`${collector.url}/api/v1/runs/${runId}`, { headers });
  return ((await response.json()) as { readonly name?: unknown }).name;
}
