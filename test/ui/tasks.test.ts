import type { Page } from 'playwright-core';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { axeFindings } from '../support/axe.js';
import { hostileText, liveRuns, type UiEvent, uiHistory } from '../support/ui-history.js';
import { noBrowser, UiPages } from '../support/ui-pages.js';

/** What was sent of a task: the fields of its events, and the type of its last. */
interface SentTask {
  readonly task_id: string;
  readonly run_id: string;
  readonly startedMs: number;
  readonly status: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function sentTasks(): readonly SentTask[] {
  const tasks = new Map<string, SentTask>();
  for (const event of uiHistory(inject('ui').nowMs)) {
    if (!event.type.startsWith('task.')) continue;
    const known = tasks.get(event.task_id!);
    tasks.set(event.task_id!, {
      task_id: event.task_id!,
      run_id: event.run_id!,
      startedMs: known?.startedMs ?? event.ts,
      status: event.type.slice('task.'.length),
      fields: { ...known?.fields, ...event },
    });
  }
  return [...tasks.values()].toSorted((one, other) => other.startedMs - one.startedMs);
}

async function askApi<Answer>(path: string): Promise<Answer> {
  const { url, key } = inject('ui');
  const response = await fetch(`${url}/api/v1/monitoring/tasks${path}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  return (await response.json()) as Answer;
}

const pages = new UiPages();
afterEach(() => pages.quiet());

const table = (page: Page) => page.getByRole('table', { name: 'Tasks' });
const rowOf = (page: Page, id: string) =>
  table(page)
    .getByRole('row')
    .filter({ has: page.locator('a', { has: page.locator('bdi') }).and(page.getByTitle(id, { exact: true })) });
const address = ({ task_id: id, run_id: run }: SentTask, query = '') =>
  `/tasks/${encodeURIComponent(id)}?${new URLSearchParams({ run_id: run })}${query}`;

async function lengthOf(page: Page): Promise<number> {
  return Number(await table(page).getAttribute('aria-rowcount')) - 1;
}

/** Of a panel of a task. */
const panel = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
const stat = (page: Page, name: string) =>
  panel(page, 'Task')
    .locator('dt')
    .filter({ hasText: new RegExp(`^${name}$`) })
    .locator('+ dd');

describe.skipIf(noBrowser)('the list of tasks, in Chromium (skipped where it is not installed)', () => {
  test('shows every task that was sent, newest start first', async () => {
    const page = await pages.open('/tasks');
    const sent = sentTasks();
    await rowOf(page, `${liveRuns[0]}-task`).waitFor();
    await page.getByText('At least 1,000 tasks').waitFor();
    // The API counts up to a bound, and the list grows as one goes on.
    await expect
      .poll(async () => {
        await table(page).evaluate((box) => box.scrollTo(0, box.scrollHeight));
        return await lengthOf(page);
      })
      .toBe(sent.length);
    await rowOf(page, sent.at(-1)!.task_id).waitFor();
  });

  test.each([
    ['status', 'failed', ({ status }: SentTask) => status === 'failed'],
    ['status', 'completed', ({ status }: SentTask) => status === 'completed'],
    ['run_id', 'run-0007', (task: SentTask) => task.run_id === 'run-0007'],
    ['agent_id', 'ops-bot', ({ fields }: SentTask) => fields.agent_id === 'ops-bot'],
    ['error_category', 'guardrail', ({ fields }: SentTask) => fields.error_category === 'guardrail'],
    ['error_text', 'names a PERSON', ({ fields }: SentTask) => String(fields.error_message).includes('names a person')],
    ['user_id', 'ann', ({ fields }: SentTask) => fields.user_id === 'ann'],
    ['crew_id', 'alpha', ({ fields }: SentTask) => fields.crew_id === 'alpha'],
    ['flow_id', 'support', ({ fields }: SentTask) => fields.flow_id === 'support'],
    ['session_id', 'session-3', ({ fields }: SentTask) => fields.session_id === 'session-3'],
    ['environment', 'staging', ({ fields }: SentTask) => fields.environment === 'staging'],
  ] as const)('%s=%s shows those that were sent so, and no other', async (name, value, holds) => {
    const query = new URLSearchParams({ [name]: value });
    const page = await pages.open(`/tasks?${query}`);
    const wanted = sentTasks().filter(holds);
    expect(wanted.length).toBeGreaterThan(0);
    await rowOf(page, wanted[0]!.task_id).waitFor();
    // The API counts up to a bound; below it the list is as long as what was sent.
    const { total, total_is_exact: isExact } = await askApi<{ total: number; total_is_exact: boolean }>(`?${query}`);
    if (isExact) expect(total).toBe(wanted.length);
    if (isExact) await expect.poll(() => lengthOf(page)).toBe(wanted.length);
    else await page.getByText(`At least ${total} tasks`).waitFor();
  });

  test('filters that are seldom used fold away, and are put into the address', async () => {
    const page = await pages.open('/tasks');
    await rowOf(page, `${liveRuns[0]}-task`).waitFor();
    expect(await page.getByLabel('Run', { exact: true }).count()).toBe(0);
    await page.getByRole('button', { name: 'More filters' }).click();
    await page.getByLabel('Run', { exact: true }).fill('run-0001');
    await expect.poll(() => page.url()).toMatch(/\/tasks\?run_id=run-0001$/);
    const wanted = sentTasks().filter(({ run_id: run }) => run === 'run-0001');
    await expect.poll(() => lengthOf(page)).toBe(wanted.length);
    await page.reload();
    expect(await page.getByLabel('Run', { exact: true }).inputValue()).toBe('run-0001');
  });

  test('a row opens its task, and leads to its run', async () => {
    const page = await pages.open('/tasks?status=failed');
    const [failed] = sentTasks().filter(({ status, run_id: run }) => status === 'failed' && run.startsWith('run-'));
    await rowOf(page, failed!.task_id).getByTitle(failed!.run_id, { exact: true }).click();
    await expect.poll(() => new URL(page.url()).pathname).toBe(`/runs/${failed!.run_id}`);
    await page.goBack();
    // Anywhere in the row: beside the texts too.
    await rowOf(page, failed!.task_id).click({ position: { x: 4, y: 4 } });
    await expect.poll(() => new URL(page.url()).pathname).toBe(`/tasks/${failed!.task_id}`);
    expect(new URL(page.url()).search).toBe(`?run_id=${failed!.run_id}`);
  });
});

/** Of a task whose step failed and came through at a later attempt. */
function retried(): { readonly task: SentTask; readonly step: UiEvent } {
  const step = uiHistory(inject('ui').nowMs).find(({ type, attempt }) => type === 'step.completed' && attempt === 2)!;
  return { task: sentTasks().find(({ task_id: id }) => id === step.task_id)!, step };
}

describe.skipIf(noBrowser)('a task, in Chromium (skipped where it is not installed)', () => {
  test('its numbers are those of what was sent, steps and all', async () => {
    const { task } = retried();
    const page = await pages.open(address(task));
    const events = uiHistory(inject('ui').nowMs).filter(({ task_id: id }) => id === task.task_id);
    const ended = events.filter(({ type }) => /^step\.(completed|failed)$/.test(type));
    await expect.poll(() => stat(page, 'Step attempts').first().innerText()).toBe(String(ended.length));
    const tokens = ended.reduce((sum, event) => sum + Number(event.tokens_in ?? 0) + Number(event.tokens_out ?? 0), 0);
    expect(await stat(page, 'Tokens').first().getAttribute('title')).toBe(tokens.toLocaleString('en-US'));
    const failed = ended.filter(({ type }) => type === 'step.failed').length;
    expect(await stat(page, 'Step attempts').innerText()).toBe(String(ended.length));
    await panel(page, 'Task').getByText(`${failed} failed`).waitFor();
    await panel(page, 'Inputs').getByRole('row').filter({ hasText: 'part' }).waitFor();
    expect(await page.title()).toBe(`Task ${task.fields.name} · Tidemark`);
  });

  test('attempts of a step are one line with their count, and what is open is in the address', async () => {
    const { task, step } = retried();
    const page = await pages.open(address(task));
    const steps = page.getByRole('list', { name: 'Steps' }).locator('> li');
    const ids = new Set(
      uiHistory(inject('ui').nowMs)
        .filter(({ task_id: id, step_id: of }) => id === task.task_id && of !== undefined)
        .map(({ step_id: id }) => id),
    );
    await expect.poll(() => steps.count()).toBe(ids.size);
    const line = steps.filter({ hasText: 'attempts, ' }).first();
    expect(await line.innerText()).toMatch(/2 attempts, 1 failed/);
    await line.getByRole('button').click();
    await line.getByText('Attempt 2', { exact: true }).waitFor();
    await expect.poll(() => page.url()).toContain(`open=${step.step_id}`);
    await page.reload();
    await steps.getByText('Attempt 1', { exact: true }).waitFor();
    await panel(page, 'Failures').getByText('recovered', { exact: true }).first().waitFor();
  });

  test('its log is told line by line, with the time and the level', async () => {
    const log = uiHistory(inject('ui').nowMs).find(({ type, level }) => type === 'log' && level === 'warn')!;
    const page = await pages.open(address(sentTasks().find(({ task_id: id }) => id === log.task_id)!));
    const line = page.getByRole('list', { name: 'Log lines' }).getByRole('listitem');
    await line.filter({ hasText: String(log.message) }).waitFor();
    expect(await line.innerText()).toContain('warn');
    expect(await line.locator('time').getAttribute('datetime')).toBe(new Date(log.ts).toISOString());
  });
});

describe.skipIf(noBrowser)('odd tasks, in Chromium (skipped where it is not installed)', () => {
  test('a task of strange texts is told as text, and its address holds its id whole', async () => {
    const task = sentTasks().find(({ task_id: id }) => id === hostileText)!;
    const page = await pages.open(address(task));
    await expect.poll(() => page.locator('h1').innerText()).toContain(hostileText);
    expect(await page.locator('main img, main b').count()).toBe(0);
    await panel(page, 'Task').getByText('tool: <b>code</b>').waitFor();
  });

  test('what there is no task of is said in words', async () => {
    const page = await pages.open('/tasks/nothing%20like%20it?run_id=run-0001');
    await page.getByRole('heading', { name: 'There is no such task' }).waitFor();
    await page.getByText('No event of yours names the task').waitFor();
    await page.getByRole('link', { name: 'All tasks' }).click();
    await rowOf(page, `${liveRuns[0]}-task`).waitFor();
  });

  test.each(['light', 'dark'] as const)('axe finds nothing wrong with tasks, %s', async (theme) => {
    const list = await pages.open('/tasks', { theme });
    await rowOf(list, `${liveRuns[0]}-task`).waitFor();
    expect(await axeFindings(list)).toEqual([]);
    const { task, step } = retried();
    const page = await pages.open(address(task, `&open=${step.step_id}`), { theme, width: 360 });
    await page.getByText('Attempt 2', { exact: true }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  });
});
