import { parseArgs } from 'node:util';
import { answerHelp } from '../src/cli/help.js';
import { errorMessage } from '../src/core/errors.js';
import { describeMachine } from './bench-report.js';
import { benchKey, CollectorProcess } from './collector-process.js';
import {
  type HistoryBenchOptions,
  type HistoryLatency,
  type HistoryMeasurement,
  type HistoryReport,
  renderHistory,
} from './history-report.js';
import { type HistoryKind, historyKinds, pageLimit, tasksPath } from './history-requests.js';
import { oneSql } from './history-sql.js';
import { untilHealthy, untilQuiet } from './history-store.js';
import { LiveRuns } from './live-runs.js';
import { startLoad } from './load.js';
import { measureRequests } from './query-clients.js';
import { saveResults } from './result-file.js';
import { describeRecord, type RunRecord, readRunRecord } from './run-record.js';
import { openRunStore } from './run-store.js';
import { measureThroughput } from './scenarios/throughput.js';

const usage = `usage: bench:history [--runs 20000] [--days 29] [--seed 7] [--requests 60] [--seconds 4]
                     [--deep-page 1000] [--ingest-rate <events a second, 0 for none>] [--only <kind>]
                     [--keep <directory>]
`;

/**
 * `npm run bench:history [-- --runs 20000 --days 29 --seed 7 --requests 60 --seconds 4 --deep-page 1000
 * --ingest-rate 100000 --only timeline --keep <directory>]`
 *
 * Latencies of lists, tasks, runs, timelines and failures over a long history, by one client, alone and beside ingest
 * at half of the rate that a fresh collector reaches. Answers are compared with what was made. What fails is counted
 * and shown, and makes the exit code 1; the bench goes on. `--keep` keeps the loaded history there for six hours, a run
 * works on a copy of it; `--only` asks for the kinds whose name contains the text; `--ingest-rate 0` leaves out what
 * is beside ingest.
 */
async function main(): Promise<void> {
  const options = readOptions();
  const { seed, runs, days, keepDir } = options;
  note(`a history of ${runs} runs in ${days} days …`);
  const store = await openRunStore({ seed, runs, days }, keepDir);
  try {
    const { loadSeconds } = store;
    note(loadSeconds === null ? 'the kept one is used again' : `loaded in ${Math.round(loadSeconds)} s`);
    const bench = new HistoryBench(options);
    const collector = await CollectorProcess.start({
      dataDir: store.dataDir,
      settings: { TIDEMARK_QUERY_CACHE_MS: '0', TIDEMARK_MAINTENANCE_SCHEDULE: 'off' },
    });
    try {
      await untilHealthy(collector);
      const record = await readRunRecord(collector, store.options);
      const loaded = describeRecord(record);
      note(loaded);
      await untilQuiet(collector);
      await bench.measure(collector, record);
      const report = bench.report({ loaded, loadSeconds });
      process.stdout.write(`\n${renderHistory(report)}`);
      note(`written to ${saveResults('history', report)}`);
      if (hasFailed(report)) process.exitCode = 1;
    } finally {
      await collector.stop();
    }
  } finally {
    store.remove();
  }
}

function readOptions(): HistoryBenchOptions {
  answerHelp(usage);
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '20000' },
      days: { type: 'string', default: '29' },
      seed: { type: 'string', default: '7' },
      requests: { type: 'string', default: '60' },
      seconds: { type: 'string', default: '4' },
      'deep-page': { type: 'string', default: '1000' },
      'ingest-rate': { type: 'string' },
      only: { type: 'string', default: '' },
      keep: { type: 'string' },
    },
  });
  const rate = values['ingest-rate'];
  return {
    runs: Number(values.runs),
    days: Number(values.days),
    seed: Number(values.seed),
    requests: Number(values.requests),
    seconds: Number(values.seconds),
    deepPage: Number(values['deep-page']),
    ingestRate: rate === undefined ? null : Number(rate),
    only: values.only,
    keepDir: values.keep ?? null,
  };
}

const warmUpRequests = 5;
/** Time for ingest to get under way: segments, inserts, the first merges. */
const ingestAheadMs = 5_000;
const ingestSecondsMax = 7_200;
/** Of the load whose rate is halved. */
const maximumSeconds = 10;
/** Statements whose CPU is told by a clock of 10 ms. */
const selectOnes = 300;
const rivals = 30;
/** Deep pages that are asked for in turn. */
const deepPages = 10;

class HistoryBench {
  readonly #options: HistoryBenchOptions;
  readonly #measurements: HistoryMeasurement[] = [];
  readonly #skipped: string[] = [];
  #ingest: HistoryReport['ingest'] = null;
  #selectOneCpuMs: HistoryReport['selectOneCpuMs'] = [0, 0];
  #cursors: readonly string[] = [];

  constructor(options: HistoryBenchOptions) {
    this.#options = options;
  }

  async measure(collector: CollectorProcess, record: RunRecord): Promise<void> {
    const kinds = await this.#offeredKinds(collector);
    const live = await LiveRuns.start(collector, String(process.pid));
    try {
      if (kinds.some(({ name }) => name.includes('deep page'))) await this.#walk(collector);
      const before = await engineCpuMs(collector, selectOnes, () => 'SELECT 1');
      await this.#measureKinds('quiet', kinds, { collector, record, isIngesting: false });
      this.#selectOneCpuMs = [before, await engineCpuMs(collector, selectOnes, () => 'SELECT 1')];
      const rate = await this.#ingestRate();
      if (rate > 0) await this.#besideIngest(rate, kinds, { collector, record, isIngesting: true });
    } finally {
      live.stop();
    }
  }

  report({ loaded, loadSeconds }: Pick<HistoryReport, 'loaded' | 'loadSeconds'>): HistoryReport {
    return {
      at: new Date().toISOString(),
      machine: describeMachine(),
      options: this.#options,
      loaded,
      loadSeconds,
      ingest: this.#ingest,
      selectOneCpuMs: this.#selectOneCpuMs,
      skipped: this.#skipped,
      measurements: this.#measurements,
    };
  }

  async #offeredKinds(collector: CollectorProcess): Promise<HistoryKind[]> {
    const { endpoints } = (await (await fetch(collector.url)).json()) as { endpoints: { readonly path: string }[] };
    const offered = new Set(endpoints.map(({ path }) => path));
    const asked = historyKinds.filter(({ name }) => name.includes(this.#options.only));
    for (const { name, route } of asked) if (!offered.has(route)) this.#skipped.push(`${name}: there is no ${route}`);
    return asked.filter(({ route }) => offered.has(route));
  }

  /** Page by page to the deep ones: each task once, newest first, and the cursors are kept. */
  async #walk(collector: CollectorProcess): Promise<void> {
    const { deepPage } = this.#options;
    const startedMs = performance.now();
    const cursors: string[] = [];
    const ids = new Set<string>();
    let tasks = 0;
    for (let page = 1; page < deepPage + deepPages; page += 1) {
      const cursor = cursors.at(-1);
      const path = `${tasksPath}?limit=${pageLimit}${cursor === undefined ? '' : `&cursor=${cursor}`}`;
      const response = await fetch(collector.url + path, { headers: { authorization: `Bearer ${benchKey}` } });
      const body = (await response.json()) as { tasks?: { task_id: string }[]; next_cursor?: string | null };
      for (const { task_id: id } of body.tasks ?? []) ids.add(id);
      tasks += body.tasks?.length ?? 0;
      if (typeof body.next_cursor !== 'string') {
        this.#skipped.push(`pages after ${page}: ${response.status}, no cursor in the answer to ${path}`);
        break;
      }
      cursors.push(body.next_cursor);
    }
    if (ids.size !== tasks) this.#skipped.push(`${tasks - ids.size} of ${tasks} tasks were listed twice on the walk`);
    this.#cursors = cursors.slice(-deepPages);
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    note(`walked ${cursors.length} pages of ${pageLimit} tasks in ${seconds} s`);
  }

  async #ingestRate(): Promise<number> {
    const { ingestRate } = this.#options;
    if (ingestRate !== null) return ingestRate;
    note('the maximum rate of a fresh collector …');
    try {
      const { storedPerSecond } = await measureThroughput({ format: 'positional', seconds: maximumSeconds });
      note(`  ${Math.round(storedPerSecond)} events/s, half of it is used`);
      return Math.round(storedPerSecond / 2);
    } catch (error) {
      this.#skipped.push(`requests beside ingest: ${errorMessage(error)}`);
      return 0;
    }
  }

  async #besideIngest(rate: number, kinds: readonly HistoryKind[], place: Place): Promise<void> {
    const ingest = startLoad(place.collector, { format: 'positional', rate, seconds: ingestSecondsMax });
    // Its failure is told when it is stopped.
    await ingest.begun().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, ingestAheadMs));
    await this.#measureKinds(`beside ${Math.round(rate / 1_000)}k events/s`, kinds, place);
    this.#ingest = { asked: rate, reached: null };
    try {
      const { events, elapsedMs } = await ingest.stop();
      this.#ingest = { asked: rate, reached: (events / elapsedMs) * 1_000 };
      note(`ingest reached ${Math.round((events / elapsedMs) * 1_000)} of ${rate} events/s`);
    } catch (error) {
      this.#skipped.push(`the count of what was ingested: ${errorMessage(error)}`);
    }
  }

  async #measureKinds(title: string, kinds: readonly HistoryKind[], place: Place): Promise<void> {
    note(title);
    const latencies: HistoryLatency[] = [];
    for (const kind of kinds) {
      if (kind.name.includes('deep page') && this.#cursors.length === 0) continue;
      const latency = await this.#measureKind(kind, place);
      const { medianMs, p99Ms, failed, problem } = latency;
      const failure = problem === null ? '' : `, ${failed} failed: ${problem}`;
      note(`  ${kind.name}: median ${medianMs.toFixed(1)}, p99 ${p99Ms.toFixed(1)} ms${failure}`);
      latencies.push(latency);
    }
    this.#measurements.push({ title, isIngesting: place.isIngesting, latencies });
  }

  async #measureKind(kind: HistoryKind, { collector, record, isIngesting }: Place): Promise<HistoryLatency> {
    const { requests, seconds } = this.#options;
    const asked = (index: number) => ({ record, index, cursors: this.#cursors, isIngesting });
    const path = (index: number): string => kind.path(asked(index));
    const series = { path, clients: 1, requests, warmUpRequests, msMax: seconds * 1_000 };
    const { answers, ...figures } = await measureRequests(collector, series);
    let failed = 0;
    let first: string | null = null;
    for (const { index, status, text, path: target } of answers) {
      const problem = status === 200 ? kindProblem(kind, text, asked(index)) : `${status} ${text.slice(0, 160)}`;
      if (problem === null) continue;
      failed += 1;
      first ??= `${target}: ${problem}`;
    }
    const cpu = isIngesting ? { collectorCpuMs: null, engineCpuMs: null } : {};
    const rival = (index: number) => oneSql(kind.name, asked(index));
    const oneSqlCpuMs = isIngesting ? null : await rivalCpuMs(collector, Math.min(rivals, requests), rival);
    return { kind: kind.name, budgetMs: kind.budgetMs, ...figures, ...cpu, oneSqlCpuMs, failed, problem: first };
  }
}

interface Place {
  readonly collector: CollectorProcess;
  readonly record: RunRecord;
  readonly isIngesting: boolean;
}

/** Of one statement, asked over HTTP, without what is between it and a request. */
async function engineCpuMs(collector: CollectorProcess, times: number, sql: (index: number) => string) {
  for (let index = 0; index < warmUpRequests; index += 1) await collector.read(sql(index), 'JSONEachRow');
  const before = collector.cpuMsByPart().engine;
  for (let index = 0; index < times; index += 1) await collector.read(sql(warmUpRequests + index), 'JSONEachRow');
  return (collector.cpuMsByPart().engine - before) / times;
}

function rivalCpuMs(collector: CollectorProcess, times: number, sql: (index: number) => string | null) {
  return sql(0) === null ? null : engineCpuMs(collector, times, (index) => sql(index) ?? '');
}

/** An answer of another shape than expected is a wrong one. */
function kindProblem(kind: HistoryKind, text: string, asked: Parameters<HistoryKind['problem']>[1]): string | null {
  try {
    return kind.problem(JSON.parse(text), asked);
  } catch (error) {
    return `${errorMessage(error)} in ${text.slice(0, 300)}`;
  }
}

function hasFailed({ measurements, skipped }: HistoryReport): boolean {
  return skipped.length > 0 || measurements.some(({ latencies }) => latencies.some(({ failed }) => failed > 0));
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

await main();
