import type { AgentWindows } from './agent-windows.js';

/** Agents by activity, most recent first: a doubly linked list through the agents themselves. */
export class ActivityList {
  #newest: AgentWindows | null = null;
  #oldest: AgentWindows | null = null;

  oldest(): AgentWindows | null {
    return this.#oldest;
  }

  addNewest(agent: AgentWindows): void {
    agent.newer = null;
    agent.older = this.#newest;
    if (this.#newest === null) this.#oldest = agent;
    else this.#newest.newer = agent;
    this.#newest = agent;
  }

  addOldest(agent: AgentWindows): void {
    agent.older = null;
    agent.newer = this.#oldest;
    if (this.#oldest === null) this.#newest = agent;
    else this.#oldest.older = agent;
    this.#oldest = agent;
  }

  touch(agent: AgentWindows): void {
    if (this.#newest === agent) return;
    this.remove(agent);
    this.addNewest(agent);
  }

  remove(agent: AgentWindows): void {
    if (agent.newer === null) this.#newest = agent.older;
    else agent.newer.older = agent.older;
    if (agent.older === null) this.#oldest = agent.newer;
    else agent.older.newer = agent.newer;
    agent.newer = null;
    agent.older = null;
  }

  /** Most recent first. */
  *[Symbol.iterator](): Generator<AgentWindows> {
    for (let agent = this.#newest; agent !== null; ) {
      // Read first: the consumer may add to the list while it iterates.
      const next: AgentWindows | null = agent.older;
      yield agent;
      agent = next;
    }
  }
}
