import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromiumName, launchChromium } from '../../bench/chromium.js';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { sendHistory } from '../support/ui-collector.js';
import { uiHistory } from '../support/ui-history.js';

/**
 * The pictures of docs/ui.md, of the known history of the browser tests: `npm run screenshots [-- <directory> all]`.
 * With `all` every page is taken, in both colour schemes and at 360 pixels too, to be looked at.
 */
interface Shot {
  readonly name: string;
  readonly path: string;
  /** What is to be seen before the picture is taken. */
  readonly until: string;
}

const failedRun = (): string => {
  const step = uiHistory(0).find(({ type, attempt }) => type === 'step.failed' && attempt === 2);
  return `/runs/${step?.run_id}`;
};

const shown: readonly Shot[] = [
  { name: 'overview', path: '/', until: 'as of' },
  { name: 'agent', path: '/agents/coder', until: 'as of' },
  { name: 'runs', path: '/runs', until: 'as of' },
  { name: 'run', path: failedRun(), until: 'as of' },
  { name: 'failures', path: '/failures', until: 'as of' },
  { name: 'live', path: '/live', until: 'Events' },
];

const more: readonly Shot[] = [
  { name: 'agents', path: '/agents', until: 'as of' },
  { name: 'tasks', path: '/tasks', until: 'as of' },
  { name: 'task', path: `/tasks/run-0007-t0?run_id=run-0007`, until: 'as of' },
  { name: 'flame', path: `${failedRun()}?view=flame`, until: 'as of' },
  { name: 'log', path: `${failedRun()}?view=log`, until: 'as of' },
  { name: 'patterns', path: '/patterns', until: 'as of' },
  { name: 'pattern', path: '/patterns/pattern-retry', until: 'as of' },
  { name: 'system', path: '/system', until: 'as of' },
  { name: 'try', path: '/try', until: 'curl' },
  { name: 'no-run', path: '/runs/no-such-run', until: 'no such run' },
];

const settleMs = 1_500;

const [directory = fileURLToPath(packageFile('docs/images/')), which] = process.argv.slice(2);
if (chromiumName === undefined) throw new Error('no Chromium is installed here');
const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-shots-'));
const collector = new CollectorProcess({ dataDir, env: { TIDEMARK_MAINTENANCE_SCHEDULE: 'off' } });
const browser = await launchChromium([]);
try {
  await collector.start();
  await sendHistory(collector, uiHistory(Date.now()));
  mkdirSync(directory, { recursive: true });
  if (which !== 'all') await take(shown, { theme: 'light', width: 1_280, height: 800, suffix: '' });
  else {
    for (const theme of ['light', 'dark'] as const) {
      await take([...shown, ...more], { theme, width: 1_280, height: 900, suffix: `-${theme}` });
      await take([...shown, ...more], { theme, width: 360, height: 780, suffix: `-narrow-${theme}` });
    }
  }
} finally {
  await browser.close();
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function take(
  shots: readonly Shot[],
  view: { readonly theme: 'light' | 'dark'; readonly width: number; readonly height: number; readonly suffix: string },
): Promise<void> {
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.height },
    colorScheme: view.theme,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${collector.url}/#key=${testKey}`);
  for (const { name, path, until } of shots) {
    await page.goto(`${collector.url}${path}`);
    await page.locator('main').getByText(until).first().waitFor();
    await page.waitForTimeout(settleMs);
    await page.screenshot({ path: join(directory, `${name}${view.suffix}.png`) });
  }
  await context.close();
}
