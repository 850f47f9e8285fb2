import { expect, test } from 'vitest';
import type { Machine } from '../../bench/bench-report.js';
import { type BenchRun, summaryOf } from '../../bench/run-summary.js';
import type { ThroughputResult } from '../../bench/scenarios/throughput.js';
import { figuresTable } from '../../src/cli/reference-figures.js';

const where = ({ commit }: Machine): string => `commit ${commit}`;

/** A run of `hour` o'clock that measured these rates of the scenario `maps`, or `positional`. */
function run(options: {
  readonly hour: number;
  readonly commit: string;
  readonly maps?: number;
  readonly positional?: number;
  readonly nodeFlags?: readonly string[];
}): BenchRun {
  const { hour, commit, maps, positional, nodeFlags = [] } = options;
  const measured = (rate: number): ThroughputResult =>
    ({ eventsPerCpuSecond: rate, storedPerSecond: rate * 2 }) as ThroughputResult;
  return {
    at: new Date(Date.UTC(2026, 0, 1, hour)).toISOString(),
    machine: { commit } as Machine,
    options: { nodeFlags },
    results: {
      ...(maps === undefined ? {} : { maps: measured(maps) }),
      ...(positional === undefined ? {} : { positional: measured(positional) }),
    },
  };
}

const mapsName = 'events/CPU-s, socket to rows and rollups, maps';

test('a figure is the median of the runs of the newest commit that measured it', () => {
  const runs = [
    run({ hour: 3, commit: 'new', maps: 90_000 }),
    run({ hour: 1, commit: 'old', maps: 1, positional: 70_000 }),
    run({ hour: 4, commit: 'new', maps: 70_000 }),
    run({ hour: 2, commit: 'new', maps: 80_000 }),
    run({ hour: 5, commit: 'newest' }),
  ];
  const { figures } = summaryOf(runs, where);
  const maps = figures.find(({ name }) => name === mapsName);
  expect(maps).toMatchObject({ value: 80_000, lowest: 70_000, highest: 90_000, runs: 3, where: 'commit new' });
  const positional = figures.find(({ name }) => name === 'events/CPU-s, socket to rows and rollups, positional');
  expect(positional).toMatchObject({ value: 70_000, runs: 1, where: 'commit old' });
});

test('of an even number of runs it is one that was measured, and a run under a profiler is none', () => {
  const runs = [
    run({ hour: 1, commit: 'a', maps: 10 }),
    run({ hour: 2, commit: 'a', maps: 20 }),
    run({ hour: 3, commit: 'a', maps: 5, nodeFlags: ['--cpu-prof'] }),
  ];
  expect(summaryOf(runs, where).figures[0]).toMatchObject({ value: 10, lowest: 10, highest: 20, runs: 2 });
});

test('the table says where each figure comes from when they come from several', () => {
  const runs = [run({ hour: 1, commit: 'b', positional: 70_499 }), run({ hour: 2, commit: 'a', maps: 81_234 })];
  const table = figuresTable(summaryOf(runs, where));
  expect(table).toContain(`| ${mapsName} | 81,200 | 75,000 | 130,000 | 1 `);
  expect(table).toMatch(/\| 70,500 \| 110,000 \| 200,000 \| 1 [ab] \|/);
  expect(table).toContain('a: commit ');
  expect(table).toContain('b: commit ');
});
