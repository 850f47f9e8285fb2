import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storedKeyOf, writeKeyFile } from '../../src/ingest/key-file.js';
import { CollectorProcess } from '../support/collector-process.js';
import { type AskedTenant, askedHistory, exampleTenant, mainTenant, watchedEvents } from './asked-history.js';
import { Asker } from './asker.js';
import { watched } from './live-watch.js';
import { administeredQuestions, laterQuestions, type Question, questionsOf, unasked } from './questions.js';
import { kept, type RecordedAnswer, type Recording } from './recorded-answer.js';
import { metricAnswers, storeAnswers } from './store-answers.js';

export interface RecorderOptions {
  /** The built program, `dist/src/main.js` of a build. */
  readonly program: string;
  readonly baseMs: number;
  readonly seed: number;
  readonly print: (text: string) => void;
}

const dayMs = 86_400_000;
const waitMsMax = 60_000;
const eventsPerRequestMax = 200;
const askersMax = 3;
const userName = 'user-a';
const userKey = 'tdm_key_of_a_user_of_the_main_tenant';
const keyOf = (tenant: string) => `tdm_key_of_the_tenant_${tenant}`;

/** Starts a build on a directory of its own, tells it a history, and records what it answers to everything. */
export async function recordAnswers(options: RecorderOptions): Promise<Recording> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-answers-'));
  const recorder = new Recorder(options, dataDir);
  try {
    return await recorder.record();
  } finally {
    await recorder.end();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

class Recorder {
  readonly #options: RecorderOptions;
  readonly #dataDir: string;
  readonly #tenants: readonly AskedTenant[];
  readonly #answers: Record<string, RecordedAnswer> = {};
  readonly #asked = new Set<string>();
  #collector: CollectorProcess | null = null;

  constructor(options: RecorderOptions, dataDir: string) {
    this.#options = options;
    this.#dataDir = dataDir;
    this.#tenants = askedHistory(options.seed, options.baseMs);
  }

  async record(): Promise<Recording> {
    const { baseMs, seed, print } = this.#options;
    const tenants = this.#tenants.map(({ name }) => name);
    const grant = (tenant: string) => ({ tenant, scopes: ['admin'] as const, user: undefined });
    writeKeyFile(this.#dataDir, [
      ...tenants.map((name) => storedKeyOf(keyOf(name), grant(name), baseMs)),
      storedKeyOf(userKey, { tenant: mainTenant, scopes: ['read'], user: userName }, baseMs),
    ]);
    let collector = await this.#start({ leaseMs: dayMs });
    await this.#sendAll(collector);
    print('the history is stored');
    for (const tenant of this.#tenants) {
      await this.#askAll(collector, tenant.name, questionsOf(tenant, baseMs), '');
      print(`${Object.keys(this.#answers).length} answers after those to ${tenant.name}`);
    }
    this.#keep(await storeAnswers(collector, baseMs), '');
    this.#keep(await metricAnswers(collector), '');
    await this.#checkAllAsked(collector);
    await this.#stop(collector);

    collector = await this.#start({ leaseMs: 1_000 });
    await this.#untilLater(collector);
    await this.#askAll(collector, mainTenant, laterQuestions(), 'later: ');
    print('answers after a restart are recorded');
    await this.#administer(collector);
    await this.#stop(collector);
    return { baseMs, seed, answers: this.#answers };
  }

  async end(): Promise<void> {
    await this.#collector?.kill();
  }

  async #start({ leaseMs }: { readonly leaseMs: number }): Promise<CollectorProcess> {
    const collector = new CollectorProcess({
      dataDir: this.#dataDir,
      program: this.#options.program,
      env: {
        TIDEMARK_API_KEYS: '',
        TIDEMARK_QUERY_CACHE_MS: '0',
        TIDEMARK_HISTORY_LEASE_MS: String(leaseMs),
        TIDEMARK_LIMITS_SKEW_PAST_MS: String(85 * dayMs),
        TIDEMARK_MAINTENANCE_SCHEDULE: 'off',
      },
    });
    this.#collector = collector;
    await collector.start();
    return collector;
  }

  async #stop(collector: CollectorProcess): Promise<void> {
    const code = await collector.stop();
    if (code !== 0) throw new Error(`the collector ended with ${code}:\n${collector.output}`);
  }

  async #sendAll(collector: CollectorProcess): Promise<void> {
    const { baseMs } = this.#options;
    let stored = 0;
    for (const { name, events } of this.#tenants) stored += await this.#send(collector, name, events);
    const live = watchedEvents(baseMs);
    const sendLive = async () => {
      stored += await this.#send(collector, exampleTenant, live);
    };
    const told = await watched(collector.url, keyOf(exampleTenant), sendLive, live.length);
    const body = kept(told, { baseMs, hasRange: true });
    this.#keep([['live views', { status: 200, contentType: '', body }]], '');
    this.#asked.add('/api/v1/live/events');
    await collector.untilStored(stored);
  }

  /** Number of events that are not repetitions. */
  async #send(collector: CollectorProcess, tenant: string, events: readonly object[]): Promise<number> {
    let stored = 0;
    for (let at = 0; at < events.length; at += eventsPerRequestMax) {
      const part = events.slice(at, at + eventsPerRequestMax);
      const response = await fetch(`${collector.url}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${keyOf(tenant)}`, 'content-type': 'application/json' },
        body: JSON.stringify({ events: part }),
      });
      const text = await response.text();
      const { accepted = 0, duplicates = 0 } = JSON.parse(text) as { accepted?: number; duplicates?: number };
      if (accepted !== part.length) throw new Error(`events of ${tenant} were answered ${response.status}: ${text}`);
      stored += accepted - duplicates;
    }
    return stored;
  }

  async #askAll(
    collector: CollectorProcess,
    tenant: string,
    questions: readonly Question[],
    when: string,
  ): Promise<void> {
    const asker = new Asker(collector.url, this.#options.baseMs);
    const waiting = [...questions];
    const askSome = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { path, pages = false, shape = false, key: who } = next;
        const key = who === 'none' ? null : who === 'user' ? userKey : keyOf(tenant);
        this.#asked.add(path);
        const label = `GET ${path} of ${tenant}${who === undefined ? '' : `, ${who}`}`;
        this.#keep([[label, await asker.ask({ path, key, pages, shape })]], when);
      }
    };
    await Promise.all(Array.from({ length: askersMax }, askSome));
  }

  async #untilLater(collector: CollectorProcess): Promise<void> {
    const headers = { authorization: `Bearer ${keyOf(mainTenant)}` };
    const get = async (path: string) => (await fetch(collector.url + path, { headers })).json();
    await until('open work is orphaned and the windows are back', async () => {
      const { total = 0 } = (await get('/api/v1/monitoring/tasks?status=orphaned')) as { total?: number };
      const live = (await get('/api/v1/agents/planner/live')) as {
        windows?: Record<string, { total_executions: number }>;
      };
      return total > 0 && (live.windows?.['24h']?.total_executions ?? 0) > 0;
    });
  }

  async #administer(collector: CollectorProcess): Promise<void> {
    const { baseMs, print } = this.#options;
    const asker = new Asker(collector.url, baseMs);
    const key = keyOf(mainTenant);
    const change = async (method: string, path: string, body: string | null = null) =>
      this.#keep([[`${method} ${path}`, await asker.change({ method, path, key, body })]], '');
    const main = this.#tenants.find(({ name }) => name === mainTenant);
    const [runId = ''] = main?.runIds ?? [];
    const [taskId = ''] = main?.taskIds ?? [];
    await change('POST', `/api/v1/maintenance/days/${new Date(baseMs - 5 * dayMs).toISOString().slice(0, 10)}`);
    await change('DELETE', `/api/v1/runs/${runId}`);
    await change('DELETE', '/api/v1/users/user-b');
    await change('DELETE', '/api/v1/runs/nothing');
    await until('what was erased is gone', async () => {
      const answer = await asker.ask({ path: '/api/v1/monitoring/erasures', key, pages: false, shape: false });
      const { erasures } = answer.body as { readonly erasures: readonly { readonly status: string }[] };
      return erasures.length > 0 && erasures.every(({ status }) => status === 'completed');
    });
    await this.#askAll(collector, mainTenant, administeredQuestions(baseMs, { runId, taskId }), 'administered: ');
    this.#keep(await storeAnswers(collector, baseMs), 'administered: ');
    const feedback = JSON.stringify({ score: 4, text: 'of use' });
    await change('POST', `/api/v1/patterns/${main?.patternIds[0]}/feedback`, feedback);
    print('answers after administration are recorded');
  }

  #keep(answers: readonly (readonly [string, RecordedAnswer])[], when: string): void {
    for (const [name, answer] of answers) this.#answers[when + name] = answer;
  }

  /** An endpoint that is asked nothing would be compared with nothing. */
  async #checkAllAsked(collector: CollectorProcess): Promise<void> {
    const document = (await (await fetch(`${collector.url}/api/v1/openapi.json`)).json()) as {
      readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    const paths = Object.entries(document.paths).filter(([, methods]) => 'get' in methods);
    const names = unasked(
      paths.map(([path]) => path),
      this.#asked,
    ).map((path) => `GET ${path}`);
    if (names.length > 0) throw new Error(`test/answers/questions.ts has no question for ${names.join(', ')}`);
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + waitMsMax;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${waitMsMax / 1_000} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
