import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { askEngine, engineAccess } from '../../bench/engine-access.js';
import { type Collector, createCollector } from '../../src/collector.js';
import { readConfig } from '../../src/config/read-config.js';
import { systemRandom } from '../../src/core/clock.js';
import { type Logger, silentLogger } from '../../src/core/logger.js';
import { silentProgress } from '../../src/core/progress.js';
import { SteppedClock } from '../support/stepped-clock.js';
import { layStore } from '../support/store-template.js';
import { tempDir } from '../support/temp-dir.js';

/**
 * A whole collector in this process, under a clock that is set at will, with the embedded engine in its own, whose
 * clock is right: as after a time server has mended it.
 */
const dayMs = 86_400_000;
const key = 'tdm_test_key_of_the_clock_walk';

interface Dependency {
  readonly name: string;
  readonly status: string;
  readonly reason: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

interface Health {
  readonly status: string;
  readonly dependencies: readonly Dependency[];
  readonly ledger: { readonly spooled: number; readonly balanced: boolean };
}

class Walk {
  readonly clock = new SteppedClock();
  readonly dataDir = tempDir();
  /** Task ids of everything that was acknowledged. */
  readonly acknowledged: string[] = [];
  readonly warnings: string[] = [];
  #collector: Collector | null = null;
  url = '';

  async start(): Promise<void> {
    const env = {
      TIDEMARK_DATA_DIR: this.dataDir,
      TIDEMARK_PORT: '0',
      TIDEMARK_CLICKHOUSE_PORT: '0',
      TIDEMARK_API_KEYS: `${key}:default:admin`,
    };
    const { config } = readConfig({ env, argv: [] });
    const logger: Logger = { ...silentLogger, warn: (_context, message) => void this.warnings.push(message) };
    await layStore(join(this.dataDir, 'engine'));
    this.#collector = createCollector(
      { clock: this.clock, random: systemRandom, logger, progress: silentProgress },
      { config, version: '0' },
    );
    this.url = (await this.#collector.start()).url;
  }

  async stop(): Promise<void> {
    await this.#collector?.stop(10_000);
    this.#collector = null;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  post(events: readonly object[], idempotencyKey: string): Promise<Response> {
    return fetch(`${this.url}/v1/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      },
      body: JSON.stringify(events),
    });
  }

  /** Sends tasks of a stage of the walk; the same ones when it is called again. */
  async send(stage: string, more: object = {}): Promise<{ readonly duplicates: number }> {
    const tasks = Array.from({ length: 20 }, (_, index) => `${stage}-${index}`);
    const events = tasks.map((task) => ({
      type: 'task.completed',
      agent_id: 'agent',
      run_id: `run-${stage}`,
      task_id: task,
      duration_ms: 5,
      ...more,
    }));
    const run = { type: 'run.completed', agent_id: 'agent', run_id: `run-${stage}`, ...more };
    const response = await this.post([...events, run], stage);
    expect(response.status, stage).toBe(202);
    const answer = (await response.json()) as { readonly duplicates: number };
    if (answer.duplicates === 0) this.acknowledged.push(...tasks);
    return answer;
  }

  async health(): Promise<Health> {
    const response = await fetch(`${this.url}/health/deep`, { headers: { authorization: `Bearer ${key}` } });
    return (await response.json()) as Health;
  }

  async dependency(name: string): Promise<Dependency> {
    const { dependencies } = await this.health();
    return dependencies.find((each) => each.name === name)!;
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  }

  /** Everything is inserted. */
  async settled(): Promise<void> {
    await expect
      .poll(
        async () => {
          const { dependencies, ledger } = await this.health();
          const of = (name: string) => dependencies.find((each) => each.name === name)?.details;
          return [of('schema')?.ready, ledger.spooled, ledger.balanced];
        },
        { timeout: 90_000 },
      )
      .toEqual([true, 0, true]);
  }

  /** The pass that begins at each start is over. */
  async maintained(): Promise<void> {
    const succeeded = async () => (await this.dependency('maintenance')).details.last_success !== null;
    await expect.poll(succeeded, { timeout: 90_000 }).toBe(true);
  }

  async rows<Row>(sql: string): Promise<Row[]> {
    return (JSON.parse(await this.ask(`${sql} FORMAT JSON`)) as { readonly data: Row[] }).data;
  }

  async ask(sql: string): Promise<string> {
    const { status, bytes } = await askEngine(engineAccess(this.dataDir), sql);
    if (status !== 200) throw new Error(bytes.toString('utf8'));
    return bytes.toString('utf8');
  }

  /** Merges every table to the end, removing what the engine finds expired by its own clock, which is right. */
  async expire(): Promise<void> {
    await this.ask('SYSTEM START TTL MERGES');
    const tables = await this.rows<{ readonly name: string }>(
      `SELECT name FROM system.tables
       WHERE database = 'tidemark' AND engine LIKE '%MergeTree' AND name NOT LIKE '%beside%'`,
    );
    for (const { name } of tables) await this.ask(`OPTIMIZE TABLE tidemark.${name} FINAL`);
  }
}

/** How often each task is in the raw rows, each rollup and each state table. */
const counts = [
  "SELECT task_id AS task, count() AS copies FROM tidemark.agent_events_raw_v1 WHERE task_id != '' GROUP BY task",
  'SELECT task_id AS task, count() AS copies FROM tidemark.agent_task_history GROUP BY task',
];

const totals = [
  'SELECT sum(total) AS total FROM tidemark.agent_performance_minutely',
  'SELECT sum(total) AS total FROM tidemark.agent_performance_daily',
  'SELECT count() AS total FROM (SELECT task_id FROM tidemark.agent_tasks_by_start_v1)',
];

async function expectAllThere(walk: Walk): Promise<void> {
  const sent = walk.acknowledged.map((task) => `${task} 1`).sort();
  for (const sql of counts) {
    const rows = await walk.rows<{ readonly task: string; readonly copies: string }>(sql);
    expect(rows.map(({ task, copies }) => `${task} ${copies}`).sort(), sql).toEqual(sent);
  }
  for (const sql of totals) {
    const [row] = await walk.rows<{ readonly total: string }>(sql);
    expect(Number(row?.total), sql).toBe(sent.length);
  }
  const [runs] = await walk.rows<{ readonly runs: string }>(
    'SELECT uniqExact(run_id) AS runs FROM tidemark.agent_runs',
  );
  expect(Number(runs?.runs)).toBe(new Set(walk.acknowledged.map((task) => task.replace(/-\d+$/, ''))).size);
}

let walk: Walk;
beforeEach(() => {
  walk = new Walk();
});
afterEach(() => walk.stop());

test('with a clock at 1970 nothing is acknowledged; when it is set ingest goes on by itself', async () => {
  walk.clock.set(5_000);
  await walk.start();
  const refused = await walk.post([{ type: 'log', agent_id: 'a', message: 'm' }], 'early');
  const problem = (await refused.json()) as { readonly code: string };
  expect([refused.status, problem.code, refused.headers.get('retry-after')]).toEqual([503, 'clock_unset', '1']);
  const stream = listen(walk.url);
  await expect.poll(() => stream.messages).toMatchObject([{ op: 'hello', credit: 0 }]);
  expect((await fetch(`${walk.url}/health`)).status).toBe(503);
  expect(await walk.dependency('clock')).toMatchObject({
    status: 'unhealthy',
    reason: expect.stringMatching(/^the wall clock says 1970-01-01T.*: no event is acknowledged until it is set$/),
  });
  expect(await walk.metric('tidemark_clock_unset')).toBe(1);
  expect(walk.warnings).toContain('the wall clock is not set: no event is acknowledged until it is');

  walk.clock.offsetMs = 0;
  await expect.poll(() => stream.messages.at(-1)).toMatchObject({ op: 'credit', credit: 64 });
  await walk.send('set');
  await expect.poll(async () => (await fetch(`${walk.url}/health`)).status).toBe(200);
  await walk.settled();
  stream.socket.close();
  await walk.expire();
  await expectAllThere(walk);
});

test('a clock that is lost while frames are under way holds them, and takes them when it is set', async () => {
  await walk.start();
  const stream = listen(walk.url);
  await expect.poll(() => stream.messages).toMatchObject([{ op: 'hello', credit: 64 }]);
  walk.clock.set(5_000);
  const named = { agent_id: 'agent', run_id: 'run-frame' };
  const events = [
    { type: 'task.completed', ...named, task_id: 'frame-0', duration_ms: 1 },
    { type: 'run.completed', ...named },
  ];
  stream.socket.send(JSON.stringify({ seq: 1, events }));
  await expect.poll(() => stream.messages.at(-1)).toMatchObject({ op: 'credit', credit: 0 });
  walk.clock.offsetMs = 0;
  await expect.poll(() => stream.messages.map(({ op }) => op)).toContain('ack');
  walk.acknowledged.push('frame-0');
  stream.socket.close();
  await walk.settled();
  await walk.expire();
  await expectAllThere(walk);
});

test('a day back, forty days ahead, back, and over the end of a month: nothing acknowledged is missing', async () => {
  await walk.start();
  await walk.send('right');
  walk.clock.offsetMs = -dayMs;
  await walk.send('behind');
  const { status, reason } = await walk.dependency('clock');
  expect([status, reason]).toEqual(['degraded', expect.stringMatching(/behind what was received before/)]);
  expect(await walk.metric('tidemark_receipt_batches_held_total')).toBeGreaterThan(0);
  await walk.settled();

  // The maintenance of a start drops what has expired: forty days ahead that would be everything.
  walk.clock.offsetMs = 40 * dayMs;
  await walk.restart();
  await walk.send('ahead');
  await walk.settled();
  await walk.maintained();
  // Positions are forgotten when a segment closes: a resend is still known.
  for (const stage of ['right', 'behind']) expect(await walk.send(stage)).toMatchObject({ duplicates: 21 });

  walk.clock.offsetMs = 0;
  const nowMs = walk.clock.nowMs();
  await walk.send('back', { ts: nowMs - 1_000 });
  await walk.send('back-without-a-time');
  await walk.settled();
  await walk.restart();
  await walk.send('restarted');
  expect(await walk.send('ahead')).toMatchObject({ duplicates: 21 });

  const month = new Date(nowMs + 70 * dayMs);
  const monthEndMs = Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1);
  walk.clock.set(monthEndMs - 1_500);
  for (let part = 0; walk.clock.nowMs() < monthEndMs + 500; part++) {
    await walk.send(`month-${part}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  walk.clock.offsetMs = 0;
  await walk.send('home');
  await walk.settled();
  await walk.expire();
  await expectAllThere(walk);
  await expectOrderAndTimes(walk, nowMs);
}, 500_000);

/** `received` never went back; what has a time keeps it, and what has none has that of the wall clock. */
async function expectOrderAndTimes(walk: Walk, nowMs: number): Promise<void> {
  const rows = await walk.rows<{ readonly stage: string; readonly received: string; readonly ts: string }>(`
    SELECT substring(run_id, 5) AS stage, toUnixTimestamp64Milli(max(received)) AS received,
      toUnixTimestamp64Milli(max(ts)) AS ts
    FROM tidemark.agent_events_raw_v1 GROUP BY stage`);
  const of = new Map(rows.map(({ stage, received, ts }) => [stage, { received: Number(received), ts: Number(ts) }]));
  const stages = [...new Set(walk.acknowledged.map((task) => task.replace(/-\d+$/, '')))];
  const received = stages.map((stage) => of.get(stage)?.received ?? 0);
  expect(received).toEqual([...received].sort((a, b) => a - b));
  expect(of.get('back')?.ts).toBe(nowMs - 1_000);
  for (const stage of ['back-without-a-time', 'restarted', 'home']) {
    expect(Math.abs((of.get(stage)?.ts ?? 0) - nowMs), stage).toBeLessThan(dayMs);
  }
  const months = await walk.rows<{ readonly part: string }>(
    "SELECT DISTINCT partition AS part FROM system.parts WHERE active AND table = 'agent_events_raw_v1'",
  );
  expect(months.length).toBeGreaterThan(2);
}

interface Listened {
  readonly socket: WebSocket;
  readonly messages: Record<string, unknown>[];
}

function listen(url: string): Listened {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream?producer=walker&format=json`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const messages: Record<string, unknown>[] = [];
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString('utf8')) as Record<string, unknown>));
  socket.on('error', () => {});
  return { socket, messages };
}
