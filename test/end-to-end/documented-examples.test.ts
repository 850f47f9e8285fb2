import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { type ApiCallable, ApiDocument } from '../support/api-document.js';
import { CollectorProcess } from '../support/collector-process.js';
import {
  type CurlCall,
  hasProgram,
  RecordingShell,
  type ShellExample,
  shellExamples,
} from '../support/doc-examples.js';
import { documentedEvents } from '../support/doc-history.js';
import { documentationPages } from '../support/doc-pages.js';

const run = promisify(execFile);
const pages = documentationPages();
const examples = pages.flatMap(shellExamples);
const directory = mkdtempSync(join(tmpdir(), 'tidemark-documented-'));
// No key from outside: the first start makes one, as it does for the reader. The origin is that of docs/access.md.
const collector = new CollectorProcess({
  dataDir: join(directory, 'tidemark-data'),
  env: { TIDEMARK_API_KEYS: '', TIDEMARK_HTTP_CORS_ORIGINS: 'https://board.example.com' },
});
let key = '';
let api: ApiDocument;
/** The same without required fields: an example may leave some out. */
let parts: ApiDocument;

beforeAll(async () => {
  await collector.start();
  key = readFileSync(join(directory, 'tidemark-data', 'admin-key'), 'utf8').trim();
  for (const name of ['node_modules', 'dist', 'package.json'])
    symlinkSync(fileURLToPath(packageFile(name)), join(directory, name));
  const described = await (await fetch(`${collector.url}/api/v1/openapi.json`)).text();
  api = new ApiDocument(JSON.parse(described));
  parts = new ApiDocument(JSON.parse(described, (name, value) => (isRequiredList(name, value) ? undefined : value)));
  const events = documentedEvents(Date.now());
  const { body, status } = await sent(events);
  expect([status, body]).toEqual([202, { accepted: events.length, rejected: 0, duplicates: 0, errors: [] }]);
  await collector.untilStored(events.length);
});
afterAll(async () => {
  await collector.stop();
  rmSync(directory, { recursive: true, force: true });
});

function isRequiredList(name: string, value: unknown): boolean {
  return name === 'required' && Array.isArray(value);
}

async function sent(events: readonly object[]): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const response = await fetch(`${collector.url}/v1/events`, { method: 'POST', headers, body: JSON.stringify(events) });
  return { status: response.status, body: await response.json() };
}

async function eventsWhere(condition: string): Promise<number> {
  const sql = `SELECT count() AS events FROM agent_events WHERE ${condition}`;
  return Number((await collector.query<{ readonly events: string }>(sql))[0]?.events);
}

/** Its own ports instead of the usual ones, and its days counted from today: the examples were written on the 21st. */
function here(text: string): string {
  const toDay = (date: string): string => {
    const days = (Date.parse(date) - Date.parse('2026-11-21')) / 86_400_000;
    return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  };
  return text
    .replaceAll('127.0.0.1:7077', new URL(collector.url).host)
    .replaceAll('127.0.0.1:8123', new URL(collector.storeUrl).host)
    .replaceAll(/2026-11-\d\d/g, toDay);
}

test('every example with curl stands in a block of its own', () => {
  const outside = pages.flatMap(({ path, text }) => {
    const rest = text.replaceAll(/^```sh\n[\s\S]*?^```$/gm, '');
    return [...rest.matchAll(/.*\bcurl +[-'"h].*/g)].map(([line]) => `${path}: ${line}`);
  });
  expect(outside).toEqual([]);
  expect(examples.length).toBeGreaterThan(40);
});

test.skipIf(!hasProgram('curl'))(
  'every example with curl is answered as the description of the API says, and as the page says',
  async () => {
    const work = join(directory, 'work');
    mkdirSync(work);
    symlinkSync(join(directory, 'tidemark-data'), join(work, 'tidemark-data'));
    const shell = new RecordingShell(work, { KEY: key });
    // What is erased is looked at before.
    const erasing = (example: ShellExample): number => Number(example.script.includes('DELETE'));
    const faults = examples
      .toSorted((a, b) => erasing(a) - erasing(b))
      .flatMap((example) => faultsOf(shell, example).map((fault) => `${example.place}: ${fault}`));
    expect(faults).toEqual([]);
    // Nothing else happened meanwhile: connections that the collector has closed are seen to be.
    await sleep(100);
  },
  300_000,
);

function faultsOf(shell: RecordingShell, example: ShellExample): string[] {
  const { stdout, calls } = shell.run(here(example.script));
  const faults = calls.flatMap((call) => callFaults(call, example));
  const [first] = calls;
  if (first === undefined) return ['nothing was asked'];
  if (example.documented === null) return faults;
  if (/\| jq\b/.test(example.script)) {
    const isSame = !hasProgram('jq') || stdout.trim() === example.documented.trim();
    return isSame ? faults : [...faults, `printed ${stdout}`];
  }
  const operation = operationOf(first);
  if (operation === undefined) return [...faults, `${first.method} ${first.url.pathname} is not described`];
  const answer = { status: first.status, contentType: first.contentType, body: parsed(example.documented) };
  return [...faults, ...parts.faults(operation, answer).map((fault) => `the answer shown: ${fault}`)];
}

function callFaults(call: CurlCall, { status }: ShellExample): string[] {
  const { method, url, body, contentType } = call;
  const isExpected = status === null ? call.status >= 200 && call.status < 300 : call.status === status;
  if (!isExpected) return [`${method} ${url.pathname} answered ${call.status}: ${body}`];
  const isStore = url.host === new URL(collector.storeUrl).host;
  if (isStore || method === 'OPTIONS' || body === null) return [];
  const operation = operationOf(call);
  if (operation === undefined) return [`${method} ${url.pathname} is not described`];
  const answer = { status: call.status, contentType, body: /[/+]json(;|$)/.test(contentType) ? parsed(body) : null };
  return api.faults(operation, answer).map((fault) => `${method} ${url.pathname}: ${fault}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return `no JSON (${error instanceof Error ? error.message : ''}): ${text}`;
  }
}

/** The one with the fewest parameters in its path: `/agents/history` is no agent. */
function operationOf({ method, url }: CurlCall): ApiCallable | undefined {
  const matching = api.operations.filter((operation) => {
    const pattern = operation.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+');
    return operation.method.toUpperCase() === method && new RegExp(`^${pattern}$`).test(url.pathname);
  });
  const parameters = ({ path }: ApiCallable): number => path.split('{').length;
  return matching.sort((a, b) => parameters(a) - parameters(b))[0];
}

test('the first event of the README is in the windows and a row', async () => {
  expect(await collectorAnswer('/api/v1/agents/my-agent/live')).toMatchObject({
    agent_id: 'my-agent',
    windows: { '1h': { total_executions: 1 } },
  });
  await expect.poll(() => eventsWhere("agent_id = 'my-agent' AND duration_ms = 1234")).toBe(1);
});

async function collectorAnswer(path: string): Promise<unknown> {
  return (await fetch(`${collector.url}${path}`, { headers: { authorization: `Bearer ${key}` } })).json();
}

/** A program of the documentation, at this collector's address instead of the usual one. */
function program(name: string): string {
  const pattern = new RegExp(`<!-- example: ${name} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``);
  const code = pages.map(({ text }) => pattern.exec(text)?.[1]).find((text) => text !== undefined);
  expect(code, `the documentation has an example ${name}`).toBeDefined();
  return here(code!);
}

test('the plain JavaScript example works as written', async () => {
  const hasWebSocket = Number(process.versions.node.split('.')[0]) >= 22;
  const path = join(directory, 'first.mjs');
  writeFileSync(path, `${hasWebSocket ? '' : "import WebSocket from 'ws';\n"}${program('first.mjs')}`);
  const { stdout } = await run(process.execPath, [path], { env: { ...process.env, KEY: key } });
  expect(stdout).toMatch(/op: 'hello'[\s\S]*op: 'ack', seq: 1/);
  await expect.poll(() => eventsWhere("agent_id = 'js-agent'")).toBe(1);
});

test('the example of the TypeScript SDK works as written', async () => {
  const path = join(directory, 'first-sdk.mjs');
  writeFileSync(path, program('first-sdk.mjs'));
  const { stdout, stderr } = await run(process.execPath, [path], { env: { ...process.env, KEY: key } });
  expect([stdout, stderr]).toEqual([expect.stringContaining('eventsAcknowledged: 1'), '']);
  await expect.poll(() => eventsWhere("agent_id = 'sdk-agent'")).toBe(1);
});

const agentEnv = () => ({ ...process.env, TIDEMARK_URL: collector.url, TIDEMARK_KEY: key });

test('the first run of the SDK works as written', async () => {
  const path = join(directory, 'first-run.mjs');
  writeFileSync(path, program('first-run.mjs'));
  const { stdout, stderr } = await run(process.execPath, [path], { env: agentEnv() });
  expect([stdout, stderr]).toEqual(['{ acked: 3, pending: 0, rejected: 0, dropped: 0 }\n', '']);
});

interface TimelineNode {
  readonly type: string;
  readonly name: string;
  readonly attempt: number | null;
  readonly status: string;
  readonly depth: number;
}

test('the support agent appears whole: tree, attempts, failures, tokens by class, cost, user and session', async () => {
  const path = join(directory, 'support-agent.mjs');
  copyFileSync(packageFile('docs/examples/support-agent.mjs'), path);
  const { stdout } = await run(process.execPath, [path], { env: agentEnv() });
  expect(stdout).toBe('{ acked: 21, pending: 0, rejected: 0, dropped: 0 }\n');

  type Runs = { readonly runs: readonly { readonly run_id: string; readonly name: string }[] };
  const runsOf = async () => {
    const { runs } = (await collectorAnswer('/api/v1/runs?user_id=ada&session_id=chat-1')) as Runs;
    return runs.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  };
  const refund = {
    agent_id: 'refunds',
    environment: 'production',
    status: 'completed',
    total: {
      llm_calls: 1,
      tokens: { in: 530, out: 60 },
      cost_cents: 0.09,
      tokens_cache_read: 400,
      tokens_reasoning: 12,
    },
  };
  const ticket = {
    agent_id: 'support',
    status: 'completed',
    tasks_ended: 3,
    steps_ended: 6,
    steps_failed: 2,
    total: {
      llm_calls: 2,
      tokens: { in: 1_100, out: 120 },
      cost_cents: 0.18,
      tokens_cache_read: 200,
      tokens_reasoning: 24,
    },
  };
  // An insert fills one table after the other: what is told of a run may come before what is told of its steps.
  await expect.poll(runsOf).toMatchObject([
    { name: 'refund', ...refund },
    { name: 'support ticket', ...ticket },
  ]);
  const [, { run_id } = { run_id: '' }] = await runsOf();
  const timeline = async () =>
    ((await collectorAnswer(`/api/v1/runs/${run_id}/timeline`)) as { nodes: readonly TimelineNode[] }).nodes;
  const line = ({ type, name, attempt, status, depth }: TimelineNode) =>
    `${depth} ${type} ${name} ${attempt} ${status}`;
  await expect
    .poll(async () => (await timeline()).map(line))
    .toEqual([
      '0 run support ticket null completed',
      '1 task find order 1 completed',
      '2 step chat 1 completed',
      '2 step order_api 1 failed',
      '2 step order_api 2 failed',
      '2 step order_api 3 completed',
      '1 task check policy 1 completed',
      '2 step search_documents 1 completed',
      '2 step chat 1 completed',
      '1 task refund order 1 completed',
    ]);
});

test.skipIf(!pythonHasPackages())('the plain Python example works as written', async () => {
  const path = join(directory, 'first.py');
  writeFileSync(path, program('first.py'));
  const { stdout } = await run('python3', [path], { env: { ...process.env, KEY: key } });
  expect(stdout).toContain("{'op': 'ack', 'seq': 1}");
  await expect.poll(() => eventsWhere("agent_id = 'py-agent'")).toBe(2);
});

function pythonHasPackages(): boolean {
  try {
    execFileSync('python3', ['-c', 'import websockets, msgpack'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
