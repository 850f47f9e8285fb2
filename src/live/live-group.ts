import type { LiveEvents, LiveFilter } from '../core/live-batch.js';
import { eventsMessage, type LiveMessage } from './live-message.js';
import { type LiveQuery, typeNumbersOf } from './live-query.js';
import type { LiveTask } from './live-run.js';
import type { Subscriber } from './subscriber.js';

/** A message is closed at this size; one event may make it larger. */
const messageBytesMax = 65_536;

/** Subscribers of one tenant with one filter: what they get is put together once. */
export class LiveGroup {
  readonly number: number;
  readonly tenant: string;
  readonly query: LiveQuery;
  readonly subscribers = new Set<Subscriber>();
  readonly #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #partsEvents = 0;
  #seq = 0;

  constructor(number: number, tenant: string, query: LiveQuery) {
    this.number = number;
    this.tenant = tenant;
    this.query = query;
  }

  toFilter(): LiveFilter {
    const { user, agents, runs, models, providers, environments } = this.query;
    const types = typeNumbersOf(this.query);
    return { group: this.number, tenant: this.tenant, user, agents, runs, types, models, providers, environments };
  }

  /** Adds the events from `first` up to `end` of a batch; messages that are full go out at once. */
  add({ json, ends }: LiveEvents, first: number, end: number): void {
    let from = first;
    let start = first === 0 ? 0 : ends[first - 1]! + 1;
    for (let event = first; event < end; event++) {
      const bytes = ends[event]! - start;
      if (event + 1 < end && this.#partsBytes + bytes < messageBytesMax) continue;
      this.#parts.push(json.subarray(start, ends[event]!));
      this.#partsBytes += bytes;
      this.#partsEvents += event + 1 - from;
      from = event + 1;
      start = ends[event]! + 1;
      if (this.#partsBytes >= messageBytesMax) this.flush();
    }
  }

  /** Sends what was added since the last flush. */
  flush(): void {
    if (this.#partsEvents === 0) return;
    this.#seq += 1;
    const message = eventsMessage(this.#parts, this.#partsEvents, this.#seq);
    this.#parts.length = 0;
    this.#partsBytes = 0;
    this.#partsEvents = 0;
    this.offer(message);
  }

  offer(message: LiveMessage): void {
    for (const subscriber of this.subscribers) subscriber.offer(message);
  }

  /** Of what is under way it is not known whose it is. */
  get takesProgress(): boolean {
    return this.query.user === null;
  }

  takesRun(runId: string, agents: readonly string[]): boolean {
    const { query } = this;
    if (!this.takesProgress) return false;
    if (query.runs.length > 0 && !query.runs.includes(runId)) return false;
    return query.agents.length === 0 || agents.some((agent) => query.agents.includes(agent));
  }

  takesTask({ runId, agent }: LiveTask): boolean {
    const { query } = this;
    if (!this.takesProgress) return false;
    if (query.runs.length > 0 && !query.runs.includes(runId)) return false;
    return query.agents.length === 0 || query.agents.includes(agent);
  }
}

/** Groups with the same key get the same. */
export function groupKey(tenant: string, query: LiveQuery): string {
  const { user, agents, runs, types, statuses, models, providers, environments } = query;
  return JSON.stringify([tenant, user, agents, runs, types, statuses, models, providers, environments]);
}
