import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { dayMs } from '../../src/core/time-span.js';
import { dayText } from '../../src/core/time-text.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';
import { type EndedCommand, tidemark } from '../support/tidemark-command.js';

const readKey = 'tdm_key_that_only_reads';
const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-commands-'));
const collector = new CollectorProcess({
  dataDir,
  env: { TIDEMARK_API_KEYS: `${testKey}:default:admin,${readKey}:default:read` },
});
const nowMs = Date.now();

/** A run of two tasks: one whose search step failed twice and was retried, one that nobody priced. */
function events(): readonly object[] {
  const run = { agent_id: 'planner', agent_name: 'Planner', run_id: 'run-1', flow_id: 'triage', user_id: 'ann' };
  const at = (offsetMs: number): number => nowMs - 300_000 + offsetMs;
  const span = (fromMs: number, untilMs: number) => ({
    started_at: at(fromMs),
    ended_at: at(untilMs),
    ts: at(untilMs),
  });
  const step = { ...run, task_id: 'task-1', step_id: 'search', name: 'web_search', step_kind: 'tool' };
  const failure = { error_category: 'tool', error_code: 'timeout', error_message: 'no answer within 30 s' };
  return [
    { ...step, type: 'step.failed', attempt: 1, ...span(100, 1_100), ...failure },
    { ...step, type: 'step.failed', attempt: 2, ...span(1_200, 2_200), ...failure },
    {
      ...step,
      type: 'step.completed',
      attempt: 3,
      ...span(2_300, 4_000),
      tokens_in: 900,
      tokens_out: 100,
      cost_micros: 5_000,
    },
    {
      ...run,
      type: 'task.completed',
      task_id: 'task-1',
      name: 'research',
      ...span(50, 4_000),
      inputs: { topic: 'mail' },
    },
    { ...run, type: 'task.completed', task_id: 'task-2', name: 'a\u001b[2Jb', ...span(60, 400) },
    { ...run, type: 'run.completed', name: 'triage-mail', ...span(0, 4_050) },
    ...[2, 3, 4].flatMap((number) => {
      const agent = { agent_id: `agent-${number}`, agent_name: number === 4 ? 'Mail sorter' : 'Planner' };
      const other = { ...run, ...agent, run_id: `run-${number}` };
      return [
        { ...other, type: 'task.failed', task_id: 'task-1', ...span(number, 100 + number), ...failure },
        { ...other, type: 'run.failed', ...span(0, 100 + number), ...failure },
      ];
    }),
    { type: 'task.completed', agent_id: 'planner', task_id: 'yesterday', ts: nowMs - dayMs, duration_ms: 10 },
  ];
}

beforeAll(async () => {
  await collector.start();
  const sent = events();
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    body: JSON.stringify(sent),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${testKey}` },
  });
  expect(await response.json()).toMatchObject({ accepted: sent.length });
  await collector.untilStored(sent.length);
});
afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function run(...words: readonly string[]): Promise<EndedCommand> {
  return tidemark(words, { env: { TIDEMARK_URL: collector.url, TIDEMARK_KEY: testKey, TZ: 'UTC', LC_ALL: 'C.UTF-8' } });
}

/** Lines of a command that is done; what it told beside goes to stderr. */
async function lines(...words: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await run(...words);
  expect([code, stderr.includes('tidemark:')], `${words.join(' ')}: ${stderr}`).toEqual([0, false]);
  return stdout.trimEnd().split('\n');
}

async function json<Body>(...words: readonly string[]): Promise<Body> {
  const [line = '', ...more] = await lines(...words, '--json');
  expect(more).toEqual([]);
  return JSON.parse(line) as Body;
}

test('agents are listed with their last day, and the next page is told', async () => {
  const [title, ...rows] = await lines('agents');
  expect(title).toMatch(/^agent +name +executions +failed +success +last seen \(UTC\)$/);
  expect(rows.find((row) => row.startsWith('planner'))).toMatch(/^planner +Planner +\d+ +0 +100 % +\d{4}-\d{2}-\d{2} /);
  const page = await run('agents', '--limit', '1');
  expect(page.stdout.trimEnd().split('\n')).toHaveLength(2);
  const cursor = /1 shown; the next with --cursor (\S+), or with --all\n$/.exec(page.stderr)?.[1] ?? '';
  const second = await json<{ readonly agents: readonly { readonly agent_id: string }[] }>(
    ...['agents', '--limit', '1', '--cursor', cursor],
  );
  expect(second.agents.map(({ agent_id: id }) => id)).toEqual(['agent-3']);
  const all = await json<{ readonly agents: readonly object[]; readonly next_cursor: null }>('agents', '--all');
  expect([all.agents.length, all.next_cursor]).toEqual([4, null]);
  expect(await run('agents', '--all', '--cursor', 'x')).toMatchObject({ code: 2 });
});

test('runs are filtered, and a cost that nobody reported is a dash', async () => {
  const [title, ...rows] = await lines('runs', '--agent', 'planner');
  expect(title).toMatch(/^run +status +agent +started \(UTC\) +took +tasks +steps +tokens +cost +error$/);
  expect(rows).toEqual([expect.stringMatching(/^run-1 +completed +planner .* 4\.05 s +2 +3 +1,000 +\$0\.0050$/)]);
  const failed = await lines('runs', '--status', 'failed', '--flow', 'triage', '--user', 'ann');
  expect(failed.slice(1)).toHaveLength(3);
  expect(failed[1]).toMatch(/^run-\d +failed +agent-\d .* ms +1 +0 +0 +– +no answer within 30 s$/);
  expect(await json('runs', '--status', 'cancelled')).toMatchObject({ runs: [], total: 0 });
});

test('a run is drawn: attempts, durations, failures and the critical path', async () => {
  const drawn = await lines('run', 'run-1');
  expect(drawn.slice(0, 2)).toEqual(['run      run-1 (triage-mail)', 'status   completed']);
  const named = (name: string): string => drawn.find((line) => line.trimStart().startsWith(name)) ?? '';
  expect(named('triage-mail')).toMatch(/^triage-mail +completed {2}█+ +4\.05 s$/);
  expect(named('research')).toMatch(/█{20}/);
  expect(named('web_search (1/3)')).toMatch(/^ {4}web_search \(1\/3\) +failed .* 1\.00 s {2}timeout: no answer/);
  expect(named('web_search (3/3)')).toMatch(/completed .*█{10,} +1\.70 s$/);
  expect(named('a�[2Jb')).toMatch(/completed {2}▒+ +340 ms$/);
  const { run: told, timeline } = await json<{
    readonly run: { readonly run_id: string };
    readonly timeline: { readonly nodes: readonly object[]; readonly next_cursor: null };
  }>('run', 'run-1');
  expect([told.run_id, timeline.nodes.length, timeline.next_cursor]).toEqual(['run-1', 6, null]);
});

test('tasks and one task are told, with its steps and its namesakes', async () => {
  const [title, row] = await lines('tasks', '--agent', 'agent-2');
  expect(title).toMatch(/^task +name +status +agent +run +started \(UTC\) +took +tokens +cost +error$/);
  expect(row).toMatch(/^task-1 +– +failed +agent-2 +run-2 .* 100 ms +0 +– +no answer within 30 s$/);
  const { code, stdout, stderr } = await run('task', 'task-1', '--run', 'run-1');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^task +task-1\nname +research\nstatus +completed\n/);
  expect(stdout).toMatch(/inputs +topic=mail\n/);
  expect(stdout).toMatch(/search +web_search +tool +3 +completed +1\.70 s .*\$0\.0050/);
  expect(stderr).toBe('');
  const unclear = await run('task', 'task-1');
  expect(unclear.stderr).toMatch(/another of that id: tidemark task task-1 --run run-\d --agent agent-\d/);
  expect(await json('task', 'task-2', '--run', 'run-1')).toMatchObject({ state: 'completed', name: 'a\u001b[2Jb' });
});

test('failures are told with what became of them', async () => {
  const [title, ...rows] = await lines('failures', '--agent', 'planner');
  expect(title).toMatch(/^failed \(UTC\) +kind +outcome +agent +name +run +category +code +took +cost +error$/);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatch(/ step +(retried|recovered) +planner +web_search +run-1 +tool +timeout +1\.00 s/);
  const tasks = await json<{ readonly failures: readonly object[] }>(
    'failures',
    '--kind',
    'task',
    '--category',
    'tool',
  );
  expect(tasks.failures).toHaveLength(3);
});

test('the metrics of an agent are told with a chart', async () => {
  const told = await lines('metrics', 'planner', '--range', '7d');
  expect(told).toContainEqual(expect.stringMatching(/^executions {2}[1-9]\d*, 0 failed, 0 cancelled$/));
  expect(told).toContainEqual(expect.stringMatching(/^executions {2}[▁▂▃▄▅▆▇█ ]+ {2}0 … \d+$/));
  expect(told.at(-1)).toMatch(/a column is 1d, in UTC/);
  const { series } = await json<{ readonly series: { readonly points: readonly object[]; readonly step: string } }>(
    ...['metrics', 'planner', '--range', '1d'],
  );
  expect(series.step).toBe('1h');
  expect(series.points.length).toBeGreaterThanOrEqual(24);
});

test('an agent is told by its name too, unless several have it', async () => {
  expect(await json('metrics', 'Mail sorter', '--range', '1d')).toMatchObject({
    agent_id: 'agent-4',
    failed_executions: 1,
    series: { agent_id: 'agent-4' },
  });
  expect((await lines('metrics', 'Mail sorter'))[0]).toMatch(/^agent +agent-4$/);
  const shared = await run('metrics', 'Planner');
  expect([shared.code, shared.stdout]).toEqual([2, '']);
  expect(shared.stderr).toMatch(/which agent is meant: 3 are called Planner; give the id: agent-2, agent-3, planner/);
  expect(await run('metrics', 'Nobody')).toMatchObject({ code: 4, stderr: expect.stringContaining('(not_found)') });
});

test('executions are told of all, of a user, of a flow and of an agent', async () => {
  const ofAnn = await json('executions', 'stats', '--user-id', 'ann', '--days', '2');
  expect(ofAnn).toMatchObject({ user_id: 'ann', runs: 4, by_status: { completed: 1, failed: 3 } });
  expect(await json('executions', 'stats', '--user-id', 'bob')).toMatchObject({ runs: 0, success_rate: null });
  expect(await lines('executions', 'stats')).toContainEqual(expect.stringMatching(/^success +25\.0 %$/));
  expect(await json('executions', 'metrics', '--flow-id', 'triage')).toMatchObject({ flow_id: 'triage', runs: 4 });
  expect(await lines('executions', 'metrics', '--agent', 'agent-2')).toContainEqual(
    expect.stringMatching(/^executions +\d, [1-9] failed, 0 cancelled$/),
  );
  const both = await run('executions', 'metrics', '--agent', 'a', '--flow-id', 'b');
  expect(both).toMatchObject({ code: 2, stdout: '' });
});

test('a day is recomputed, for whoever may', async () => {
  const day = dayText(nowMs - dayMs);
  expect(await json('aggregate', '--day', day)).toMatchObject({ day, agents: 1, events: 1 });
  expect(await lines('aggregate', '--day', day, '--agent', 'planner')).toEqual([
    expect.stringMatching(new RegExp(`^${day}: 1 agents, 1 events; \\d+ agents were rewritten, in `)),
  ]);
  expect(await run('aggregate', '--day', '2026-02-30')).toMatchObject({ code: 2 });
  expect(await run('aggregate', '--day', day, '--key', readKey)).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('(scope_missing)'),
  });
});

test('daily rows are exported into a pipe and into a file that is not written over', async () => {
  const csv = await run('export');
  expect(csv.code).toBe(0);
  expect(csv.stdout.split('\n')[0]).toMatch(/agent_id/);
  expect(csv.stdout).toContain('planner');
  expect(csv.stderr).toMatch(/^[\d.]+ k?B in [\d.]+ s, /);
  const output = join(tempDir(), 'days.ndjson');
  const words = ['export', '--format', 'ndjson', '--agent', 'planner', '--output', output];
  expect(await json(...words)).toEqual({ path: output, bytes: readFileSync(output).length, format: 'ndjson' });
  expect(JSON.parse(readFileSync(output, 'utf8').split('\n')[0] ?? '')).toMatchObject({ agent_id: 'planner' });
  expect(existsSync(`${output}.partial`)).toBe(false);
  expect(await run(...words)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`cannot write ${output}: it exists`),
  });
  expect(
    await tidemark(['export'], { env: { TIDEMARK_URL: collector.url, TIDEMARK_KEY: testKey }, closesOutput: true }),
  ).toMatchObject({
    code: 141,
  });
});

test('what cannot be answered ends with a code of its own and one line', async () => {
  const ended = async (...words: string[]): Promise<readonly [number | null, string]> => {
    const { code, stdout, stderr } = await run(...words);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^tidemark: .*\n$/);
    return [code, stderr];
  };
  expect(await ended('run', 'no-such-run')).toEqual([4, expect.stringContaining('(not_found)')]);
  expect(await ended('metrics', 'nobody')).toEqual([4, expect.stringContaining('(not_found)')]);
  expect(await ended('agents', '--key', 'tdm_of_nobody')).toEqual([5, expect.stringContaining('(key_invalid)')]);
  expect(await ended('runs', '--from', 'soon')).toEqual([2, expect.stringContaining('(parameter_invalid)')]);
  expect(await ended('agents', '--url', `http://127.0.0.1:${await freePort()}`)).toEqual([
    3,
    expect.stringMatching(/cannot reach a collector at http:\/\/127\.0\.0\.1:\d+: .*; tidemark serve starts one\n$/),
  ]);
  expect(await ended('agents', '--url', collector.storeUrl)).toEqual([
    1,
    expect.stringContaining('no word of a collector'),
  ]);
});
