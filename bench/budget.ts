import type { IdleResult } from './scenarios/idle.js';
import type { PacedResult } from './scenarios/paced.js';
import type { QueriesResult } from './scenarios/queries.js';
import type { ThroughputResult } from './scenarios/throughput.js';

/** Everything one run of the bench has measured; what was not asked for is absent. */
export interface BenchResults {
  micro?: readonly MicroResult[];
  maps?: ThroughputResult;
  positional?: ThroughputResult;
  json?: ThroughputResult;
  'maps-ws'?: ThroughputResult;
  'positional-ws'?: ThroughputResult;
  alone?: ThroughputResult;
  paced?: PacedResult;
  idle?: IdleResult;
  queries?: QueriesResult;
}

export interface MicroResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

export interface BudgetLine {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly floor: number;
  readonly goal: number;
  /** Whether more or less is better. */
  readonly better: 'more' | 'less';
}

export type Verdict = 'goal' | 'floor' | 'missed';

const megabyte = 1e6;

/** The measured lines of the budget (two shared cores, everything but the load generator). */
export function budgetLines(results: BenchResults): BudgetLine[] {
  const { maps, positional, alone, paced, idle, queries } = results;
  const lines: (BudgetLine | null)[] = [
    line('events/CPU-s, socket to rows and rollups, maps', maps?.eventsPerCpuSecond, '/s', 75e3, 130e3, 'more'),
    line(
      'events/CPU-s, socket to rows and rollups, positional',
      positional?.eventsPerCpuSecond,
      '/s',
      110e3,
      200e3,
      'more',
    ),
    line('events/CPU-s, collector alone, positional', alone?.eventsPerCpuSecond, '/s', 200e3, 450e3, 'more'),
    line('ack p99 at half of the maximum rate', paced?.ackP99Ms, 'ms', 50, 15, 'less'),
    line('sent to queryable p99, rows', paced?.rowFreshnessP99Ms, 'ms', 5_000, 2_000, 'less'),
    line('sent to queryable p99, minute rollup', paced?.rollupFreshnessP99Ms, 'ms', 5_000, 2_000, 'less'),
    line(
      `30-day metrics of an agent p99, ${(queries?.storedEvents ?? 0) / 1e6} M events`,
      queries?.aggregatedP99Ms,
      'ms',
      100,
      25,
      'less',
    ),
    line(
      'collector RSS peak at half of the maximum rate',
      megabytes(paced?.rssPeakBytes.collector),
      'MB',
      600,
      350,
      'less',
    ),
    line('idle CPU, both processes', idle?.cpuPercent, '%', 2, 0.5, 'less'),
    line('idle RSS, both processes', megabytes(sumOf(idle?.rssBytes)), 'MB', 700, 450, 'less'),
    line('first ack after start', idle?.firstAckMs, 'ms', 5_000, 2_000, 'less'),
  ];
  return lines.filter((entry) => entry !== null);
}

function line(
  name: string,
  value: number | null | undefined,
  unit: string,
  floor: number,
  goal: number,
  better: BudgetLine['better'],
): BudgetLine | null {
  return value === undefined || value === null ? null : { name, value, unit, floor, goal, better };
}

export function verdictOf({ value, floor, goal, better }: BudgetLine): Verdict {
  const reaches = (bound: number): boolean => (better === 'more' ? value >= bound : value <= bound);
  if (reaches(goal)) return 'goal';
  return reaches(floor) ? 'floor' : 'missed';
}

function megabytes(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes / megabyte;
}

function sumOf(parts: Readonly<Record<string, number>> | undefined): number | undefined {
  return parts === undefined ? undefined : Object.values(parts).reduce((sum, part) => sum + part, 0);
}
