import { parseArgs } from 'node:util';
import { pack } from 'msgpackr/pack';
import type { Browser, Page } from 'playwright-core';
import { answerHelp } from '../src/cli/help.js';
import { seededRandom } from '../src/cli/seeded-random.js';
import { chromiumName, launchChromium } from './chromium.js';
import { benchKey, CollectorProcess } from './collector-process.js';
import { startLoad } from './load.js';
import { readTree } from './process-usage.js';

/**
 * `npm run bench:ui [-- --runs 100000 --rate 5000 --minutes 60]`
 *
 * The pages in a real browser, at a store of ten events a run: until something useful is painted, frames while the list
 * of all runs is scrolled, a run of 10,000 steps opened, and what the page of the live tail holds in memory while
 * events come at a steady rate. Browser, collector and load share the machine.
 */
const usage = 'usage: bench:ui [--runs 100000] [--rate 5000] [--minutes 60]\n';
answerHelp(usage);
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    rate: { type: 'string', default: '5000' },
    minutes: { type: 'string', default: '60' },
  },
});

const eventsOfRun = 10;
const runsOfRequest = 100;
const bigSteps = 10_000;
const dayMs = 86_400_000;
const columns = [
  'type',
  'agent_id',
  'run_id',
  'task_id',
  'step_id',
  'ts',
  'duration_ms',
  'name',
  'error_category',
] as const;
type Row = readonly (string | number | null)[];

/** Two tasks of one step each, told by their starts and ends; one run of twenty fails. */
function runRows(index: number, atMs: number): Row[] {
  const [agent, run] = [`agent-${index % 50}`, `run-${index}`];
  const rows: Row[] = [['run.started', agent, run, null, null, atMs, null, 'a run']];
  for (let task = 0; task < 2; task += 1) {
    const [id, startMs] = [`${run}-t${task}`, atMs + task * 1_000];
    rows.push(
      ['task.running', agent, run, id, null, startMs, null, 'a task'],
      ['step.started', agent, run, id, 's', startMs + 10, null, 'chat'],
      ['step.completed', agent, run, id, 's', startMs + 800, 790, 'chat'],
      ['task.completed', agent, run, id, null, startMs + 900, 900, 'a task'],
    );
  }
  const failed = index % 20 === 0;
  const end = failed ? 'run.failed' : 'run.completed';
  return [...rows, [end, agent, run, null, null, atMs + 2_000, 2_000, 'a run', failed ? 'tool' : null]];
}

function bigRunRows(atMs: number): Row[] {
  const random = seededRandom(1);
  const rows: Row[] = [['run.started', 'agent-0', 'big', null, null, atMs, null, 'big']];
  for (let step = 0; step < bigSteps; step += 1) {
    const took = 50 + Math.floor(random() * 200);
    const task = `big-t${Math.floor(step / 100)}`;
    rows.push(['step.completed', 'agent-0', 'big', task, `s${step}`, atMs + step * 100 + took, took, 'call']);
  }
  return [...rows, ['run.completed', 'agent-0', 'big', null, null, atMs + bigSteps * 100, bigSteps * 100, 'big']];
}

async function send(collector: CollectorProcess, rows: readonly Row[]): Promise<void> {
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${benchKey}`, 'content-type': 'application/msgpack' },
    body: pack({ columns, rows: rows.map((row) => columns.map((_, at) => row[at] ?? null)) }),
  });
  const { accepted } = (await response.json()) as { readonly accepted?: number };
  if (accepted !== rows.length) throw new Error(`${rows.length} events were answered ${response.status}: ${accepted}`);
}

async function fill(collector: CollectorProcess, runs: number): Promise<void> {
  const nowMs = Date.now();
  for (let first = 0; first < runs; first += runsOfRequest) {
    const rows: Row[] = [];
    for (let index = first; index < Math.min(runs, first + runsOfRequest); index += 1) {
      rows.push(...runRows(index, nowMs - 6 * dayMs * (1 - index / runs) - 3_600_000));
    }
    await send(collector, rows);
  }
  const big = bigRunRows(nowMs - 3_000_000);
  for (let at = 0; at < big.length; at += 1_000) await send(collector, big.slice(at, at + 1_000));
  await untilStored(collector, runs * eventsOfRun + big.length);
}

async function untilStored(collector: CollectorProcess, events: number): Promise<void> {
  for (;;) {
    const response = await fetch(`${collector.url}/health/deep`, { headers: { authorization: `Bearer ${benchKey}` } });
    const { ledger } = (await response.json()) as { readonly ledger: { readonly inserted: number } };
    if (ledger.inserted >= events) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function say(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(64)} ${value}\n`);
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** From the address to numbers on the page, signed in by the link; nothing is cached in a new window. */
async function measurePaint(browser: Browser, collector: CollectorProcess): Promise<void> {
  const shell: number[] = [];
  const numbers: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } });
    const page = await context.newPage();
    await page.goto(`${collector.url}/#key=${benchKey}`, { waitUntil: 'commit' });
    await page
      .getByText(/^as of/)
      .first()
      .waitFor();
    const now = await page.evaluate(() => performance.now());
    const paint = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
    );
    shell.push(paint);
    numbers.push(now);
    await context.close();
  }
  say('overview: first paint, median of 5', `${middle(shell).toFixed(0)} ms`);
  say('overview: numbers on the page, median of 5', `${middle(numbers).toFixed(0)} ms`);
}

/** Scrolls by the wheel, four screens a second, and looks at the time between frames. */
async function measureScroll(browser: Browser, collector: CollectorProcess): Promise<void> {
  const page = await openPage(browser, `${collector.url}/runs#key=${benchKey}`);
  await page.getByText('run-').first().waitFor();
  await page.evaluate(watchFrames);
  await page.mouse.move(800, 600);
  for (let turn = 0; turn < 160; turn += 1) {
    await page.mouse.wheel(0, 700);
    await page.waitForTimeout(100);
  }
  const frames = await page.evaluate(() => (globalThis as unknown as FrameWatch).frames);
  const nodes = await page.evaluate(countElements);
  const slow = frames.filter((ms) => ms > 50);
  say('runs: frames while scrolled by the wheel, over 50 ms', `${slow.length} of ${frames.length}`);
  say('runs: the longest frame', `${Math.max(...frames).toFixed(0)} ms`);
  say('runs: elements in the document', String(nodes));
  await page.context().close();
}

/** In the page, whose types are not those of this program. */
function countElements(): number {
  const { document } = globalThis as unknown as {
    readonly document: { querySelectorAll(of: string): ArrayLike<object> };
  };
  return document.querySelectorAll('*').length;
}

interface FrameWatch {
  frames: number[];
}

function watchFrames(): void {
  const watch = globalThis as unknown as FrameWatch;
  watch.frames = [];
  let last = performance.now();
  const next = (): void => {
    const now = performance.now();
    watch.frames.push(now - last);
    last = now;
    (globalThis as unknown as { requestAnimationFrame(run: () => void): void }).requestAnimationFrame(next);
  };
  next();
}

async function measureBigRun(browser: Browser, collector: CollectorProcess): Promise<void> {
  const first: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const page = await openPage(browser, `${collector.url}/#key=${benchKey}`);
    await page
      .getByText(/^as of/)
      .first()
      .waitFor();
    const startMs = performance.now();
    await page.goto(`${collector.url}/runs/big`, { waitUntil: 'commit' });
    await page.locator('[data-node]').nth(10).waitFor();
    first.push(performance.now() - startMs);
    // It can be taken along once all of it is here.
    await page.getByRole('button', { name: 'Download JSON', disabled: false }).waitFor();
    whole.push(performance.now() - startMs);
    await page.context().close();
  }
  say(`run of ${bigSteps} steps: first lines, median of 5`, `${middle(first).toFixed(0)} ms`);
  say(`run of ${bigSteps} steps: all of it, median of 5`, `${middle(whole).toFixed(0)} ms`);
}

async function measureLive(browser: Browser, collector: CollectorProcess): Promise<void> {
  const [rate, minutes] = [Number(values.rate), Number(values.minutes)];
  const page = await openPage(browser, `${collector.url}/live#key=${benchKey}`);
  const load = startLoad(collector, {
    format: 'positional',
    rate,
    agents: 50,
    eventsPerFrame: 50,
    seconds: 60 * minutes,
  });
  const before = cpuOf(collector);
  const steps = Math.min(6, minutes);
  for (let step = 0; step <= steps; step += 1) {
    say(`live tail at ${rate} events/s, after ${((step * minutes) / steps).toFixed(0)} minutes`, await memoryOf(page));
    if (step < steps) await page.waitForTimeout((60_000 * minutes) / steps);
  }
  const report = await load.report;
  say('live tail: events sent', String(report.events));
  say('live tail: collector, of a processor', `${((cpuOf(collector) - before) / (600 * minutes)).toFixed(0)} %`);
  await page.context().close();
}

function cpuOf(collector: CollectorProcess): number {
  return readTree(collector.pid)[0]?.cpuMs ?? 0;
}

/** What JavaScript holds after the garbage was collected, and the elements of the document. */
async function memoryOf(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  await session.detach();
  const nodes = await page.evaluate(countElements);
  return `${(usedSize / 1e6).toFixed(1)} MB of JavaScript, ${nodes} elements`;
}

async function openPage(browser: Browser, address: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  await page.goto(address);
  return page;
}

if (chromiumName === undefined) throw new Error('no Chromium is installed here');
const collector = await CollectorProcess.start({ settings: { TIDEMARK_MAINTENANCE_SCHEDULE: 'off' } });
const browser = await launchChromium([]);
try {
  await fill(collector, Number(values.runs));
  say('events in the store', String(Number(values.runs) * eventsOfRun + bigSteps + 2));
  await measurePaint(browser, collector);
  await measureScroll(browser, collector);
  await measureBigRun(browser, collector);
  if (Number(values.minutes) > 0) await measureLive(browser, collector);
} finally {
  await browser.close();
  await collector.stop();
}
