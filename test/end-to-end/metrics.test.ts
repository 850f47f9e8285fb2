import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Random } from '../../src/core/clock.js';
import {
  counted,
  dayMs,
  executionsOf,
  minuteMs,
  numbers,
  type Span,
  sum,
  told,
  within,
} from '../api/agents/agent-history.js';
import type { RawRow } from '../api/api-store.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { mixedTimings, SentHistory, type WireEvent } from '../support/sent-history.js';
import { StreamProducer } from '../support/stream-producer.js';
import { tempDir } from '../support/temp-dir.js';

const agents = ['planner', 'writer'];
const skewPastMs = 60 * dayMs;
const skewFutureMs = 60 * minuteMs;
const seed = testSeed(90);

test('after duplicates, late events, skewed clocks, a kill and a replay every number is what was sent', async () => {
  const random = seededRandom(seed);
  const history = new SentHistory(random, agents);
  const collector = new CollectorProcess({
    isStreamed: true,
    dataDir: tempDir(),
    env: { TIDEMARK_LIMITS_SKEW_PAST_MS: String(skewPastMs), TIDEMARK_LIMITS_SKEW_FUTURE_MS: String(skewFutureMs) },
  });
  await collector.start();
  try {
    const beganMs = Date.now();
    await sendWithSkew(collector, history);
    await settled(collector, history.events.length);
    const goOn = holdStore(collector);
    await sendTwiceUnderOneKey(collector, history, random);
    await expect.poll(() => segmentsOf(collector).noted).not.toEqual([]);
    const producers = createProducers(collector, history, random);
    const streaming = Promise.all(producers.map((producer) => producer.run()));
    await expect.poll(() => producers.every(({ acknowledged }) => acknowledged > 0), { interval: 1 }).toBe(true);
    await collector.kill();
    goOn();
    const aside = keepSegments(collector);
    await collector.start();
    await streaming;
    await sendAgain(collector, history);
    await settled(collector, history.events.length);
    const endedMs = Date.now();

    // The segments of the kill are in the store by now: lying in the spool again, they are inserted once more.
    expect(await collector.stop()).toBe(0);
    cpSync(aside, join(collector.dataDir, 'spool'), { recursive: true });
    await collector.start();
    await sendAgain(collector, history);
    await settled(collector, history.events.length);
    expect((await collector.metrics()).get('tidemark_spool_events_recovered_total')).toBeGreaterThan(0);
    expect((await collector.metrics()).get('tidemark_spool_event_ids_restored_total')).toBe(history.events.length);

    const rows = await settledRows(collector, history, { fromMs: beganMs, toMs: endedMs });
    await compareAnswers(collector, rows);
    await compareViews(collector, rows);
    expect(await collector.stop()).toBe(0);
  } finally {
    await collector.kill();
  }
});

/** Two producers that send a fifth of their frames twice and go on through the kill. */
function createProducers(collector: CollectorProcess, history: SentHistory, random: Random): StreamProducer[] {
  return ['a', 'b'].map((name) => {
    const frames = Array.from({ length: 60 }, () =>
      history.add(mixedTimings(random, { nowMs: Date.now(), count: 50 })),
    );
    return new StreamProducer({
      name,
      key: testKey,
      url: () => collector.streamUrl,
      frame: (seq) => ({ seq, events: frames[seq - 1]!, good: 50 }),
      framesMax: frames.length,
      random: seededRandom(seed + name.charCodeAt(0)),
      repeatRatio: 0.2,
    });
  });
}

/** Clocks a year behind, a day ahead, and none at all. */
async function sendWithSkew(collector: CollectorProcess, history: SentHistory): Promise<void> {
  const nowMs = Date.now();
  const timings = Array.from({ length: 60 }, (_, index) => {
    if (index % 3 === 0) return { kind: 'clamped', ts: nowMs - 365 * dayMs, skewMs: -skewPastMs } as const;
    if (index % 3 === 1) return { kind: 'clamped', ts: nowMs + dayMs, skewMs: skewFutureMs } as const;
    return { kind: 'unstamped' } as const;
  });
  expect(await post(collector, history.add(timings))).toBe(0);
  expect((await collector.metrics()).get('tidemark_events_clamped_total')).toBe(40);
}

/** The key decides, before the ids of the events do: it is answered as the first time. */
async function sendTwiceUnderOneKey(collector: CollectorProcess, history: SentHistory, random: Random) {
  const events = history.add(mixedTimings(random, { nowMs: Date.now(), count: 80 }));
  expect(await post(collector, events, 'one-key')).toBe(0);
  expect(await post(collector, events, 'one-key')).toBe(0);
}

/** Events under their ids in frames of other events, after a restart. */
async function sendAgain(collector: CollectorProcess, history: SentHistory): Promise<void> {
  const events = history.sample(600);
  for (let at = 0; at < events.length; at += 70) {
    const some = events.slice(at, at + 70);
    expect(await post(collector, some)).toBe(some.length);
  }
}

/** Posts one frame; answers how many of its events were duplicates. */
async function post(collector: CollectorProcess, events: readonly WireEvent[], key?: string): Promise<number> {
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${testKey}`,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: JSON.stringify({ events }),
  });
  const answer = (await response.json()) as { accepted: number; rejected: number; duplicates: number };
  expect([response.status, answer.accepted, answer.rejected]).toEqual([202, events.length, 0]);
  return answer.duplicates;
}

/**
 * Nothing is inserted until the function it returns is called: however long it takes until the collector is killed, the
 * insert that has begun stays under way, and what came behind it stays in the spool.
 */
function holdStore(collector: CollectorProcess): () => void {
  const engine = collector.enginePid()!;
  const goOn = () => {
    try {
      process.kill(engine, 'SIGCONT');
    } catch {
      // It has ended meanwhile.
    }
  };
  onTestFinished(goOn);
  process.kill(engine, 'SIGSTOP');
  return goOn;
}

/** Files of the segments in the spool: of the one that is being inserted, and of the others. */
function segmentsOf(collector: CollectorProcess): { readonly noted: string[]; readonly others: string[] } {
  const spool = join(collector.dataDir, 'spool');
  const notePath = join(spool, 'insert-note');
  const note = existsSync(notePath) ? readFileSync(notePath, 'utf8') : '';
  const files = readdirSync(spool).filter((name) => /\.(log|data)$/.test(name));
  const isNoted = (name: string) => note.includes(name.split('.')[0]!);
  return { noted: files.filter(isNoted), others: files.filter((name) => !isNoted(name)) };
}

/** A copy of the segments a killed collector left. */
function keepSegments(collector: CollectorProcess): string {
  const aside = join(collector.dataDir, 'aside');
  mkdirSync(aside);
  // What was being inserted is completed after the start, part by part; its file put back would be another insert.
  const { others } = segmentsOf(collector);
  for (const name of others) cpSync(join(collector.dataDir, 'spool', name), join(aside, name));
  expect(others.length).toBeGreaterThanOrEqual(2);
  return aside;
}

async function settled(collector: CollectorProcess, events: number): Promise<void> {
  await collector.untilStored(events);
  const [row] = await collector.query<{ ids: string }>('SELECT uniqExact(event_id) AS ids FROM agent_events');
  expect(Number(row?.ids)).toBe(events);
}

/** What was sent, with the times the collector's clock decided, each of which is checked. */
async function settledRows(collector: CollectorProcess, history: SentHistory, sent: Span): Promise<RawRow[]> {
  const times = await collector.query<{ event_id: string; ts: string }>(
    'SELECT event_id, toUnixTimestamp64Milli(ts) AS ts FROM agent_events',
  );
  const timeOf = new Map(times.map(({ event_id, ts }) => [event_id, Number(ts)]));
  return history.events.map(({ wire, row, skewMs }) => {
    const ts = timeOf.get(wire.event_id)!;
    if (skewMs === null) {
      expect(ts).toBe(row.ts);
      return row;
    }
    expect(ts).toBeGreaterThanOrEqual(sent.fromMs + skewMs);
    expect(ts).toBeLessThanOrEqual(sent.toMs + skewMs);
    return { ...row, ts };
  });
}

interface Durations {
  readonly avg: number | null;
  /** Digits after the point that the average has. */
  readonly avgDigits: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly percentiles: readonly (number | null)[];
}

/** Exact where they can be; percentiles within 1 % when there are enough to have one. */
function compareDurations(answer: Durations, found: readonly RawRow[], where: string): void {
  const sorted = numbers(executionsOf(found), 'duration_ms').sort((a, b) => a - b);
  expect([answer.min, answer.max], where).toEqual([sorted[0] ?? null, sorted.at(-1) ?? null]);
  if (sorted.length === 0) expect(answer.avg, where).toBeNull();
  else expect(answer.avg, where).toBeCloseTo(sum(sorted) / sorted.length, answer.avgDigits);
  if (sorted.length < 500) return;
  [0.5, 0.95, 0.99].forEach((level, index) => {
    const exact = sorted[Math.ceil(level * sorted.length) - 1]!;
    const error = Math.abs(answer.percentiles[index]! / exact - 1);
    expect(error, `${where} p${100 * level}: ${answer.percentiles[index]} for ${exact}`).toBeLessThan(0.01);
  });
}

function usageOf(found: readonly RawRow[]) {
  const own = found.filter((row) => row.usage_scope === 'own');
  const of = (name: string) => sum(numbers(own, name));
  return {
    llm_calls: of('llm_calls'),
    tokens_in: of('tokens_in'),
    tokens_out: of('tokens_out'),
    // Each event reports a cost; of those that roll it up none is summed.
    cost: own.length === 0 ? null : of('cost_micros'),
  };
}

type MetricsAnswer = ReturnType<typeof counted> & {
  readonly from: string;
  readonly to: string;
  readonly execution_times: Readonly<Record<string, number | null>>;
  readonly llm_calls: number;
  readonly tokens: { readonly in: number; readonly out: number; readonly total: number };
  readonly cost_cents: number | null;
};

async function compareAnswers(collector: CollectorProcess, rows: readonly RawRow[]): Promise<void> {
  for (const agent of agents) {
    for (const days of [1, 7, 30, 90]) {
      for (const type of ['realtime', 'aggregated'] as const) {
        const where = `seed ${seed}: ${agent} ${days}d ${type}`;
        const askedMs = Date.now();
        const path = `/api/v1/agents/${agent}/metrics?time_range=${days}d&metric_type=${type}`;
        const answer = await collector.get<MetricsAnswer>(path);
        const span = { fromMs: Date.parse(answer.from), toMs: Date.parse(answer.to) };
        const width = type === 'realtime' ? minuteMs : dayMs;
        const ends = [askedMs, Date.now()].map((timeMs) => Math.floor(timeMs / width) * width + width);
        expect(ends, where).toContain(span.toMs);
        expect(span.toMs - span.fromMs, where).toBe(days * dayMs);
        compareAnswer(answer, within(rows, 'default', agent, span), where);
      }
    }
  }
}

function compareAnswer(answer: MetricsAnswer, found: readonly RawRow[], where: string): void {
  // Few shortly after midnight, when a day is one of minutes.
  expect(found.length, where).toBeGreaterThan(0);
  const usage = usageOf(found);
  expect(answer, where).toMatchObject({
    ...told(found),
    llm_calls: usage.llm_calls,
    tokens: { in: usage.tokens_in, out: usage.tokens_out, total: usage.tokens_in + usage.tokens_out },
    cost_cents: usage.cost === null ? null : usage.cost / 10_000,
  });
  const { avg_ms, min_ms, max_ms, p50_ms, p95_ms, p99_ms } = answer.execution_times;
  const percentiles = [p50_ms!, p95_ms!, p99_ms!];
  compareDurations({ avg: avg_ms!, avgDigits: 1, min: min_ms!, max: max_ms!, percentiles }, found, where);
}

interface ViewRow {
  readonly agent_id: string;
  /** Start of the bucket, ms since the epoch. */
  readonly start: number;
  readonly total: number;
  readonly successful: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly success_rate: number | null;
  readonly error_rate: number | null;
  readonly llm_calls: number;
  readonly tokens_in: number;
  readonly tokens_out: number;
  readonly cost: number | null;
  readonly times: readonly (number | null)[];
}

/** The rollups as Grafana reads them: every row of both views, and no row more. */
async function compareViews(collector: CollectorProcess, rows: readonly RawRow[]): Promise<void> {
  const views = [
    { view: 'agent_performance_daily', start: "toUnixTimestamp(toDateTime(day, 'UTC'))", widthMs: dayMs },
    { view: 'agent_performance_minutely', start: 'toUnixTimestamp(minute)', widthMs: minuteMs },
  ];
  for (const { view, start, widthMs } of views) {
    const stored = await collector.query<ViewRow>(`
      SELECT agent_id, 1000 * ${start} AS start, total, successful, failed, cancelled, success_rate, error_rate,
        llm_calls, tokens_in, tokens_out, cost_micros AS cost,
        [avg_duration_ms, min_duration_ms, max_duration_ms, p50_duration_ms, p95_duration_ms, p99_duration_ms] AS times
      FROM ${view} ORDER BY agent_id, start SETTINGS output_format_json_quote_64bit_integers = 0`);
    const expected = bucketsOf(rows, widthMs);
    expect(stored.map(({ times: _, ...row }) => row)).toEqual(expected.map(({ found: _, ...row }) => row));
    stored.forEach(({ agent_id, start: startMs, times }, index) => {
      const [avg, min, max, ...percentiles] = times;
      const where = `seed ${seed}: ${view} of ${agent_id} at ${new Date(startMs).toISOString()}`;
      compareDurations({ avg: avg!, avgDigits: 6, min: min!, max: max!, percentiles }, expected[index]!.found, where);
    });
  }
}

function bucketsOf(rows: readonly RawRow[], widthMs: number) {
  return agents.flatMap((agent_id) => {
    const starts = rows.filter((row) => row.agent_id === agent_id).map(({ ts }) => Math.floor(ts / widthMs) * widthMs);
    return [...new Set(starts)]
      .sort((a, b) => a - b)
      .map((start) => {
        const found = within(rows, 'default', agent_id, { fromMs: start, toMs: start + widthMs });
        const counts = counted(found);
        return {
          agent_id,
          start,
          total: counts.total_executions,
          successful: counts.successful_executions,
          failed: counts.failed_executions,
          cancelled: counts.cancelled_executions,
          success_rate: counts.success_rate,
          error_rate: counts.error_rate,
          ...usageOf(found),
          found,
        };
      });
  });
}
