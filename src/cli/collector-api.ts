import { errorMessage } from '../core/errors.js';
import type { AgentFigures } from './fleet-ledger.js';
import type { CollectorAddress } from './frame/collector-address.js';
import { collectorFetch } from './frame/collector-fetch.js';

/** The part of an answer that both the live windows and the stored metrics have. */
interface ExecutionAnswer {
  readonly total_executions: number;
  readonly success_rate: number | null;
  readonly execution_times: {
    readonly p50_ms: number | null;
    readonly p95_ms: number | null;
    readonly p99_ms: number | null;
  };
}

const nothing: AgentFigures = { executions: 0, successRate: null, p50: null, p95: null, p99: null };

/** What a collector answers about an agent. An agent it does not know yet has no executions. */
export class CollectorApi {
  readonly #address: CollectorAddress;
  readonly #url: string;
  /** The last answer that came from the store said that there is none. */
  storeIsAway = false;

  constructor(address: CollectorAddress) {
    this.#address = address;
    this.#url = address.url.replace(/^ws/, 'http').replace(/\/$/, '');
  }

  /** Throws when there is no collector at the address. */
  async mustAnswer(): Promise<void> {
    try {
      await collectorFetch(`${this.#url}/health`, {}, this.#address);
    } catch (error) {
      throw new Error(`cannot reach a collector at ${this.#url}: ${errorMessage(error)}`, { cause: error });
    }
  }

  async live(agentId: string, window: '5m' | '1h'): Promise<AgentFigures> {
    const answer = await this.#get<{ readonly windows: Readonly<Record<string, ExecutionAnswer>> }>(
      `/api/v1/agents/${encodeURIComponent(agentId)}/live`,
    );
    return figuresOf(answer?.windows[window]);
  }

  async stored(agentId: string): Promise<AgentFigures> {
    return figuresOf(
      (await this.#get<ExecutionAnswer>(
        `/api/v1/agents/${encodeURIComponent(agentId)}/metrics?time_range=1d&metric_type=realtime`,
      )) ?? undefined,
    );
  }

  /** Null for a 404, and for a 503: a store that is still being prepared. Throws for any other refusal. */
  async #get<Body>(path: string): Promise<Body | null> {
    const init = { headers: { authorization: `Bearer ${this.#address.key}` } };
    const response = await collectorFetch(`${this.#url}${path}`, init, this.#address);
    this.storeIsAway = response.status === 503;
    if (response.status === 404 || response.status === 503) return null;
    if (!response.ok) throw new Error(`cannot read ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Body;
  }
}

function figuresOf(answer: ExecutionAnswer | undefined): AgentFigures {
  if (answer === undefined) return nothing;
  const { p50_ms: p50, p95_ms: p95, p99_ms: p99 } = answer.execution_times;
  return { executions: answer.total_executions, successRate: answer.success_rate, p50, p95, p99 };
}
