import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dayMs } from '../../src/core/time-span.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';
import { type EndedCommand, tidemark } from '../support/tidemark-command.js';

const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-cleanup-'));
const collector = new CollectorProcess({ dataDir });
const nowMs = Date.now();

beforeAll(async () => {
  await collector.start();
  const run = (runId: string, days: number) => ({ agent_id: 'a', run_id: runId, ts: nowMs - days * dayMs });
  const events = [
    ...['old-1', 'old-2', 'old-3'].flatMap((runId) => [
      { ...run(runId, 5), type: 'task.completed', task_id: 't', duration_ms: 10 },
      { ...run(runId, 5), type: 'run.completed', duration_ms: 20 },
    ]),
    { ...run('old-open', 5), type: 'run.started' },
    { ...run('new', 1), type: 'run.completed', duration_ms: 20 },
  ];
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${testKey}` };
  await fetch(`${collector.url}/v1/events`, { method: 'POST', body: JSON.stringify(events), headers });
  await collector.untilStored(events.length);
});
afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function run(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<EndedCommand> {
  return tidemark(words, { env: { TIDEMARK_URL: collector.url, TIDEMARK_KEY: testKey, ...env } });
}

test('old runs that have ended are counted, erased up to the limit, and then the rest', async () => {
  const cleanup = ['executions', 'cleanup', '--days', '3'];
  const left = async () =>
    collector.query<{ run_id: string }>('SELECT DISTINCT run_id FROM agent_events ORDER BY run_id');
  expect(JSON.parse((await run([...cleanup, '--dry-run', '--json'])).stdout)).toMatchObject({ runs: 3, running: 1 });
  expect(await left()).toHaveLength(5);

  const first = await run([...cleanup, '--limit', '1', '--json']);
  expect(JSON.parse(first.stdout)).toMatchObject({ dry_run: false, runs: 1, pending: 0, more: true });
  const rest = await run(cleanup);
  expect(rest).toMatchObject({ code: 0, stderr: '1 still run and were left\n' });
  expect(rest.stdout).toMatch(/^2 runs that started before \S+Z were erased, [1-9]\d* rows\n$/);
  expect(await left()).toEqual([{ run_id: 'new' }, { run_id: 'old-open' }]);
  // No mutation runs over what holds the events.
  const sql = "SELECT count() AS n FROM system.mutations WHERE table = 'agent_events_raw_v1'";
  expect(Number((await collector.query<{ n: string }>(sql))[0]?.n)).toBe(0);
});

test('the schedule is that of the tables, for whoever may see it', async () => {
  const { code, stdout } = await run(['executions', 'schedule-cleanup']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^agent_events_raw_v1 +30 /m);
  expect(stdout).toMatch(/^agent_runs_v1 +90 /m);
  const refused = await run(['executions', 'schedule-cleanup', '--key', 'tdm_of_nobody']);
  expect(refused.code).toBe(5);
});

test('a schedule is written into a configuration that a collector takes, and nothing else of it changes', async () => {
  const config = join(tempDir(), 'tidemark.json');
  const set = (days: string, env = {}) =>
    run(['executions', 'schedule-cleanup', '--days', days, '--config', config], env);
  expect(await set('45')).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(readFileSync(config, 'utf8'))).toEqual({ retention: { historyDays: 45, rawDays: 30 } });
  expect(statSync(config).mode & 0o777).toBe(0o600);

  writeFileSync(config, JSON.stringify({ port: 7100, retention: { errorDays: 50 } }));
  expect((await set('20')).code).toBe(0);
  const shown = await tidemark(['serve', '--check-config', '--config', config]);
  expect(JSON.parse(shown.stdout)).toMatchObject({
    port: 7100,
    retention: { historyDays: 20, rawDays: 20, errorDays: 50, minuteDays: 90 },
  });
  const before = readFileSync(config, 'utf8');
  for (const refused of [
    await set('2'),
    await set('20', { TIDEMARK_RETENTION_HISTORY_DAYS: '10' }),
    await run(['executions', 'schedule-cleanup', '--days', '20']),
  ]) {
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^tidemark: cannot .*\n$/) });
  }
  expect(readFileSync(config, 'utf8')).toBe(before);
});
