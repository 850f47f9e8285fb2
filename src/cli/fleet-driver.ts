import { type Clock, type Random, sleep } from '../core/clock.js';
import type { TidemarkClient } from '../sdk/client.js';
import type { TidemarkEvent } from '../sdk/event.js';
import type { FleetAgent } from './fleet.js';
import { AgentLedger } from './fleet-ledger.js';

/** One agent with the connection it streams on and the exact account of what it has sent. */
export interface DrivenAgent {
  readonly ledger: AgentLedger;
  readonly client: TidemarkClient;
}

export interface DriveOptions {
  /** Events per second of the whole fleet. */
  readonly rate: number;
  readonly seconds: number;
}

const tickMs = 20;

/** Lets a fleet send at a steady rate. Awaiting `send` is the backpressure: a slow collector makes a slow fleet. */
export class FleetDriver {
  readonly agents: readonly DrivenAgent[];
  readonly #sources: readonly EventSource[];
  readonly #clock: Clock;
  readonly #random: Random;
  #sent = 0;
  #isStopped = false;

  constructor(
    fleet: readonly FleetAgent[],
    connect: (agent: FleetAgent) => TidemarkClient,
    clock: Clock,
    random: Random,
  ) {
    this.agents = fleet.map((agent) => ({ ledger: new AgentLedger(agent.agentId), client: connect(agent) }));
    this.#sources = fleet.map((agent) => new EventSource(agent, clock));
    this.#clock = clock;
    this.#random = random;
  }

  /** Events handed to the clients so far. */
  get sent(): number {
    return this.#sent;
  }

  /** `run` goes on to the end of the runs that are under way, and no further. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Sends until the time is over, it is stopped, or a client has ended; every run that began is sent to its end. */
  async run(options: DriveOptions): Promise<void> {
    await this.#drive(options);
    for (const [index, source] of this.#sources.entries()) {
      while (source.isUnderWay) if (!(await this.#sendNext(index))) return;
    }
  }

  async #drive(options: DriveOptions): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    while (!this.#isStopped) {
      const elapsedMs = Math.min(this.#clock.monotonicMs() - startedMs, options.seconds * 1_000);
      const due = Math.floor((elapsedMs / 1_000) * options.rate);
      while (this.#sent < due) if (!(await this.#sendOne())) return;
      if (elapsedMs >= options.seconds * 1_000) return;
      await sleep(this.#clock, tickMs);
    }
  }

  async #sendOne(): Promise<boolean> {
    if (this.#isStopped) return false;
    return await this.#sendNext(Math.floor(this.#random() * this.agents.length));
  }

  async #sendNext(index: number): Promise<boolean> {
    const agent = this.agents[index];
    const event = this.#sources[index]?.next();
    if (agent === undefined || event === undefined) return false;
    const outcome = await agent.client.send(event);
    if (outcome !== 'queued') return false;
    agent.ledger.add(event);
    this.#sent += 1;
    return true;
  }
}

/** The events of an agent, run after run. */
class EventSource {
  readonly #agent: FleetAgent;
  readonly #clock: Clock;
  #events: TidemarkEvent[] = [];
  #next = 0;

  constructor(agent: FleetAgent, clock: Clock) {
    this.#agent = agent;
    this.#clock = clock;
  }

  /** A run has begun and not ended. */
  get isUnderWay(): boolean {
    return this.#next < this.#events.length;
  }

  next(): TidemarkEvent | undefined {
    if (this.#next >= this.#events.length) {
      this.#events = this.#agent.nextRun(this.#clock.nowMs());
      this.#next = 0;
    }
    return this.#events[this.#next++];
  }
}
