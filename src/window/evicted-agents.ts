import { windowMs } from '../core/ports/live-windows.js';

/**
 * When agents were last evicted from the live windows, for as long as that leaves a window with less than it should
 * hold. Bounded: of those forgotten it is known only that they may have been evicted by then.
 */
export class EvictedAgents {
  readonly #agentsMax: number;
  readonly #evictedMs = new Map<string, number>();
  /** Any agent may have been evicted, or have found no room, until then. */
  #anyMs = Number.NEGATIVE_INFINITY;

  constructor(agentsMax: number) {
    this.#agentsMax = agentsMax;
  }

  note(tenant: string, agentId: string, nowMs: number): void {
    const key = keyOf(tenant, agentId);
    // Moved to the end: the order is that of the evictions.
    this.#evictedMs.delete(key);
    this.#evictedMs.set(key, nowMs);
    for (const [oldest, atMs] of this.#evictedMs) {
      const over = atMs + windowMs['24h'] <= nowMs;
      if (!over && this.#evictedMs.size <= this.#agentsMax) return;
      this.#evictedMs.delete(oldest);
      if (!over) this.#anyMs = Math.max(this.#anyMs, atMs);
    }
  }

  /** Whoever is not there now may have been left out. */
  noteAll(nowMs: number): void {
    this.#anyMs = Math.max(this.#anyMs, nowMs);
  }

  /** Of an agent that is not there now: when it was, or may have been, left out; undefined when it was not. */
  of(tenant: string, agentId: string, nowMs: number): number | undefined {
    return stillTold(this.#evictedMs.get(keyOf(tenant, agentId)) ?? this.#anyMs, nowMs);
  }

  /** It comes back, and carries with it when it was evicted. */
  take(tenant: string, agentId: string): number | undefined {
    const key = keyOf(tenant, agentId);
    const atMs = this.#evictedMs.get(key);
    this.#evictedMs.delete(key);
    return atMs;
  }
}

/** Undefined once every window is later than that. */
export function stillTold(atMs: number | undefined, nowMs: number): number | undefined {
  return atMs !== undefined && atMs + windowMs['24h'] > nowMs ? atMs : undefined;
}

function keyOf(tenant: string, agentId: string): string {
  return `${tenant}\n${agentId}`;
}
