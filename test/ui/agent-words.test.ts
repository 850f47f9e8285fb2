import { describe, expect, test } from 'vitest';
import type { Answers } from '../../src/ui/api/client.js';
import { type AgentRow, agentSorts, matchingAgents, sortedAgents } from '../../src/ui/pages/agents/agent-list.js';
import {
  rangeKey,
  rangeQuery,
  seriesBounds,
  stepOfRange,
  stepsOfRange,
} from '../../src/ui/pages/agents/agent-range.js';
import { significantSentences, trendSentence, verdict } from '../../src/ui/pages/agents/trend-words.js';

const nowMs = Date.parse('2026-11-26T12:00:30.000Z');
const dayMs = 86_400_000;
const named = (name: string) => ({
  name,
  from: new Date(nowMs - Number.parseInt(name, 10) * dayMs).toISOString(),
  to: undefined,
});
const picked = (from: string, to?: string) => ({ name: null, from, to });

describe('the range of an agent', () => {
  test('keeps its name for the API, or goes by its times', () => {
    expect(rangeQuery(named('7d'))).toEqual({ time_range: '7d' });
    expect(rangeQuery(picked('2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z'))).toEqual({
      from: '2026-11-01T00:00:00Z',
      to: '2026-11-02T00:00:00Z',
    });
    expect(rangeQuery(named('3d'))).toEqual({ from: '2026-11-23T12:00:30.000Z' });
  });

  test('stays the same question while time goes by, and is another one with other times', () => {
    expect(rangeKey(named('7d'))).toEqual(rangeKey({ ...named('7d'), from: '2026-01-01T00:00:00Z' }));
    expect(rangeKey(picked('2026-11-01T00:00:00Z'))).not.toEqual(rangeKey(picked('2026-11-02T00:00:00Z')));
  });

  test('has steps that give neither one bucket nor more than can be told apart', () => {
    const of = { type: 'realtime', nowMs } as const;
    expect(stepsOfRange(named('1d'), of)).toEqual(['1m', '5m', '1h']);
    expect(stepsOfRange(named('7d'), of)).toEqual(['5m', '1h', '1d']);
    expect(stepsOfRange(named('30d'), of)).toEqual(['1h', '1d']);
    expect(stepsOfRange(named('90d'), of)).toEqual(['1d']);
    expect(stepsOfRange(picked('2026-11-26T11:59:50Z'), of)).toEqual(['1m']);
  });

  test('has days only where minutes are not kept, and where days are asked for', () => {
    const old = picked('2026-06-01T00:00:00Z', '2026-06-03T00:00:00Z');
    expect(stepsOfRange(old, { type: 'realtime', nowMs })).toEqual(['1d']);
    expect(stepsOfRange(named('7d'), { type: 'aggregated', nowMs })).toEqual(['1d']);
  });

  test('is shown in the finest step that reads easily, or in the one asked for where it fits', () => {
    const step = (name: string, wanted = '') => stepOfRange(named(name), { type: 'realtime', nowMs, wanted });
    expect([step('1d'), step('7d'), step('30d'), step('90d')]).toEqual(['1h', '1h', '1d', '1d']);
    expect([step('1d', '5m'), step('90d', '1m'), step('7d', 'none')]).toEqual(['5m', '1d', '1h']);
  });

  test('begins at a whole minute, or N days with today as the last', () => {
    expect(seriesBounds(named('7d'), { type: 'realtime', nowMs })).toEqual({ from: '2026-11-19T12:00:00.000Z' });
    expect(seriesBounds(named('7d'), { type: 'aggregated', nowMs })).toEqual({ from: '2026-11-20' });
    const range = picked('2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z');
    expect(seriesBounds(range, { type: 'aggregated', nowMs })).toEqual({ from: range.from, to: range.to });
  });
});

type Metrics = Answers['GetAgentMetricsAnswer'];

const half = { from: '', to: '', total_executions: 0, successful_executions: 0, failed_executions: 0 };
const basis: NonNullable<Metrics['trend_basis']> = {
  success_rate_change: -10.56,
  success_rate_test: { test: 'z', z_score: -2.78, p_value: 0.0054, significant: true },
  p95_change_percent: -4.4,
  p95_pooled_ms: 2_298,
  p95_test: { test: 'z', z_score: -0.28, p_value: 0.7798, significant: false },
  thresholds: { executions: 10, success_rate_points: 5, p95_percent: 15, p_value: 0.05 },
  first_half: { ...half, success_rate: 95.12, p95_ms: 2_341, above_pooled_p95: null },
  second_half: { ...half, success_rate: 84.56, p95_ms: 2_238, above_pooled_p95: null },
};

function metrics(of: Partial<Metrics>): Metrics {
  const first = { executions: 129, successful_min: 123, successful_max: 123 };
  const second = { executions: 130, successful_min: 109, successful_max: 109 };
  return {
    trend: 'declining',
    significant_trend: 'declining',
    trend_halves: { first, second },
    trend_basis: basis,
    ...of,
  } as Metrics;
}

describe('the trend of an agent in words', () => {
  test('says both halves', () => {
    expect(trendSentence(metrics({}))).toBe(
      '95.35 % of the earlier 129 executions succeeded, 83.85 % of the later 130.',
    );
  });

  test('says between what a half lies where its order is not kept', () => {
    const first = { executions: 10, successful_min: 5, successful_max: 7 };
    const second = { executions: 0, successful_min: 0, successful_max: 0 };
    expect(trendSentence(metrics({ trend: 'insufficient_data', trend_halves: { first, second } }))).toBe(
      'Too few executions to tell: 50 % to 70 % of the earlier 10 executions succeeded, – of the later 0.',
    );
  });

  test('says what changed, by how much, and whether that may be chance', () => {
    expect(significantSentences(metrics({}))).toEqual([
      'Success rate −10.56 points, from 95.12 % to 84.56 %, which is more than chance (p = 0.0054).',
      'p95 of successes −4.4 %, from 2.34 s to 2.24 s, which may be chance (p = 0.78).',
    ]);
  });

  test('says that a change is too small though it is no chance', () => {
    const success_rate_test = { test: 'z', z_score: 3, p_value: 0.00001, significant: false } as const;
    const trend_basis = { ...basis, success_rate_change: 1.2, success_rate_test, p95_change_percent: null };
    expect(significantSentences(metrics({ trend_basis }))).toEqual([
      'Success rate +1.2 points, from 95.12 % to 84.56 %, which is too small a change to count (p < 0.0001).',
    ]);
  });

  test('says why there is nothing to compare', () => {
    expect(significantSentences(metrics({ trend_basis: null }))[0]).toContain('single day');
    expect(significantSentences(metrics({ significant_trend: 'no_data' }))).toEqual(['Nothing was executed.']);
    const nothing = { ...basis, success_rate_change: null, p95_change_percent: null };
    expect(significantSentences(metrics({ trend_basis: nothing }))[0]).toContain('nothing to compare');
    expect(verdict('insufficient_data')).toBe('Too little data');
  });
});

describe('the list of agents', () => {
  const agent = (agent_id: string, rest: Partial<AgentRow> = {}): AgentRow => ({
    agent_id,
    agent_name: null,
    last_seen: '2026-11-26T10:00:00.000Z',
    executions_24h: 0,
    successful_24h: 0,
    failed_24h: 0,
    success_rate_24h: null,
    ...rest,
  });
  const agents = [
    agent('a', { agent_name: 'Ann', executions_24h: 5, success_rate_24h: 100 }),
    agent('b', { executions_24h: 9, failed_24h: 3, success_rate_24h: 66.67, last_seen: '2026-11-26T11:00:00.000Z' }),
    agent('c-ann', { agent_name: 'Cy', failed_24h: 1 }),
  ];

  test('is searched by id and name, whatever the case', () => {
    expect(matchingAgents(agents, 'ANN').map(({ agent_id }) => agent_id)).toEqual(['a', 'c-ann']);
    expect(matchingAgents(agents, '')).toBe(agents);
    expect(matchingAgents(agents, 'zoe')).toEqual([]);
  });

  test('is sorted so that what one looks for comes first, and an unknown rate comes last', () => {
    const first = agentSorts.map((sort) => [sort, ...sortedAgents(agents, sort).map(({ agent_id }) => agent_id)]);
    expect(first).toEqual([
      ['id', 'a', 'b', 'c-ann'],
      ['executions', 'b', 'a', 'c-ann'],
      ['failed', 'b', 'c-ann', 'a'],
      ['success', 'b', 'a', 'c-ann'],
      ['seen', 'b', 'a', 'c-ann'],
    ]);
  });
});
