import { expect, test } from 'vitest';
import { CollectorProcess } from '../support/collector-process.js';
import { historyEndpoints } from '../support/history-endpoints.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { tempDir } from '../support/temp-dir.js';
import { type Style, ToldHistory } from '../support/told-history.js';

const seed = testSeed(20_261_126);
const styles: readonly Style[] = ['told', 'bare', 'runless', 'resent'];
const keyOf = (style: Style) => `tdm_test_key_of_the_tenant_${style}`;
const hourMs = 3_600_000;

/** A failure is told with the parent that the failed event itself told; its task or step is told with all. */
const differingOfFailures: Readonly<Record<string, string>> = { parent_id: 'what the failed event told' };

/** What may differ, and why. */
const differing: Readonly<Record<string, string>> = {
  tenant: 'each style has one',
  received_at: 'when the collector received it, not when it happened',
  last_received_at: 'the same of the last event of a run',
  freshest_event: 'the same of the newest row that was read',
  newest_received: 'the same of the newest row of all',
  age_ms: 'how long ago that was',
  as_of: 'when the answer was made',
  next_cursor: 'the tenant is in it',
  created_at: 'of a rollup: when its first event was received',
  updated_at: 'of a rollup: when its last event was received',
};

test('a history is answered alike however its events are written', async () => {
  process.stdout.write(`styles of writing: seed ${seed}\n`);
  const history = new ToldHistory(seededRandom(seed), { runs: 8, endMs: Date.now() - 60_000, spanMs: 20 * hourMs });
  const collector = new CollectorProcess({
    dataDir: tempDir(),
    env: {
      TIDEMARK_API_KEYS: styles.map((style) => `${keyOf(style)}:${style}:admin`).join(','),
      TIDEMARK_QUERY_CACHE_MS: '0',
      TIDEMARK_HISTORY_LEASE_MS: String(24 * hourMs),
      TIDEMARK_MAINTENANCE_SCHEDULE: 'off',
    },
  });
  try {
    await collector.start();
    for (const style of styles) await send(collector, style, history.in(style));
    await collector.untilStored(styles.length * history.events.length);
    for (const { path, pages } of historyEndpoints(history as never)) {
      const answers = await Promise.all(
        styles.map((style) => read(collector.url + path, keyOf(style), pages === true)),
      );
      for (const [index, style] of styles.entries()) {
        expect.soft(answers[index], `${style}, seed ${seed}: ${path}`).toEqual(answers[0]);
      }
    }
    await compareViews(collector);
    await compareSeries(collector);
    const counted = await collector.metrics();
    expect(counted.get('tidemark_ends_conflicting_total')).toBe(0);
    expect(counted.get('tidemark_ends_without_start_total')).toBe(0);
    expect(await collector.stop()).toBe(0);
  } finally {
    await collector.kill();
  }
});

async function send(collector: CollectorProcess, style: Style, events: readonly object[]): Promise<void> {
  let [duplicates, accepted] = [0, 0];
  for (let at = 0; at < events.length; at += 37) {
    const response = await fetch(`${collector.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keyOf(style)}`, 'content-type': 'application/json' },
      body: JSON.stringify({ events: events.slice(at, at + 37) }),
    });
    const answer = (await response.json()) as Record<string, number>;
    expect(answer).toMatchObject({ rejected: 0, errors: [] });
    duplicates += answer.duplicates ?? 0;
    accepted += answer.accepted ?? 0;
  }
  const ends = events.filter((event) =>
    /\.(completed|failed|cancelled)$/.test(String((event as { type: string }).type)),
  );
  expect([accepted, duplicates]).toEqual([events.length, style === 'resent' ? ends.length / 2 : 0]);
}

const views = [
  'agent_task_history',
  'agent_runs',
  'agent_steps',
  'agent_failures',
  'agent_performance_daily',
  'agent_performance_minutely',
  'agent_errors_daily',
  'agent_memory_daily',
];

async function compareViews(collector: CollectorProcess): Promise<void> {
  for (const view of views) {
    const rows = await collector.query<Record<string, unknown>>(`SELECT * FROM ${view} ORDER BY ALL`);
    const leftOut = view === 'agent_failures' ? { ...differing, ...differingOfFailures } : differing;
    const of = (style: Style) =>
      rows
        .filter((row) => row.tenant === style)
        .map((row) => JSON.stringify(comparable(withoutReceipt(row), leftOut)))
        .sort();
    for (const style of styles) expect.soft(of(style), `${style}, seed ${seed}: ${view}`).toEqual(of('told'));
  }
}

function withoutReceipt(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).filter(([name]) => !/received|inserted|digest|^unit$|^family$/.test(name)),
  );
}

/** The Prometheus series of each tenant. */
async function compareSeries(collector: CollectorProcess): Promise<void> {
  const series = [...(await collector.metrics())].filter(([name]) => name.startsWith('agent_'));
  const of = (style: Style) =>
    series
      .filter(([name]) => name.includes(`tenant="${style}"`))
      .map(([name, value]) => `${name.replace(`tenant="${style}"`, '')} ${Number(value.toPrecision(6))}`)
      .sort();
  expect(of('told').length).toBeGreaterThan(0);
  for (const style of styles) expect.soft(of(style), `${style}, seed ${seed}: /metrics`).toEqual(of('told'));
}

async function read(url: string, key: string, pages: boolean): Promise<unknown[]> {
  const answers: unknown[] = [];
  let cursor: string | null | undefined;
  do {
    const after = cursor == null ? '' : `${url.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`;
    const response = await fetch(url + after, { headers: { authorization: `Bearer ${key}` } });
    const body = (await response.json()) as { readonly next_cursor?: string | null };
    expect(response.status, `${url + after}: ${JSON.stringify(body)}`).toBe(200);
    answers.push(comparable(body, url.includes('/failures') ? { ...differing, ...differingOfFailures } : differing));
    cursor = pages ? body.next_cursor : null;
  } while (typeof cursor === 'string');
  return answers;
}

function comparable(value: unknown, left: Readonly<Record<string, string>> = differing): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(10));
  if (Array.isArray(value)) return value.map((item) => comparable(item, left));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !(name in left));
  return Object.fromEntries(kept.map(([name, item]) => [name, comparable(item, left)]));
}
