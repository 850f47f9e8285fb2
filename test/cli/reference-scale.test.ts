import { expect, test } from 'vitest';
import { assumptions, planFor, type ScaleCosts, scaleTable } from '../../src/cli/reference-scale.js';

const costs: ScaleCosts = {
  command: 'npm run bench:scale',
  where: '2 × a processor',
  events: 1_000_000,
  collectorCpuUs: 10,
  engineCpuUs: 10,
  rawBytes: 100,
  historyBytes: 50,
  rollupBytes: 1,
  insertBytes: 200,
  gzipRatio: 5,
  gzipCpuUs: 1,
};

test('what a rate takes grows with it and with what an event costs', () => {
  const plans = assumptions.rates.map((rate) => planFor(rate, costs));
  for (const [at, plan] of plans.entries()) {
    const next = plans[at + 1];
    if (next === undefined) continue;
    expect(next.collectorCores / plan.collectorCores).toBeCloseTo(10);
    expect(next.collectors).toBeGreaterThanOrEqual(plan.collectors);
    expect(next.diskBytes / plan.diskBytes).toBeCloseTo(10);
  }
  // Half used, one of two cores' worth: 100,000 events of 10 us.
  expect(planFor(100_000, costs).collectorCores).toBeCloseTo(2);
  expect(planFor(100_000, { ...costs, collectorCpuUs: 20 }).collectorCores).toBeCloseTo(4);
});

test('the embedded engine does until its insert lane is half in use', () => {
  const laneRate = (assumptions.usedRatio * 1e6) / (costs.engineCpuUs * assumptions.insertShare);
  expect(planFor(Math.floor(laneRate * 0.9), costs).shardsByCores).toBe(0);
  expect(planFor(Math.ceil(laneRate * 1.1), costs).shardsByCores).toBe(1);
});

test('the disk is told as the limit where it asks for more shards than the cores do', () => {
  expect(planFor(1_000_000, costs).first).toMatch(/^the disks/);
  const small = { ...costs, rawBytes: 0.01, historyBytes: 0.01, rollupBytes: 0.01 };
  expect(planFor(1_000_000, small).first).toBe('the main threads of the collectors');
  expect(scaleTable(costs).split('\n')).toHaveLength(2 + assumptions.rates.length);
});
