import { Agent, request } from 'node:http';
import { benchKey, type CollectorProcess } from './collector-process.js';
import type { HistoryRecord } from './history-record.js';
import { asksForAgent, type QueryKind } from './query-requests.js';

export interface QueryLatency {
  readonly kind: string;
  readonly budgetMs: number | null;
  readonly requests: number;
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU time of the collector and the engine for one request; null while they do other work. */
  readonly collectorCpuMs: number | null;
  readonly engineCpuMs: number | null;
}

export interface KindLatency extends QueryLatency {
  /** Of the requests that are asked for the first time; null where that is not measured. */
  readonly cold: FirstRequests | null;
  /** Engine CPU of the same question over the raw rows; null where there is no such way, or other work goes on. */
  readonly rowsSqlCpuMs: number | null;
  /** Of all that the answer tells; null where that is the same. */
  readonly allRowsSqlCpuMs: number | null;
}

interface FirstRequests {
  readonly requests: number;
  readonly p99Ms: number;
  readonly collectorCpuMs: number | null;
  readonly engineCpuMs: number | null;
}

export interface ClientOptions {
  readonly clients: number;
  /** The agents that are asked for, by rank; default: every active one. */
  readonly ranks?: readonly number[];
  /** Agents that are asked for before, unmeasured: the engine then has opened what it reads, of others. */
  readonly ranksBefore?: readonly number[];
  /** Measures a first request to each agent apart, and the statements over the raw rows. */
  readonly isCompared?: boolean;
  readonly requests: number;
  /** Agents beside those of the history send events meanwhile, so counts of all agents may be higher. */
  readonly isIngesting?: boolean;
}

const warmUpRequests = 20;
const statementsAsked = 40;

/**
 * Asks for one kind as so many clients, each one request after another on a connection of its own, a different agent
 * each time, and checks every answer when all are there. Throws when one is not 200 or holds other figures than the
 * history.
 */
export async function measureKind(
  collector: CollectorProcess,
  kind: QueryKind,
  { record, ...options }: ClientOptions & { readonly record: HistoryRecord },
): Promise<KindLatency> {
  const { clients, requests, isIngesting = false, isCompared = false, ranks = shuffledRanks(record) } = options;
  const { ranksBefore = [] } = options;
  const rankOf = (index: number): number => ranks[index % ranks.length] ?? 0;
  const path = (index: number): string => kind.path(rankOf(index));
  const check = (answers: readonly Answer[]): void => {
    for (const answer of answers) {
      if (answer.status !== 200)
        throw new Error(`${answer.path} answers ${answer.status} ${answer.text.slice(0, 500)}`);
      const asked = { ...answer, rank: rankOf(answer.index), record, isIngesting };
      const problem = kind.problem(JSON.parse(answer.text), asked);
      if (problem !== null) throw new Error(`wrong answer to ${answer.path}: ${problem}`);
    }
  };
  let cold: FirstRequests | null = null;
  if (isCompared) {
    const pathBefore = (index: number): string => kind.path(ranksBefore[index] ?? 0);
    await ask(collector, { path: pathBefore, first: 0, requests: ranksBefore.length, clients: 1 });
    // A kind that asks for no agent has one first request.
    const first = asksForAgent(kind) ? Math.min(ranks.length, requests) : 1;
    const { answers, ...figures } = await measureRequests(collector, {
      path,
      clients: 1,
      requests: first,
      warmUpRequests: 0,
    });
    check(answers);
    cold = figures;
  }
  const warm = isCompared ? ranks.length : warmUpRequests;
  const { answers, ...figures } = await measureRequests(collector, { path, clients, requests, warmUpRequests: warm });
  check(answers);
  const { collectorCpuMs, engineCpuMs } = isIngesting ? { collectorCpuMs: null, engineCpuMs: null } : figures;
  const rows = isCompared ? await measureRows(collector, kind, rankOf) : { rowsSqlCpuMs: null, allRowsSqlCpuMs: null };
  return { kind: kind.name, budgetMs: kind.budgetMs, ...figures, collectorCpuMs, engineCpuMs, cold, ...rows };
}

async function measureRows(collector: CollectorProcess, kind: QueryKind, rankOf: (index: number) => number) {
  const { rowsSql, allRowsSql } = kind;
  const rowsSqlCpuMs = await measureStatements(collector, (index) => rowsSql(rankOf(index)));
  const all = allRowsSql && (await measureStatements(collector, (index) => allRowsSql(rankOf(index))));
  return { rowsSqlCpuMs, allRowsSqlCpuMs: all ?? null };
}

/** Engine CPU of one question, asked of the engine over HTTP; null when it has no statements. */
export async function measureStatements(
  collector: CollectorProcess,
  statementsOf: (index: number) => readonly string[],
  asked = statementsAsked,
): Promise<number | null> {
  if (statementsOf(0).length === 0) return null;
  const before = collector.cpuMsByPart().engine;
  for (let index = 0; index < asked; index++) {
    for (const sql of statementsOf(index)) await collector.read(sql, 'JSONEachRow');
  }
  return (collector.cpuMsByPart().engine - before) / asked;
}

/** Engine CPU of a SELECT 1 that comes as the collector's reads do. */
export async function measureRead(collector: CollectorProcess, asked: number): Promise<number> {
  const reads = collector.openReads();
  try {
    const read = () => reads.rows({ name: 'one', sql: 'SELECT 1', params: {} }, new AbortController().signal);
    await read();
    const before = collector.cpuMsByPart().engine;
    for (let index = 0; index < asked; index++) await read();
    return (collector.cpuMsByPart().engine - before) / asked;
  } finally {
    reads.close();
  }
}

export interface RequestSeries {
  /** Of the n-th request, those of the warm-up first. */
  readonly path: (index: number) => string;
  readonly clients: number;
  readonly requests: number;
  /** Asked before the measurement and not part of it. */
  readonly warmUpRequests: number;
  /** The measurement ends by then with the requests it has made; default 20 s. */
  readonly msMax?: number;
}

/** Times and CPU of a series; CPU is that of everything the processes did meanwhile, for one request. */
export interface RequestFigures extends Omit<QueryLatency, 'kind' | 'budgetMs'> {
  readonly answers: readonly Answer[];
}

export async function measureRequests(collector: CollectorProcess, series: RequestSeries): Promise<RequestFigures> {
  const { warmUpRequests: first } = series;
  await ask(collector, { ...series, first: 0, requests: first });
  const cpuBefore = collector.cpuMsByPart();
  const startedMs = performance.now();
  const answers = await ask(collector, { ...series, first });
  const tookMs = performance.now() - startedMs;
  const cpuAfter = collector.cpuMsByPart();
  const sorted = answers.map(({ tookMs: each }) => each).sort((a, b) => a - b);
  const quantile = (level: number): number => sorted[Math.ceil(level * sorted.length) - 1] ?? 0;
  const cpu = (part: 'collector' | 'engine'): number => (cpuAfter[part] - cpuBefore[part]) / answers.length;
  return {
    answers,
    requests: answers.length,
    perSecond: (answers.length / tookMs) * 1_000,
    medianMs: quantile(0.5),
    p90Ms: quantile(0.9),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
    collectorCpuMs: cpu('collector'),
    engineCpuMs: cpu('engine'),
  };
}

/** Every active agent once, busy and rare ones mixed, in the same order in each run. */
export function shuffledRanks(record: HistoryRecord): number[] {
  const ranks = record.activeRanks;
  const key = (rank: number): number => Math.imul(rank + 1, 2_654_435_761) >>> 0;
  return ranks.sort((a, b) => key(a) - key(b));
}

interface Answer {
  readonly index: number;
  readonly path: string;
  /** 0 when there was no answer; `text` says why. */
  readonly status: number;
  readonly text: string;
  readonly tookMs: number;
  readonly sentMs: number;
  readonly answeredMs: number;
}

type Asked = Omit<RequestSeries, 'warmUpRequests'> & { readonly first: number };

async function ask(collector: CollectorProcess, { path, first, requests, clients, msMax }: Asked): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const answers: Answer[] = [];
  const deadline = performance.now() + (msMax ?? 20_000);
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < requests && (next === 0 || performance.now() < deadline)) {
      const index = first + next;
      next += 1;
      const target = path(index);
      const sentMs = Date.now();
      const startedMs = performance.now();
      const reply = await tryGet(collector.url + target, agent);
      answers.push({
        index,
        path: target,
        ...reply,
        tookMs: performance.now() - startedMs,
        sentMs,
        answeredMs: Date.now(),
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    agent.destroy();
  }
  return answers;
}

function tryGet(url: string, agent: Agent): Promise<Pick<Answer, 'status' | 'text'>> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: 0, text: error.message });
    const asked = request(url, { agent, headers: { authorization: `Bearer ${benchKey}` } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
    });
    asked.on('error', fail);
    asked.end();
  });
}
