import { expect, test } from 'vitest';
import { durationBucketsMs, type WindowSlice } from '../../src/core/event-batch.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { digestDurations, rawDurationsMax } from '../../src/decode/duration-digest.js';
import { packSlices, unpackSlices } from '../../src/decode/packed-slices.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { createBatch, receivedMs, type SentEvent } from './random-events.js';

const decoder = createBatchDecoder({ ...defaultFrameLimits, frameBytesMax: 100_000_000 });
const slicesOf = (events: readonly SentEvent[], tenant = 'default') =>
  decoder.decode(createBatch([{ body: events, tenant }])).slices;

const ts = receivedMs - (receivedMs % 5_000);
const task = (type: string, more: SentEvent = {}) => ({
  type: `task.${type}`,
  agent_id: 'a',
  task_id: 't',
  ts,
  error_category: type === 'failed' ? 'model' : null,
  ...more,
});

test('executions, durations, errors, confidence and memory are those of ended tasks', () => {
  const slices = slicesOf([
    task('completed', { duration_ms: 9.5, confidence: 0.25, memory_mb: 100 }),
    task('completed', { started_at: ts - 700, ended_at: ts, confidence: 0.5, memory_mb: 300 }),
    task('failed', { duration_ms: 1e9, memory_mb: 200 }),
    task('cancelled'),
    task('running', { duration_ms: 5 }),
    {
      type: 'run.failed',
      agent_id: 'a',
      run_id: 'r',
      ts,
      error_category: 'tool',
      duration_ms: 7,
      confidence: 1,
      memory_mb: 900,
    },
  ]);
  const durationBuckets = new Uint32Array(durationBucketsMs.length + 1);
  for (const bucket of [0, 7, 17]) durationBuckets[bucket] = 1;
  expect(slices).toEqual([
    {
      tenant: 'default',
      agentId: 'a',
      sliceMs: ts,
      completed: 2,
      failed: 1,
      cancelled: 1,
      durations: Float64Array.of(9.5, 1, 700, 1, 1e9, 1),
      durationSumMs: 709.5 + 1e9,
      durationMinMs: 9.5,
      durationMaxMs: 1e9,
      durationBuckets,
      llmCalls: 0,
      tokensIn: 0,
      tokensOut: 0,
      costMicros: null,
      tokensUnpriced: 0,
      errors: { model: 1 },
      confidenceSum: 0.75,
      confidenceCount: 2,
      memoryMbMax: 300,
    } satisfies WindowSlice,
  ]);
});

test('usage is that of everything that ended, unless it is rolled up', () => {
  const usage = { llm_calls: 1, tokens_in: 20, tokens_out: 300, cost_micros: 2 ** 33 };
  const slices = slicesOf([
    task('completed', usage),
    { type: 'step.failed', agent_id: 'a', step_id: 's', ts, error_category: 'tool', usage_scope: 'own', ...usage },
    { type: 'run.completed', agent_id: 'a', run_id: 'r', ts, usage_scope: 'rolled_up', ...usage },
    { type: 'step.started', agent_id: 'a', step_id: 's', ts, ...usage },
  ]);
  expect(slices).toMatchObject([
    { llmCalls: 2, tokensIn: 40, tokensOut: 600, costMicros: 2 ** 34, tokensUnpriced: 0, completed: 1, failed: 0 },
  ]);
});

test('tokens of what reported no cost are told beside the cost, also where nothing has one', () => {
  const tokens = { tokens_in: 20, tokens_out: 3 };
  const unpriced = { costMicros: null, tokensUnpriced: 46 };
  expect(slicesOf([task('completed', tokens), task('completed', tokens)])).toMatchObject([unpriced]);
  const some = [tokens, { ...tokens, cost_micros: 0 }, { ...tokens, usage_scope: 'rolled_up' }];
  const slices = slicesOf(some.map((usage) => task('completed', usage)));
  expect(slices).toMatchObject([{ tokensIn: 40, costMicros: 0, tokensUnpriced: 23 }]);
});

test('an ended run or step makes a slice, even of zeros, and what has not ended makes none', () => {
  const run = (type: string) => ({ type, agent_id: 'a', run_id: 'r', step_id: 's', ts });
  expect(slicesOf([run('run.completed')])).toMatchObject([{ completed: 0, durations: new Float64Array(0) }]);
  expect(slicesOf([run('run.started'), run('step.started'), run('log'), run('heartbeat'), task('pending')])).toEqual(
    [],
  );
});

test('tenant, agent and five seconds of event time tell slices apart', () => {
  const events = [
    task('completed', { ts: ts - 1 }),
    task('completed', { ts }),
    task('completed', { ts: ts + 4_999 }),
    task('completed', { ts: ts + 5_000 }),
    task('completed', { agent_id: 'b' }),
    task('completed', { ts: ts + 1 }),
  ];
  const { slices } = decoder.decode(
    createBatch([
      { body: events, tenant: 'acme' },
      { body: events.slice(0, 2), tenant: 'globex' },
      { body: events.slice(0, 1), tenant: 'acme' },
    ]),
  );
  expect(slices.map(({ tenant, agentId, sliceMs, completed }) => [tenant, agentId, sliceMs - ts, completed])).toEqual([
    ['acme', 'a', -5_000, 2],
    ['acme', 'a', 0, 3],
    ['acme', 'a', 5_000, 1],
    ['acme', 'b', 0, 1],
    ['globex', 'a', -5_000, 1],
    ['globex', 'a', 0, 1],
  ]);
});

test('packed slices are the same when unpacked', () => {
  const random = seededRandom(6);
  const events = Array.from({ length: 2_000 }, () =>
    task(['completed', 'failed', 'cancelled'][Math.floor(random() * 3)]!, {
      agent_id: `a${Math.floor(random() * 9)}`,
      ts: ts + Math.floor(random() * 20_000),
      duration_ms: random() < 0.5 ? random() * 1e5 : null,
      tokens_in: Math.floor(random() * 1e6),
      confidence: random(),
    }),
  );
  const slices = slicesOf(events);
  expect(slices.length).toBe(36);
  expect(unpackSlices(packSlices(slices))).toEqual(slices);
  expect(unpackSlices(packSlices([]))).toEqual([]);
});

type Draw = (random: () => number) => number;
const gaussian: Draw = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const distributions: readonly (readonly [string, number, Draw])[] = [
  ['log-normal', 1, (random) => Math.exp(7 + gaussian(random))],
  ['Pareto(1.2)', 2, (random) => 100 * (1 - random()) ** (-1 / 1.2)],
];

/** The value at a rank of weighted centroids, half of a centroid's weight on either side of its mean. */
function quantile(centroids: readonly (readonly [mean: number, weight: number])[], q: number): number {
  const total = centroids.reduce((sum, [, weight]) => sum + weight, 0);
  let before = 0;
  let last: readonly [number, number] | null = null;
  for (const [mean, weight] of centroids) {
    const middle = before + weight / 2;
    if (middle >= q * total)
      return last === null ? mean : last[0] + ((mean - last[0]) * (q * total - last[1])) / (middle - last[1]);
    last = [mean, middle];
    before += weight;
  }
  return last?.[0] ?? Number.NaN;
}

test.each(distributions)(
  'merged digests of 100,000 durations, %s, are within %i %% at p50, p95 and p99',
  (_, percent, draw) => {
    const seed = testSeed(17);
    const random = seededRandom(seed);
    for (const perBatch of [500, 4_000]) {
      const values = Array.from({ length: 100_000 }, () => draw(random));
      const merged: [number, number][] = [];
      for (let at = 0; at < values.length; at += perBatch) {
        const centroids = digestDurations(values.slice(at, at + perBatch));
        expect(centroids.length / 2).toBeLessThanOrEqual(Math.max(rawDurationsMax, 700));
        for (let index = 0; index < centroids.length; index += 2)
          merged.push([centroids[index]!, centroids[index + 1]!]);
      }
      merged.sort(([left], [right]) => left - right);
      expect(merged.reduce((sum, [, weight]) => sum + weight, 0)).toBe(values.length);
      values.sort((left, right) => left - right);
      for (const q of [0.5, 0.95, 0.99]) {
        const exact = values[Math.floor(q * (values.length - 1))]!;
        const off = Math.abs(quantile(merged, q) / exact - 1);
        expect(off, `seed ${seed}, ${perBatch} a batch, q ${q}`).toBeLessThan(percent / 100);
      }
    }
  },
);
