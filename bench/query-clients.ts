import { Agent, request } from 'node:http';
import { benchKey, type CollectorProcess } from './collector-process.js';
import type { HistoryRecord } from './history-record.js';
import type { QueryKind } from './query-requests.js';

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

export interface ClientOptions {
  readonly clients: number;
  readonly requests: number;
  /** Agents beside those of the history send events meanwhile, so counts of all agents may be higher. */
  readonly isIngesting?: boolean;
}

const warmUpRequests = 20;
/** One measurement ends by then with the requests it has made. */
const measurementMsMax = 20_000;

/**
 * Asks for one kind as so many clients, each one request after another on a connection of its own, a different agent
 * each time, and checks every answer when all are there. Throws when one is not 200 or holds other figures than the
 * history.
 */
export async function measureKind(
  collector: CollectorProcess,
  kind: QueryKind,
  { record, ...options }: ClientOptions & { readonly record: HistoryRecord },
): Promise<QueryLatency> {
  const ranks = shuffledRanks(record);
  await ask(collector, kind, { ranks, first: 0, requests: warmUpRequests, clients: options.clients });
  const cpuBefore = collector.cpuMsByPart();
  const startedMs = performance.now();
  const answers = await ask(collector, kind, {
    ranks,
    first: warmUpRequests,
    requests: options.requests,
    clients: options.clients,
  });
  const tookMs = performance.now() - startedMs;
  const cpuAfter = collector.cpuMsByPart();
  for (const answer of answers) {
    const problem = kind.problem(JSON.parse(answer.text), {
      ...answer,
      record,
      isIngesting: options.isIngesting === true,
    });
    if (problem !== null) throw new Error(`wrong answer to ${kind.path(answer.rank)}: ${problem}`);
  }
  const sorted = answers.map(({ tookMs: each }) => each).sort((a, b) => a - b);
  const quantile = (level: number): number => sorted[Math.ceil(level * sorted.length) - 1] ?? 0;
  const cpu = (part: 'collector' | 'engine'): number | null =>
    options.isIngesting === true ? null : (cpuAfter[part] - cpuBefore[part]) / answers.length;
  return {
    kind: kind.name,
    budgetMs: kind.budgetMs,
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
function shuffledRanks(record: HistoryRecord): number[] {
  const ranks = record.activeRanks;
  const key = (rank: number): number => Math.imul(rank + 1, 2_654_435_761) >>> 0;
  return ranks.sort((a, b) => key(a) - key(b));
}

interface Answer {
  readonly rank: number;
  readonly text: string;
  readonly tookMs: number;
  readonly sentMs: number;
  readonly answeredMs: number;
}

interface Series {
  readonly ranks: readonly number[];
  readonly first: number;
  readonly requests: number;
  readonly clients: number;
}

async function ask(collector: CollectorProcess, kind: QueryKind, series: Series): Promise<Answer[]> {
  const { ranks, first, requests, clients } = series;
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const answers: Answer[] = [];
  const deadline = performance.now() + measurementMsMax;
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < requests && performance.now() < deadline) {
      const rank = ranks[(first + next) % ranks.length] ?? 0;
      next += 1;
      const sentMs = Date.now();
      const startedMs = performance.now();
      const text = await getText(collector.url + kind.path(rank), agent);
      answers.push({ rank, text, tookMs: performance.now() - startedMs, sentMs, answeredMs: Date.now() });
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    agent.destroy();
  }
  return answers;
}

function getText(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, headers: { authorization: `Bearer ${benchKey}` } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${url} answers ${response.statusCode} ${text.slice(0, 500)}`));
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}
