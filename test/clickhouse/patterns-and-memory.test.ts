import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import type { SegmentWriter } from '../../src/core/ports/segment-writer.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, row } from '../support/event-rows.js';
import { type RawRow, timeText, writeSegment } from '../support/segment-file.js';

const database = 'tidemark';
const tables = ['agent_memory_per_day_v1', 'agent_patterns_v1', 'agent_pattern_feedback_v1'];
let store: EngineStore;
let writer: SegmentWriter;

beforeAll(async () => {
  store = await EngineStore.withSchema();
  writer = createSegmentWriter({ store }, { database, transport: 'infile' });
});

afterAll(() => store.end());

async function insert(id: string, blocks: readonly (readonly RawRow[])[]): Promise<void> {
  await writer.insert(await writeSegment(store, { id, blocks }));
}

function seen(patternId: string, fields: RawRow): RawRow {
  return row({ type: 'pattern.observed', pattern_id: patternId, ...fields });
}

function told(patternId: string, fields: RawRow): RawRow {
  return row({ type: 'pattern.feedback', pattern_id: patternId, ...fields });
}

const events: readonly RawRow[] = [
  row({ type: 'memory.stored', agent_id: 'm' }),
  row({ type: 'memory.stored', agent_id: 'm' }),
  row({ type: 'memory.recalled', agent_id: 'm', ts: timeText(noonMs - 86_400_000) }),
  row({ type: 'log', agent_id: 'm' }),
  seen('p', { agent_id: 'a', pattern_type: 'loop', confidence: 0.5, evidence: ['r1', 'r2'] }),
  seen('p', { agent_id: 'b', ts: timeText(noonMs + 1_000), effectiveness: 0.25, evidence: ['r2', 'r3'] }),
  seen('p', { agent_id: 'a', ts: timeText(noonMs + 2_000), name: 'Loop' }),
  told('p', { event_id: 'f1', feedback_score: 2, feedback_text: 'good', user_id: 'u' }),
  told('p', { feedback_score: 5, ts: timeText(noonMs + 500) }),
  told('p', { feedback_text: 'no score' }),
  told('nobody saw it', { feedback_score: 9 }),
];

async function views(): Promise<unknown> {
  return [
    await store.select('SELECT * FROM agent_memory_daily ORDER BY tenant, agent_id, day'),
    await store.select('SELECT * FROM agent_discovered_patterns ORDER BY tenant, pattern_id'),
    await store.select('SELECT * FROM agent_pattern_feedback_v1 FINAL ORDER BY feedback_id'),
  ];
}

test('the public views hold a row a day with memory and a row an observed pattern', async () => {
  await insert('first', [events.slice(0, 6), events.slice(6)]);
  const days = await store.select(
    'SELECT agent_id, toString(day) AS day, stored, recalled FROM agent_memory_daily ORDER BY day',
  );
  expect(days).toEqual([
    { agent_id: 'm', day: timeText(noonMs - 86_400_000).slice(0, 10), stored: 0, recalled: 1 },
    { agent_id: 'm', day: timeText(noonMs).slice(0, 10), stored: 2, recalled: 0 },
  ]);
  expect(await store.select('SELECT * FROM agent_discovered_patterns')).toEqual([
    {
      tenant: 'default',
      pattern_id: 'p',
      pattern_type: 'loop',
      name: 'Loop',
      description: '',
      agents: ['a', 'b'],
      observations: 3,
      confidence: 0.5,
      effectiveness: 0.25,
      evidence_count: 3,
      evidence: ['r2', 'r3', 'r1'],
      first_seen: timeText(noonMs),
      last_seen: timeText(noonMs + 2_000),
      feedback_count: 3,
      feedback_scores: 2,
      avg_score: 3.5,
      min_score: 2,
      max_score: 5,
      last_score: 5,
      last_feedback: timeText(noonMs + 500),
    },
  ]);
});

test('a segment that is replayed changes nothing', async () => {
  const before = await views();
  await insert('first', [events.slice(0, 6), events.slice(6)]);
  expect(await views()).toEqual(before);
});

test('feedback that comes again under its id counts once, and the earliest holds', async () => {
  const given = told('again', { event_id: 'f', feedback_score: 1, feedback_text: 'first' });
  await insert('again-0', [[seen('again', {})]]);
  await insert('again-1', [[told('again', { ...given, ts: timeText(noonMs + 60_000), feedback_text: 'second' })]]);
  await insert('again-2', [[given]]);
  const counted = 'SELECT feedback_count, avg_score FROM agent_discovered_patterns';
  expect(await store.select(`${counted} WHERE pattern_id = 'again'`)).toEqual([{ feedback_count: 1, avg_score: 1 }]);
  const texts = await store.select(`SELECT text FROM agent_pattern_feedback_v1 FINAL WHERE pattern_id = 'again'`);
  expect(texts).toEqual([{ text: 'first' }]);
});

test('memory by day, patterns and feedback are kept for good', async () => {
  const rows = await store.select<{ engine_full: string }>(
    `SELECT engine_full FROM system.tables WHERE database = '${database}' AND name IN ('${tables.join("', '")}')`,
  );
  expect(rows).toHaveLength(tables.length);
  for (const { engine_full: engine } of rows) expect(engine).not.toContain('TTL');
});
