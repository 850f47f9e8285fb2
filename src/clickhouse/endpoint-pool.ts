import { type Backoff, backoffMs } from '../core/backoff.js';
import type { Clock, Random } from '../core/clock.js';
import { invariant } from '../core/invariant.js';

/**
 * Several servers that hold one store. A request goes to the one with the fewest under way (`spread`) or to the first
 * in the order they were given (`first`: statements that must see what the one before them wrote). One that did not
 * answer is left out for a while, growing with each time; when all are left out, the one that comes back first is
 * tried. With one server this decides nothing.
 */
export interface PooledEndpoint {
  readonly url: string;
  /** Requests under way. */
  readonly running: number;
  /** Why it is left out; null: it is not. */
  readonly problem: string | null;
}

export interface EndpointRequest {
  readonly choice: 'spread' | 'first';
  /**
   * When another server is asked: a read may be when it was not answered, a statement when it did not get there.
   */
  readonly again: 'unsent' | 'unanswered';
}

interface Endpoint<Connection> {
  readonly url: string;
  readonly connection: Connection;
  running: number;
  failures: number;
  /** On the monotonic clock. */
  outUntilMs: number;
  problem: string | null;
}

export interface EndpointPoolDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether an error says that the server cannot be used now, rather than something about the request. */
  readonly isOut: (error: unknown) => boolean;
  /** Whether an error says that nothing of the request reached the server. */
  readonly isUnsent: (error: unknown) => boolean;
}

const backoff: Backoff = { delayMsMin: 1_000, delayMsMax: 30_000 };

export class EndpointPool<Connection> {
  readonly #deps: EndpointPoolDeps;
  readonly #endpoints: readonly Endpoint<Connection>[];
  #turn = 0;

  constructor(deps: EndpointPoolDeps, endpoints: readonly { readonly url: string; readonly connection: Connection }[]) {
    invariant(endpoints.length > 0, 'a pool of no endpoints');
    this.#deps = deps;
    this.#endpoints = endpoints.map((endpoint) => ({
      ...endpoint,
      running: 0,
      failures: 0,
      outUntilMs: 0,
      problem: null,
    }));
  }

  get endpoints(): readonly PooledEndpoint[] {
    return this.#endpoints;
  }

  /** What a request rejects with decides whether its server is left out for a while, and whether another is asked. */
  async run<T>(
    { choice, again }: EndpointRequest,
    request: (connection: Connection, url: string) => Promise<T>,
  ): Promise<T> {
    const tried = new Set<Endpoint<Connection>>();
    for (;;) {
      const endpoint = this.#choose(choice, tried);
      tried.add(endpoint);
      try {
        return await this.#ask(endpoint, request);
      } catch (error) {
        if (tried.size === this.#endpoints.length || !this.#mayRepeat(again, error)) throw error;
      }
    }
  }

  #mayRepeat(again: EndpointRequest['again'], error: unknown): boolean {
    return again === 'unanswered' ? this.#deps.isOut(error) : this.#deps.isUnsent(error);
  }

  async forEach<T>(run: (connection: Connection, url: string) => Promise<T>): Promise<T[]> {
    return await Promise.all(this.#endpoints.map(({ connection, url }) => run(connection, url)));
  }

  #choose(choice: EndpointRequest['choice'], tried: ReadonlySet<Endpoint<Connection>>): Endpoint<Connection> {
    const nowMs = this.#deps.clock.monotonicMs();
    const left = this.#endpoints.filter((endpoint) => !tried.has(endpoint));
    const usable = left.filter(({ outUntilMs }) => outUntilMs <= nowMs);
    const [earliest] = [...left].sort((a, b) => a.outUntilMs - b.outUntilMs);
    const first = usable[0] ?? earliest;
    invariant(first !== undefined, 'every endpoint has been tried');
    if (choice === 'first' || usable.length <= 1) return first;
    // Equally loaded ones take turns.
    const turn = this.#turn++;
    return usable.reduce(
      (best, _, at) => {
        const other = usable[(at + turn) % usable.length] ?? best;
        return other.running < best.running ? other : best;
      },
      usable[turn % usable.length] ?? first,
    );
  }

  async #ask<T>(
    endpoint: Endpoint<Connection>,
    request: (connection: Connection, url: string) => Promise<T>,
  ): Promise<T> {
    endpoint.running += 1;
    try {
      const answer = await request(endpoint.connection, endpoint.url);
      endpoint.failures = 0;
      endpoint.outUntilMs = 0;
      endpoint.problem = null;
      return answer;
    } catch (error) {
      if (this.#deps.isOut(error)) this.#leaveOut(endpoint, error);
      throw error;
    } finally {
      endpoint.running -= 1;
    }
  }

  #leaveOut(endpoint: Endpoint<Connection>, error: unknown): void {
    endpoint.failures += 1;
    const pauseMs = backoffMs(backoff, endpoint.failures, this.#deps.random);
    endpoint.outUntilMs = this.#deps.clock.monotonicMs() + pauseMs;
    endpoint.problem = error instanceof Error ? error.message.slice(0, 200) : String(error);
  }
}
