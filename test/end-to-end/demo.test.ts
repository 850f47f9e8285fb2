import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

const run = promisify(execFile);
const program = fileURLToPath(packageFile('dist/src/cli/tidemark.js'));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function runDemo(...options: string[]): Promise<Ended> {
  try {
    return { code: 0, ...(await run(process.execPath, [program, 'demo', ...options])) };
  } catch (error) {
    return error as Ended;
  }
}

test('the demo ends with code 0 when the collector answers with the counts of what was sent', async () => {
  const collector = new CollectorProcess({ dataDir: tempDir(), isStreamed: true });
  onTestFinished(async () => {
    await collector.stop();
  });
  await collector.start();
  // The demo waits for half a minute at most until all is stored: a start of the store is none of it.
  await expect.poll(() => collector.get('/health')).toMatchObject({ status: 'healthy' });
  const fleet = ['--agents', '5', '--rate', '2000', '--seconds', '2', '--seed', '7'];
  const { code, stdout } = await runDemo(...fleet, '--url', collector.url, '--key', testKey);
  expect(stdout).toContain('counts and success rates are equal for 5 of 5 agents');
  expect(stdout).toContain('nothing was lost, nothing was counted twice');
  expect(code).toBe(0);
  // Of the runs that were under way when the time was over, the rest was sent as well.
  expect((await collector.metrics()).get('tidemark_events_total{outcome="durable"}')).toBeGreaterThanOrEqual(4_000);
  await expect.poll(() => openWork(collector)).toEqual({ runs: 0, tasks: 0 });
  const [told] = await collector.query<Readonly<Record<string, number>>>(`
    SELECT uniqExact(user_id) > 1 AS users, uniqExact(session_id) > 1 AS sessions,
      uniqExact(engagement_id) > 1 AS engagements, countIf(notEmpty(inputs)) > 0 AS inputs,
      countIf(type = 'memory.stored') > 0 AND countIf(type = 'memory.recalled') > 0 AS memory,
      countIf(type = 'pattern.observed') > 0 AND countIf(type = 'pattern.feedback') > 0 AS patterns,
      countIf(type = 'log') > 0 AS logs, countIf(step_kind = 'llm' AND name != '') > 0 AS models,
      countIf(type = 'run.started' AND user_id != '') > 0 AND countIf(type LIKE 'run.%ed' AND user_id = '') > 0 AS terse
    FROM agent_events`);
  expect(Object.entries(told ?? {}).filter(([, holds]) => Number(holds) !== 1)).toEqual([]);
  await expectTicket(collector, /tidemark run ([0-9a-f]{32})/.exec(stdout)?.[1] ?? 'none is told');

  const refused = await runDemo(...fleet, '--url', collector.url, '--key', 'tdm_not_a_key_of_this_collector');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('cannot stream: the API key');
});

/** The run of the support agent, as the SDK told it: attempts, failures, another agent, cached tokens. */
async function expectTicket(collector: CollectorProcess, runId: string): Promise<void> {
  interface Node {
    readonly name: string;
    readonly kind: string | null;
    readonly type: string;
    readonly status: string;
    readonly attempt: number | null;
  }
  const headers = { authorization: `Bearer ${testKey}` };
  const nodes = async (): Promise<string[]> => {
    const answer = await fetch(`${collector.url}/api/v1/runs/${runId}/timeline`, { headers });
    if (!answer.ok) return [];
    const { nodes: found } = (await answer.json()) as { readonly nodes: readonly Node[] };
    return found.map(({ name, kind, type, status, attempt }) => `${kind ?? type} ${name} ${attempt ?? 1} ${status}`);
  };
  await expect
    .poll(nodes)
    .toEqual(
      expect.arrayContaining([
        'run support ticket 1 completed',
        'task find order 1 completed',
        'tool order_api 1 failed',
        'tool order_api 2 failed',
        'tool order_api 3 completed',
        'retrieval search_documents 1 completed',
        'task refund order 1 completed',
      ]),
    );
  const [usage] = await collector.query<Readonly<Record<string, number>>>(`
    SELECT sum(tokens_in) AS tokens_in, sum(tokens_cache_read) AS cached, sum(cost_micros) AS cost,
      uniqExact(run_id) AS runs, uniqExact(agent_id) AS agents, any(user_id) = 'ada' AS ada
    FROM agent_events WHERE agent_id LIKE 'support-agent-%' OR agent_id LIKE 'refunds-%'`);
  // Three calls of the model: 400 and ten for each letter of 'read ticket', 'compare with policy', 'decide refund'.
  const expected = { tokens_in: 1_630, cached: 600, cost: 2_700, runs: 2, agents: 2, ada: 1 };
  expect(Object.fromEntries(Object.entries(usage ?? {}).map(([name, value]) => [name, Number(value)]))).toEqual(
    expected,
  );
}

/** Runs and tasks that have not ended, as the collector tells them. */
async function openWork(collector: CollectorProcess) {
  const total = async (path: string): Promise<number> => {
    const totals = ['running', 'orphaned'].map(async (status) => {
      const headers = { authorization: `Bearer ${testKey}` };
      const response = await fetch(`${collector.url}${path}?status=${status}`, { headers });
      return ((await response.json()) as { readonly total: number }).total;
    });
    return (await Promise.all(totals)).reduce((sum, count) => sum + count, 0);
  };
  return { runs: await total('/api/v1/runs'), tasks: await total('/api/v1/monitoring/tasks') };
}

test('an interrupted demo sends the runs that are under way to their end, and leaves none open', async () => {
  const collector = new CollectorProcess({ dataDir: tempDir() });
  onTestFinished(async () => {
    await collector.stop();
  });
  await collector.start();
  const fleet = ['--agents', '8', '--rate', '500', '--seconds', '600', '--url', collector.url, '--key', testKey];
  const child = spawn(process.execPath, [program, 'demo', ...fleet]);
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const durable = async () => (await collector.metrics()).get('tidemark_events_total{outcome="durable"}') ?? 0;
  await expect.poll(durable).toBeGreaterThan(300);
  child.kill('SIGINT');
  const [code] = (await once(child, 'exit')) as [number | null];
  expect([code, output]).toEqual([130, expect.stringContaining('every run that began was sent to its end')]);
  const events = Number(/.*acked (\d+)/s.exec(output)?.[1]);
  const sql = 'SELECT count() AS events FROM agent_events';
  const stored = async () => Number((await collector.query<{ events: number }>(sql))[0]?.events);
  await expect.poll(stored).toBe(events);
  await expect.poll(() => openWork(collector)).toEqual({ runs: 0, tasks: 0 });
});

test('the demo ends with code 2 and says why when there is no collector or an option is wrong', async () => {
  const nowhere = await runDemo('--url', 'http://127.0.0.1:9', '--key', testKey);
  expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('cannot reach a collector')]);
  const wrong = await runDemo('--agents', 'many', '--key', testKey);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--agents many')]);
});
