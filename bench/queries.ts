import { parseArgs } from 'node:util';
import { answerHelp } from '../src/cli/help.js';
import { errorMessage } from '../src/core/errors.js';
import { describeMachine } from './bench-report.js';
import { CollectorProcess } from './collector-process.js';
import { type HistoryStore, openHistoryStore, untilHealthy, untilQuiet } from './history-store.js';
import { startLoad } from './load.js';
import { type KindLatency, measureKind, measureRead, measureStatements, shuffledRanks } from './query-clients.js';
import { type QueriesOptions, type QueriesReport, type QueryMeasurement, renderQueries } from './query-report.js';
import { asksForAgent, type QueryKind, queryKinds } from './query-requests.js';
import { saveResults } from './result-file.js';

const usage = `usage: bench:queries [--executions 10000000] [--agents 1000] [--days 90] [--seed 7] [--requests 300]
                     [--clients 8] [--ingest-rate <events a second, 0 for none>] [--only <kind>]
                     [--data-dir <directory>]
`;

/**
 * `npm run bench:queries [-- --executions 10000000 --agents 1000 --days 90 --seed 7 --requests 300 --clients 8
 * --ingest-rate 150000 --only metrics --data-dir <directory>]`
 *
 * Latencies of the read API over a long history: one client, several, and one beside ingest, and the CPU of a request
 * beside that of a SELECT 1 and of the same question over the raw rows, in the same run. Every answer is checked; a
 * wrong one makes the bench void, with exit code 1. `--data-dir` keeps the loaded history there for the next run,
 * `--only` asks for the kinds whose name contains the text, `--ingest-rate 0` leaves out what is beside ingest.
 */
async function main(): Promise<void> {
  const options = readOptions();
  const { executions, agents, days, seed, dataDir } = options;
  note(`a history of ${executions} executions of ${agents} agents in ${days} days …`);
  const history = await openHistoryStore({ executions, agents, days, seed }, dataDir);
  try {
    const { loadSeconds } = history;
    note(loadSeconds === null ? 'the kept one is used again' : `loaded in ${Math.round(loadSeconds)} s`);
    const report = await measure(history, options);
    process.stdout.write(`\n${renderQueries(report)}`);
    if (report.problems.length > 0) process.exitCode = 1;
    note(`written to ${saveResults('queries', report)}`);
  } finally {
    history.remove();
  }
}

function readOptions(): QueriesOptions {
  answerHelp(usage);
  const { values } = parseArgs({
    options: {
      executions: { type: 'string', default: '10000000' },
      agents: { type: 'string', default: '1000' },
      days: { type: 'string', default: '90' },
      seed: { type: 'string', default: '7' },
      requests: { type: 'string', default: '300' },
      clients: { type: 'string', default: '8' },
      'ingest-rate': { type: 'string', default: '150000' },
      only: { type: 'string', default: '' },
      'data-dir': { type: 'string' },
    },
  });
  return {
    executions: Number(values.executions),
    agents: Number(values.agents),
    days: Number(values.days),
    seed: Number(values.seed),
    requests: Number(values.requests),
    clients: Number(values.clients),
    ingestRate: Number(values['ingest-rate']),
    only: values.only,
    dataDir: values['data-dir'] ?? null,
  };
}

async function measure(history: HistoryStore, options: QueriesOptions): Promise<QueriesReport> {
  const bench = new QueriesBench(history, options);
  const { clients, ingestRate } = options;
  await bench.withCollector({ cacheMs: 0 }, async () => {
    await bench.measureKinds('one client', { clients: 1, isCompared: true });
    await bench.measureKinds(`${clients} clients at once`, { clients });
  });
  await bench.measureBusiest('the ten busiest agents, each kind by a collector of its own');
  const crowd = { clients: 100, requests: 3_000, only: 'dashboard' };
  await bench.withCollector({}, () => bench.measureKinds('100 clients, answers cached', crowd));
  if (ingestRate > 0) {
    const beside = { clients: 1, isIngesting: true };
    await bench.withCollector({ cacheMs: 0 }, () =>
      bench.besideIngest(() => bench.measureKinds('one client beside ingest', beside)),
    );
  }
  const { measurements, problems, ingestPerSecond } = bench;
  const missing = [...bench.missing];
  const at = new Date().toISOString();
  return { at, machine: describeMachine(), options, ingestPerSecond, missing, problems, measurements };
}

interface Load {
  readonly clients: number;
  readonly requests?: number;
  readonly only?: string;
  readonly isIngesting?: boolean;
  /** Compares the CPU of requests, of agents that no other kind asks for, so that none is known before. */
  readonly isCompared?: boolean;
}

interface KindLoad extends Load {
  readonly title: string;
  readonly kind: QueryKind;
  readonly ranks?: readonly number[];
  readonly ranksBefore?: readonly number[];
}

const busiestAgents = 10;
/** Those next to them are asked for before. */
const busyAgentsBefore = 20;
const busiestRequests = 60;
/** CPU time is told in hundredths of a second: so many take half of one. */
const selectOnes = 300;

/** Time for ingest to get under way: segments, inserts, the first merges. */
const ingestAheadMs = 5_000;
const ingestSecondsMax = 3_600;

class QueriesBench {
  readonly measurements: QueryMeasurement[] = [];
  readonly problems: string[] = [];
  readonly missing = new Set<string>();
  ingestPerSecond: number | null = null;
  readonly #history: HistoryStore;
  readonly #options: QueriesOptions;
  #collector: CollectorProcess | null = null;

  constructor(history: HistoryStore, options: QueriesOptions) {
    this.#history = history;
    this.#options = options;
  }

  /** Runs `measure` against a collector on the history; each has cold caches and the live windows of a restart. */
  async withCollector({ cacheMs }: { readonly cacheMs?: number }, measure: () => Promise<void>): Promise<void> {
    // A history is longer than what was made a record of before: to do so takes seconds, and changes the rollups.
    const settings = {
      TIDEMARK_MAINTENANCE_SCHEDULE: 'off',
      ...(cacheMs === undefined ? {} : { TIDEMARK_QUERY_CACHE_MS: String(cacheMs) }),
    };
    this.#collector = await CollectorProcess.start({ dataDir: this.#history.dataDir, settings });
    try {
      await untilHealthy(this.#collector);
      await untilQuiet(this.#collector);
      await measure();
    } finally {
      await this.#collector.stop();
    }
  }

  /** All kinds that the collector offers, one after another. A kind with a wrong answer has no figures. */
  async measureKinds(title: string, load: Load): Promise<void> {
    const collector = this.#running();
    note(title);
    const latencies: KindLatency[] = [];
    const { isCompared = false, isIngesting = false } = load;
    const kinds = await this.#offeredKinds(collector, load.only ?? this.#options.only);
    const costs = isCompared ? await measureCosts(collector) : noCosts;
    const own = (place: number): number[] =>
      shuffledRanks(this.#history.record).filter((_, index) => index % kinds.length === place);
    for (const [place, kind] of kinds.entries()) {
      await this.#measureKind(latencies, { title, kind, ...load, ...(isCompared ? { ranks: own(place) } : {}) });
    }
    this.measurements.push({ title, isIngesting, ...costs, latencies });
  }

  /** All kinds that ask for an agent, each the first to ask for these. */
  async measureBusiest(title: string): Promise<void> {
    note(title);
    const latencies: KindLatency[] = [];
    const busiest = this.#history.record.activeRanks.sort((a, b) => a - b);
    const ranks = busiest.slice(0, busiestAgents);
    const ranksBefore = busiest.slice(busiestAgents, busiestAgents + busyAgentsBefore);
    const load = { clients: 1, isCompared: true, requests: busiestRequests, ranks, ranksBefore };
    let kinds: QueryKind[] = [];
    let costs = noCosts;
    await this.withCollector({ cacheMs: 0 }, async () => {
      kinds = (await this.#offeredKinds(this.#running(), this.#options.only)).filter(asksForAgent);
      costs = await measureCosts(this.#running());
    });
    for (const kind of kinds) {
      await this.withCollector({ cacheMs: 0 }, () => this.#measureKind(latencies, { title, kind, ...load }));
    }
    this.measurements.push({ title, isIngesting: false, ...costs, latencies });
  }

  async #measureKind(latencies: KindLatency[], { title, kind, ...load }: KindLoad): Promise<void> {
    const { record } = this.#history;
    try {
      const latency = await measureKind(this.#running(), kind, { requests: this.#requestsOf(kind), ...load, record });
      note(`  ${kind.name}: p99 ${latency.p99Ms.toFixed(1)} ms`);
      latencies.push(latency);
    } catch (error) {
      this.problems.push(`${title}, ${kind.name}: ${errorMessage(error)}`);
      note(`  ${kind.name} is void: ${errorMessage(error)}`);
    }
  }

  async besideIngest(measure: () => Promise<void>): Promise<void> {
    const { ingestRate: rate } = this.#options;
    const ingest = startLoad(this.#running(), { format: 'positional', rate, seconds: ingestSecondsMax });
    // Its failure is told when it is stopped; until then nobody waits for it.
    ingest.report.catch(() => undefined);
    await ingest.begun();
    await new Promise((resolve) => setTimeout(resolve, ingestAheadMs));
    await measure();
    const { events, elapsedMs } = await ingest.stop();
    this.ingestPerSecond = (events / elapsedMs) * 1_000;
  }

  #running(): CollectorProcess {
    if (this.#collector === null) throw new Error('no collector is running');
    return this.#collector;
  }

  /** Kinds without a bound are asked for a third as often. */
  #requestsOf({ budgetMs }: QueryKind): number {
    const { requests } = this.#options;
    return budgetMs === null ? Math.ceil(requests / 3) : requests;
  }

  async #offeredKinds(collector: CollectorProcess, only: string): Promise<QueryKind[]> {
    const { endpoints } = (await (await fetch(collector.url)).json()) as { endpoints: { readonly path: string }[] };
    const offered = new Set(endpoints.map(({ path }) => path));
    const asked = queryKinds.filter(({ name }) => name.includes(only));
    for (const { name, route } of asked) if (!offered.has(route)) this.missing.add(`${name}: there is no ${route}`);
    return asked.filter(({ route }) => offered.has(route));
  }
}

const noCosts: Pick<QueryMeasurement, 'selectOneCpuMs' | 'readCpuMs'> = { selectOneCpuMs: null, readCpuMs: null };

async function measureCosts(collector: CollectorProcess): Promise<typeof noCosts> {
  const selectOneCpuMs = await measureStatements(collector, () => ['SELECT 1'], selectOnes);
  return { selectOneCpuMs, readCpuMs: await measureRead(collector, selectOnes) };
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

await main();
