import type { Page } from 'playwright-core';
import { afterEach, expect, inject, test } from 'vitest';
import { axeFindings } from '../support/axe.js';
import { collectorOfFile } from '../support/collector-of-file.js';
import { testKey } from '../support/collector-process.js';
import { sendEvents } from '../support/live-client.js';
import { hostileText, liveRuns, longId } from '../support/ui-history.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

/** Skipped where no Chromium is installed. */
const inChromium = test.skipIf(noBrowser);
const pages = new UiPages();
const collector = collectorOfFile();
afterEach(() => pages.quiet());

const send = (...events: readonly object[]): Promise<void> => sendEvents(collector, events);
const rows = (page: Page) => page.getByRole('region', { name: 'Events, the newest last' });
const underWay = (page: Page) => page.getByRole('region', { name: 'Under way', exact: true });
const came = (page: Page, count: string) => page.getByText(`Came${count}`, { exact: true }).waitFor();
const log = (number: number) => ({
  type: 'log',
  agent_id: 'scout',
  run_id: 'logs',
  level: 'info',
  message: `line ${number};`,
});

async function listening(path = '/live', options: { readonly theme?: 'light' | 'dark'; readonly width?: number } = {}) {
  const page = await pages.open(path, { url: collector.url, key: testKey, ...options });
  await page.getByText('Listening', { exact: true }).waitFor();
  await underWay(page).getByText('kept up to date since').waitFor();
  return page;
}

inChromium('events are listed as they come, and each line leads to its run, task or agent', async () => {
  const page = await listening();
  await page.getByText('No event has come since this list began.').waitFor();
  await send(
    {
      type: 'step.failed',
      agent_id: 'coder',
      run_id: 'run/1',
      step_id: 's',
      name: 'run_sql',
      duration_ms: 1_250,
      attempt: 2,
      error_category: 'tool',
      error_code: 'timeout',
      error_message: 'no answer',
    },
    { type: 'task.running', agent_id: 'coder', task_id: 'alone', name: 'draft' },
    { type: 'heartbeat', agent_id: 'coder' },
  );
  const failed = rows(page).getByRole('link', { name: 'step.failed' });
  await failed.waitFor();
  const text = await rows(page).innerText();
  for (const part of ['coder', 'run/1', 'run_sql · tool timeout: no answer', '1.25 s', 'try 2', 'draft']) {
    expect(text).toContain(part);
  }
  expect(await failed.getAttribute('href')).toBe('/runs/run%2F1');
  expect(await rows(page).getByRole('link', { name: 'task.running' }).getAttribute('href')).toBe(
    '/tasks/alone?agent_id=coder',
  );
  expect(await rows(page).getByRole('link', { name: 'heartbeat' }).getAttribute('href')).toBe('/agents/coder');
  await came(page, '3');
  // The whole line is the link.
  await rows(page).getByText('run_sql · tool timeout: no answer').click({ force: true });
  await page.waitForURL('**/runs/run%2F1');
  await page.goBack();
  await page.getByText('Listening', { exact: true }).waitFor();
});

inChromium('a filter of the address lets through what it names, and is cleared with Back', async () => {
  const page = await listening('/live?agent_id=writer');
  await page.getByLabel('Status').selectOption('failed');
  await page.waitForURL('**/live?agent_id=writer&status=failed');
  await page.getByText('Listening', { exact: true }).waitFor();
  const failure = { type: 'task.failed', error_category: 'infra' };
  const events = [
    { ...failure, agent_id: 'writer', task_id: 'wanted' },
    { ...failure, agent_id: 'scout', task_id: 'of another agent' },
    { type: 'task.completed', agent_id: 'writer', task_id: 'of another state' },
  ];
  // Whether the collector knows the new filter already is not seen: it is asked until it does.
  await expect
    .poll(async () => {
      await send(...events);
      return rows(page).isVisible();
    })
    .toBe(true);
  const text = await rows(page).innerText();
  expect(text).toContain('wanted');
  expect(text).not.toContain('of another');
  await page.goBack();
  await page.waitForURL('**/live?agent_id=writer');
  expect(await page.getByLabel('Status').inputValue()).toBe('');
  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await page.waitForURL(`${collector.url}/live`);
});

inChromium('a filter that the collector refuses is told in its words', async () => {
  const page = await pages.open('/live?type=nonsense', { url: collector.url, key: testKey });
  await page.getByText(/The collector says: .*expected one or more of run\.started/).waitFor();
});

/** Of the rows that are seen, when the list has come to rest where it was scrolled to. */
async function atRest(page: Page): Promise<string> {
  let text = await rows(page).innerText();
  for (let same = 0; same < 3; ) {
    await page.waitForTimeout(200);
    const now = await rows(page).innerText();
    same = now === text ? same + 1 : 0;
    text = now;
  }
  return text;
}

inChromium('scrolling up pauses the list; what came meanwhile is counted and shown when it goes on', async () => {
  const page = await listening('/live?run_id=logs');
  await send(...Array.from({ length: 400 }, (_, number) => log(number)));
  await rows(page).getByText('info: line 399;').waitFor();
  // No more lines are in the document than are seen, and some around them.
  expect(await rows(page).getByRole('link').count()).toBeLessThan(100);
  await rows(page).hover();
  await page.mouse.wheel(0, -2_000);
  await page.getByRole('button', { name: 'Go on' }).waitFor();
  const before = await atRest(page);
  await send(log(400), log(401));
  await page.getByRole('button', { name: '2 new, go on' }).waitFor();
  expect(await rows(page).innerText()).toBe(before);
  await page.getByRole('button', { name: '2 new, go on' }).click();
  await rows(page).getByText('info: line 401;').waitFor();
  await page.keyboard.press('p');
  await page.getByRole('button', { name: 'Go on' }).waitFor();
  await page.keyboard.press('p');
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.getByRole('button', { name: 'Empty' }).click();
  await came(page, '0');
});

inChromium('more events than are kept: the newest stay, all are counted, and that is said', async () => {
  const page = await listening('/live?run_id=logs');
  for (let first = 0; first < 12_000; first += 2_000) {
    await send(...Array.from({ length: 2_000 }, (_, number) => log(first + number)));
  }
  await came(page, '12K');
  await page.getByText('the newest 5,000; older ones are gone from here').waitFor();
  await rows(page).getByText('info: line 11999;').waitFor();
  await rows(page).press('Home');
  await rows(page).getByText('info: line 7000;').waitFor();
});

inChromium('runs under way are counted and go when they end, as the socket tells them', async () => {
  const page = await listening('/live?agent_id=planner');
  await underWay(page).getByText('No run is under way.').waitFor();
  const run = { agent_id: 'planner', run_id: 'goes' };
  await send(
    { ...run, type: 'run.started', name: 'a plan' },
    { ...run, type: 'task.running', task_id: 't' },
    { ...run, type: 'step.completed', task_id: 't', step_id: 's', tokens_in: 40, tokens_out: 2, duration_ms: 5 },
  );
  await underWay(page).getByText('goes').waitFor();
  await expect.poll(() => underWay(page).innerText()).toContain('tasks: 1 open, 0 done');
  const text = (await underWay(page).innerText()).replaceAll('\n', ' ');
  expect(text).toContain('Runs 1 Their open tasks 1 Their running steps 0');
  expect(text).toContain('steps: 0 open, 1 done');
  expect(text).toContain('42 tokens, – (42 tokens have no price)');
  await send({ ...run, type: 'task.completed', task_id: 't' }, { ...run, type: 'run.completed' });
  await underWay(page).getByTitle('Ended well').waitFor();
  await underWay(page).getByText('No run is under way.').waitFor();
});

inChromium('open tasks of no run are told as they were when the page began', async () => {
  await send({ type: 'task.running', agent_id: 'lone-agent', task_id: 'lone/task' });
  const page = await listening('/live?agent_id=lone-agent');
  await underWay(page)
    .getByText(/^1 task of no run was open at/)
    .click();
  expect(await underWay(page).getByRole('link', { name: 'lone/task' }).getAttribute('href')).toBe(
    '/tasks/lone%2Ftask?agent_id=lone-agent',
  );
});

inChromium('the runs under way of the history are those that never ended', async () => {
  const page = await pages.open('/live');
  const list = page.getByRole('region', { name: 'Runs under way' });
  await list.waitFor();
  const shown = await list.getByRole('listitem').getByRole('link').allInnerTexts();
  expect(shown.toSorted()).toEqual([...liveRuns].toSorted());
  await page.getByText('Their running steps').waitFor();
  expect((await underWay(page).innerText()).replaceAll('\n', ' ')).toContain(
    'Runs 3 Their open tasks 3 Their running steps 3',
  );
  expect(inject('ui').url).not.toBe(collector.url);
});

inChromium.each([
  ['light', 1_280],
  ['dark', 360],
] as const)('hostile texts are text, and axe finds nothing, %s at %i px', async (theme, width) => {
  const page = await listening('/live', { theme, width });
  const failure = { error_category: 'tool', error_code: '<b>code</b>', error_message: hostileText };
  const odd = { agent_id: hostileText, run_id: `${hostileText}${theme}`, name: hostileText };
  await send(
    { ...odd, type: 'run.started' },
    { ...odd, type: 'step.failed', step_id: hostileText, ...failure },
    { type: 'run.completed', agent_id: 'a'.repeat(256), run_id: `${longId.slice(5)}${theme}`.slice(-256) },
  );
  await rows(page).getByRole('link', { name: 'run.completed' }).waitFor();
  expect(await rows(page).innerText()).toContain(`tool <b>code</b>: ${hostileText}`);
  expect(await page.locator('main img, main b').count()).toBe(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  expect(await axeFindings(page)).toEqual([]);
});

inChromium('when the collector goes away the page says so, and listens again when it is back', async () => {
  const page = await listening();
  await collector.stop();
  await page.getByText('The connection is lost; it is tried again by itself').waitFor();
  await collector.start();
  await page.getByText('Listening', { exact: true }).waitFor();
  await send({ type: 'run.started', agent_id: 'scout', run_id: 'after' });
  await rows(page).getByText('The connection was lost here').waitFor();
  await rows(page).getByText('after', { exact: true }).waitFor();
});
