import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tidemark } from '../support/tidemark-command.js';
import { askFigures } from './asked-figures.js';

/**
 * `npm run data-dir`, once before a version is released: `test/data-dirs/<version>.tar.gz`, a backup of a small data
 * directory of this version, part of it still in the spool, and `<version>.json`, what this version answers about it
 * once all of it is delivered. Its passwords are of no other directory. Every later version must start on it and say
 * the same.
 */
const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { readonly version: string };
const place = mkdtempSync(join(tmpdir(), 'tidemark-data-dir-'));
const env = { TIDEMARK_SPOOL_SEGMENT_AGE_MS_MIN: '50' };
const patient = { TIDEMARK_SPOOL_SEGMENT_AGE_MS_MIN: '30000', TIDEMARK_SPOOL_SEGMENT_AGE_MS_MAX: '60000' };

async function send(collector: CollectorProcess, events: readonly object[]): Promise<void> {
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  if (response.status !== 202) throw new Error(`the events were answered ${response.status}`);
}

function eventsOf(first: number, count: number): object[] {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const work = { agent_id: `agent-${number % 3}`, run_id: `run-${number % 20}`, task_id: `task-${number}` };
    const told = { ...work, duration_ms: 10 + ((number * 37) % 400), tokens_in: number, cost_micros: 2 * number };
    if (number % 7 !== 0) return { ...told, type: 'task.completed', confidence: 0.5 };
    return { ...told, type: 'task.failed', error_category: 'tool', error_code: `code-${number % 2}` };
  });
}

async function untilStored(collector: CollectorProcess, events: number): Promise<void> {
  for (;;) {
    const [row] = await collector.query<{ rows: number; total: number }>(`
      SELECT (SELECT count() FROM agent_events) AS rows, (SELECT sum(total) FROM agent_performance_daily) AS total`);
    if (Number(row?.rows) === events && Number(row?.total) === events) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

try {
  const dataDir = join(place, 'data');
  const first = new CollectorProcess({ dataDir, env, makesStore: true });
  await first.start();
  await send(first, eventsOf(1, 150));
  await untilStored(first, 150);
  await first.stop();
  const second = new CollectorProcess({ dataDir, env: patient });
  await second.start();
  await send(second, eventsOf(151, 30));
  await second.killAll();
  const archive = join(place, 'x.tar');
  const made = await tidemark(['backup', archive, '--data-dir', dataDir]);
  if (made.code !== 0) throw new Error(made.stderr);
  const third = new CollectorProcess({ dataDir, env });
  await third.start();
  await untilStored(third, 180);
  const figures = await askFigures(third);
  await third.stop();
  const target = (ending: string) => packageFile(`test/data-dirs/${version}.${ending}`);
  writeFileSync(target('tar.gz'), gzipSync(readFileSync(archive), { level: 9 }));
  writeFileSync(target('json'), `${JSON.stringify(figures, null, 2)}\n`);
} finally {
  rmSync(place, { recursive: true, force: true });
}
