import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Packr } from 'msgpackr';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tidemark } from '../support/tidemark-command.js';

const program = fileURLToPath(packageFile('dist/src/cli/tidemark.js'));
let directory: string;
let collector: CollectorProcess;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-live-'));
  collector = new CollectorProcess({ dataDir: join(directory, 'data') });
  await collector.start();
  await collector.query('SELECT 1');
});

afterAll(async () => {
  await collector.stop();
  rmSync(directory, { recursive: true, force: true });
});

const env = () => ({ TIDEMARK_URL: collector.url, TIDEMARK_KEY: testKey, TZ: 'UTC' });
const command = (words: readonly string[], input?: string | Buffer) =>
  tidemark(words, { env: env(), ...(input === undefined ? {} : { input }) });

function completed(agentId: string, count: number): object[] {
  const task = (index: number) => ({ type: 'task.completed', agent_id: agentId, task_id: `${agentId}-${index}` });
  return Array.from({ length: count }, (_, index) => ({ ...task(index), duration_ms: 10 + index }));
}

const linesOf = (events: readonly object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('');

async function storedOf(agentId: string, expected: number): Promise<void> {
  await collector.untilStored(expected, `agent_id = '${agentId}'`);
}

test('send brings events of each format into the store, once, and says how many', async () => {
  const file = join(directory, 'events.ndjson');
  writeFileSync(file, linesOf(completed('lines', 2_500)));
  expect(await command(['send', file])).toEqual({
    code: 0,
    stdout: '2,500 events: 2,500 acknowledged, 0 rejected\n',
    stderr: '',
  });
  const array = await command(['send', '-', '--json'], JSON.stringify(completed('array', 3), null, 2));
  expect([array.code, JSON.parse(array.stdout)]).toEqual([
    0,
    { events: 3, acknowledged: 3, rejected: 0, unacknowledged: 0, rejections: [] },
  ]);
  const packed = new Packr({ useRecords: false }).pack(completed('packed', 4));
  expect(await command(['send'], packed)).toMatchObject({ code: 0, stdout: expect.stringContaining('4 acknowledged') });
  await storedOf('lines', 2_500);
  await storedOf('array', 3);
  await storedOf('packed', 4);
});

test('send names every rejected event by index and field, keeps the others, and ends with code 1', async () => {
  const events = completed('mixed', 600).map((event, index) => (index < 300 ? { ...event, attempt: 'one' } : event));
  const { code, stdout } = await command(['send', '--json'], `${linesOf(events)}not json\n`);
  const answer = JSON.parse(stdout);
  expect([code, answer.events, answer.acknowledged, answer.rejected]).toEqual([1, 601, 300, 301]);
  expect(
    answer.rejections.map(({ index }: { readonly index: number }) => index).sort((a: number, b: number) => a - b),
  ).toEqual([...Array.from({ length: 300 }, (_, index) => index), 600]);
  expect(answer.rejections.find(({ index }: { readonly index: number }) => index === 7)).toMatchObject({
    code: 'field_type',
    field: 'attempt',
  });
  const told = await command(
    ['send'],
    '{"type":"task.completed","agent_id":"ignored","task_id":"t","nonsense":1}\n[]\n',
  );
  expect(told.code).toBe(1);
  expect(told.stderr).toMatch(/^event 1: rejected, event_not_map: line 2: the event is not a map$/m);
  expect(told.stderr).toMatch(/^event 0: kept, column_unknown \S+: cannot keep nonsense: /m);
  await storedOf('mixed', 300);
  await storedOf('ignored', 1);
});

test('what send cannot do is one line and a code of its own', async () => {
  const input = linesOf(completed('nobody', 1));
  const refused = await command(['send', '--key', 'tdm_nobody_knows_this_key'], input);
  expect([refused.code, refused.stderr]).toEqual([
    5,
    expect.stringMatching(/^tidemark: cannot stream: the API key [^\n]*\n$/),
  ]);
  const away = await command(['send', '--url', 'http://127.0.0.1:9'], input);
  expect([away.code, away.stderr]).toEqual([3, expect.stringMatching(/^tidemark: cannot reach a collector at .*\n$/)]);
  const missing = await command(['send', join(directory, 'missing.json')]);
  expect([missing.code, missing.stderr]).toEqual([
    2,
    expect.stringMatching(/^tidemark: cannot read \S+missing\.json: ENOENT/),
  ]);
});

/** A command that goes on until it is told to end. */
function running(words: readonly string[]): {
  readonly child: ChildProcess;
  readonly texts: { out: string; err: string };
} {
  const child = spawn(process.execPath, [program, ...words], {
    env: { PATH: process.env.PATH ?? '', ...env() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const texts = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    texts.err += text;
  });
  return { child, texts };
}

/** Sends until the subscriber has been heard to listen: the first event it tells is a sign of that. */
async function untilHeard(texts: { readonly out: string }, agentId: string): Promise<void> {
  let sent = 0;
  const heard = async () => {
    // Of one that says the same again nothing is told.
    sent += 1;
    await command(['send'], linesOf(completed(agentId, sent).slice(-1)));
    return texts.out;
  };
  await expect.poll(heard).toContain(agentId);
}

test('tail tells events that pass its filters, a line each, and goes on after the collector was away', async () => {
  const { child, texts } = running(['tail', '--json', '--status', 'completed', '--agent-id', 'seen,again']);
  await untilHeard(texts, 'seen');
  await command(
    ['send'],
    linesOf([...completed('unseen', 3), { type: 'task.started', agent_id: 'seen', task_id: 'x' }]),
  );
  await collector.stop();
  await expect.poll(() => texts.err).toMatch(/^tidemark: the connection is lost: .*; it is tried again$/m);
  await collector.start();
  await untilHeard(texts, 'again');
  expect(texts.err).toContain('connected again');
  const events = texts.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect([...new Set(events.map(({ agent_id: agentId }) => agentId))]).toEqual(['seen', 'again']);
  expect([...new Set(events.map(({ type }) => type))]).toEqual(['task.completed']);
  child.kill('SIGINT');
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(130);
});

test('tail for people ends after so many events, and a filter that cannot be is refused', async () => {
  const { child, texts } = running(['tail', '--count', '2']);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const failed = {
    type: 'task.failed',
    agent_id: 'worker',
    task_id: 't',
    error_category: 'tool',
    error_code: 'TIMEOUT',
  };
  let sent = 0;
  const sending = expect.poll(async () => {
    sent += 1;
    const strange = { ...failed, task_id: `u${sent}\u001b[2J`, error_message: 'no answer' };
    await command(['send'], linesOf([{ ...failed, task_id: `t${sent}` }, strange]));
    return texts.out;
  });
  await sending.toContain('worker');
  expect(await ended).toBe(0);
  const lines = texts.out.trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines)
    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}task\.failed {7}worker {2}tool TIMEOUT {2}/);
  // Nothing of a stranger reaches the terminal as a command of it.
  expect(texts.out).not.toContain('\u001b');
  const refused = await command(['tail', '--status', 'sleeping']);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/^tidemark: .*status.*\n$/)]);
});

test('top prints the agents once where there is no terminal', async () => {
  await command(['send'], linesOf([...completed('busy', 30), ...completed('idle', 1)]));
  await storedOf('busy', 30);
  await expect.poll(async () => (await command(['top', '--json'])).stdout).toContain('"busy"');
  const { code, stdout, stderr } = await command(['top', '--window', '1h']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^tidemark top {2}\d\d:\d\d:\d\d {2}last 1h {2}\d+ agents {2}\S+\/s {2}[\d,]+ executions/);
  expect(stdout).toMatch(/^agent +rate\/s +p50 +p95 +p99 +success +errors +cost +executions/m);
  expect(stdout).toMatch(/^busy +0\.01 +\d+ ms +\d+ ms +\d+ ms +100 % +0 +– +30 /m);
  const { agents } = JSON.parse((await command(['top', '--json', '--window', '1h'])).stdout);
  const busy = agents.find(({ agent_id: agentId }: { readonly agent_id: string }) => agentId === 'busy');
  expect(busy).toMatchObject({ executions: 30, failed: 0, success_rate: 100, cost_cents: null, top_error: null });
});

const script = '/usr/bin/script';

test.runIf(process.platform === 'linux' && existsSync(script))(
  'top fits the terminal it is drawn on, and gives it back as it was, whichever way it ends',
  async () => {
    for (const [columns, key] of [
      [80, 'q'],
      [200, '\u0003'],
    ] as const) {
      const top = `${process.execPath} ${program} top --every 1`;
      const line = `stty cols ${columns} rows 20; ${top}; echo "ended $?"; stty -a`;
      const child = spawn(script, ['-qec', line, '/dev/null'], {
        env: { PATH: process.env.PATH ?? '', TERM: 'xterm', ...env() },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      let shown = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        shown += text;
      });
      await expect.poll(() => shown).toContain('q quits');
      child.stdin.write(key);
      await expect.poll(() => shown).toContain('ended 0');
      child.stdin.end();
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal is told.
      const page = shown.slice(0, shown.indexOf('q quits')).replaceAll(/\u001b\[[?\d;]*[a-zA-Z]/g, '');
      for (const text of page.split('\r\n')) expect([...text].length).toBeLessThanOrEqual(columns);
      expect(page.includes('executions  tokens')).toBe(columns === 200);
      // The other screen is left and the cursor is shown; keys are read by the line, and are seen, again.
      expect(shown.indexOf('\u001b[?1049h')).toBeLessThan(shown.indexOf('\u001b[?1049l'));
      expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'));
      await expect.poll(() => shown).toMatch(/ icanon /);
      expect(shown).toMatch(/ echo /);
    }
  },
);
