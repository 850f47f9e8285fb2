import type { AgentKey } from '../../clickhouse/queries/agents/agent-known.js';
import { readExecutionBucket, readFirstExecutions } from '../../clickhouse/queries/agents/execution-split.js';
import type { PerformanceRange } from '../../clickhouse/queries/sql/rollup-range.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { dayMs, type TimeSpan } from '../../core/time-span.js';
import { type TrendVerdict, trendExecutionsMin, trendPointsMin } from '../statistics/trend.js';

/**
 * The executions of a range in the order of their time, cut in the middle. How many of the first half succeeded lies
 * between two bounds; they differ where the order within a bucket of the rollups makes no difference to the verdict,
 * or is kept no longer.
 */
export interface ExecutionHalves {
  readonly executions: number;
  readonly successes: number;
  /** Executions of the first half. */
  readonly first: number;
  readonly firstSuccessesMin: number;
  readonly firstSuccessesMax: number;
}

const noExecutions: ExecutionHalves = {
  executions: 0,
  successes: 0,
  first: 0,
  firstSuccessesMin: 0,
  firstSuccessesMax: 0,
};

/** What of the first half has been counted, and the bucket the cut goes through. */
interface Cut {
  readonly counted: number;
  readonly span: TimeSpan;
  /** Of the bucket: those before the cut, all, and how many of all succeeded. */
  readonly first: number;
  readonly executions: number;
  readonly successes: number;
}

/** One read of the rollups; then, only where it decides the verdict, one of the day's minutes and one of a minute. */
export async function readExecutionHalves(
  store: StoreReader,
  key: AgentKey,
  range: PerformanceRange,
): Promise<ExecutionHalves> {
  const bucket = await readExecutionBucket(store, key, range, 'middle');
  if (bucket === undefined) return noExecutions;
  const whole = {
    executions: bucket.all_executions,
    successes: bucket.all_successes,
    first: Math.floor(bucket.all_executions / 2),
  };
  let cut = cutOf(bucket, whole.first, 0);
  let halves = boundsOf(whole, cut);
  if (isOpen(halves) && lengthMs(cut) === dayMs) {
    cut = (await cutInMinutes(store, key, cut)) ?? cut;
    halves = boundsOf(whole, cut);
  }
  if (!isOpen(halves)) return halves;
  const { executions, successes } = await readFirstExecutions(store, key, { span: cut.span, count: cut.first });
  if (executions < cut.first) return halves;
  return { ...halves, firstSuccessesMin: cut.counted + successes, firstSuccessesMax: cut.counted + successes };
}

type Bucket = NonNullable<Awaited<ReturnType<typeof readExecutionBucket>>>;

function cutOf(bucket: Bucket, place: number, counted: number): Cut {
  const fromMs = bucket.start_s * 1_000;
  return {
    counted: counted + bucket.successes_before,
    span: { fromMs, toMs: fromMs + bucket.width_s * 1_000 },
    first: place - bucket.executions_before,
    executions: bucket.executions,
    successes: bucket.successes,
  };
}

function lengthMs({ span }: Cut): number {
  return span.toMs - span.fromMs;
}

/** Null when the minutes of the day are not all there. */
async function cutInMinutes(store: StoreReader, key: AgentKey, cut: Cut): Promise<Cut | null> {
  const { span, first, executions, counted } = cut;
  const noDays = { fromMs: span.fromMs, toMs: span.fromMs };
  const range = { days: noDays, minutes: [span], splitMs: span.fromMs, dayLeftOutMs: null };
  const bucket = await readExecutionBucket(store, key, range, first);
  return bucket === undefined || bucket.all_executions !== executions ? null : cutOf(bucket, first, counted);
}

type Whole = Pick<ExecutionHalves, 'executions' | 'successes' | 'first'>;

function boundsOf(whole: Whole, { counted, first, executions, successes }: Cut): ExecutionHalves {
  return {
    ...whole,
    firstSuccessesMin: counted + Math.max(0, first - (executions - successes)),
    firstSuccessesMax: counted + Math.min(first, successes),
  };
}

function isOpen(halves: ExecutionHalves): boolean {
  return verdictOf(halves, halves.firstSuccessesMin) !== verdictOf(halves, halves.firstSuccessesMax);
}

/**
 * `improving` or `declining` when the share of executions that succeeded is more than five points higher or lower in
 * the second half; `insufficient_data` below ten executions, and where an order decides that is kept no longer.
 */
export function halvesVerdict(halves: ExecutionHalves): TrendVerdict {
  return isOpen(halves) ? 'insufficient_data' : verdictOf(halves, halves.firstSuccessesMin);
}

/** In whole numbers: a change of exactly five points is none, whatever fractions make of it. */
function verdictOf({ executions, successes, first }: Whole, firstSuccesses: number): TrendVerdict {
  if (executions === 0) return 'no_data';
  if (executions < trendExecutionsMin) return 'insufficient_data';
  const second = executions - first;
  const change = (successes - firstSuccesses) * first - firstSuccesses * second;
  const threshold = trendPointsMin * first * second;
  if (100 * change > threshold) return 'improving';
  return 100 * change < -threshold ? 'declining' : 'stable';
}
