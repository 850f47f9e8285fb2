import type { Answer, ApiClient } from '../frame/api-client.js';
import { CommandError } from '../frame/command-error.js';
import { exitCodes } from '../frame/exit-codes.js';

export const windowNames = ['1m', '5m', '15m', '1h', '24h'] as const;
export type WindowName = (typeof windowNames)[number];

/** One agent over a rolling window. */
export interface AgentFigures {
  readonly agentId: string;
  readonly lastSeen: string | null;
  /** Executions a second, over the whole window. */
  readonly rate: number;
  readonly executions: number;
  readonly failed: number;
  readonly successRate: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly tokens: number;
  readonly costCents: number | null;
  /** The error category with the most failures; empty when nothing failed. */
  readonly topError: string;
}

export interface FleetFigures {
  /** With their window; those that are gone from it have nothing in it. */
  readonly agents: readonly AgentFigures[];
  /** Agents there are, as far as was read. */
  readonly known: number;
  /** There are more agents than were read. */
  readonly isCut: boolean;
}

/** Agents looked at each time: the busiest of the last 24 hours. */
const agentsMax = 100;
const listedMax = 2_000;
const pageLimit = 100;
const asksAtOnce = 8;
/** New agents show up within this. */
const listAgeMsMax = 15_000;

/** The busiest agents and their live windows: the list from the store, now and then, the windows from memory. */
export class FleetReader {
  readonly #api: ApiClient;
  readonly #clock: { monotonicMs(): number };
  #list: {
    readonly readMs: number;
    readonly agentIds: readonly string[];
    readonly known: number;
    readonly isCut: boolean;
  } | null = null;

  constructor(deps: { readonly api: ApiClient; readonly clock: { monotonicMs(): number } }) {
    this.#api = deps.api;
    this.#clock = deps.clock;
  }

  async read(window: WindowName): Promise<FleetFigures> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#list === null || nowMs - this.#list.readMs > listAgeMsMax)
      this.#list = { ...(await this.#readList()), readMs: nowMs };
    const { agentIds, known, isCut } = this.#list;
    const figures: (AgentFigures | null)[] = [];
    for (let at = 0; at < agentIds.length; at += asksAtOnce) {
      figures.push(
        ...(await Promise.all(agentIds.slice(at, at + asksAtOnce).map((id) => this.#readAgent(id, window)))),
      );
    }
    const agents = figures.filter((each) => each !== null);
    return { agents: agents.sort(byRate), known, isCut };
  }

  async #readList() {
    const agents: Answer<'/api/v1/agents'>['agents'][number][] = [];
    let cursor: string | undefined;
    do {
      const page: Answer<'/api/v1/agents'> = await this.#api.get('/api/v1/agents', {
        query: { limit: pageLimit, ...(cursor === undefined ? {} : { cursor }) },
      });
      agents.push(...page.agents);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && agents.length < listedMax);
    const busiest = [...agents].sort((a, b) => b.executions_24h - a.executions_24h).slice(0, agentsMax);
    return { agentIds: busiest.map((agent) => agent.agent_id), known: agents.length, isCut: cursor !== undefined };
  }

  /** Null: it was erased meanwhile, or what is asked is not whole. */
  async #readAgent(agentId: string, name: WindowName): Promise<AgentFigures | null> {
    try {
      const answer = await this.#api.get('/api/v1/agents/{agent_id}/live', { path: { agent_id: agentId } });
      const window = answer.windows[name];
      if (window === null || window === undefined) return null;
      const { execution_times: times, errors } = window;
      const [topError = ''] = Object.entries(errors).sort(([, a], [, b]) => b - a)[0] ?? [];
      return {
        agentId,
        lastSeen: answer.last_seen,
        rate: window.total_executions / ((answer.window_ms[name] ?? 0) / 1_000),
        executions: window.total_executions,
        failed: window.failed_executions,
        successRate: window.success_rate,
        p50Ms: times.p50_ms,
        p95Ms: times.p95_ms,
        p99Ms: times.p99_ms,
        tokens: window.tokens.total,
        costCents: window.cost_cents,
        topError,
      };
    } catch (error) {
      if (error instanceof CommandError && error.exitCode === exitCodes.notFound) return null;
      throw error;
    }
  }
}

function byRate(a: AgentFigures, b: AgentFigures): number {
  return b.rate - a.rate || a.agentId.localeCompare(b.agentId, 'en', { numeric: true });
}
