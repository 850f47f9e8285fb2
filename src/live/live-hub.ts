import type { Clock, Timer } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { DecodedBatch } from '../core/event-batch.js';
import type { LiveInstruments } from '../core/instruments.js';
import { LiveAudience } from '../core/live-audience.js';
import type { LiveFilter, LiveInterest } from '../core/live-batch.js';
import type { LiveSink } from '../core/ports/live-sink.js';
import { groupKey, LiveGroup } from './live-group.js';
import { helloMessage, type LiveMessage, progressMessage, snapshotMessage } from './live-message.js';
import type { LiveQuery } from './live-query.js';
import type { LiveTask, RunState } from './live-run.js';
import type { RunRegistry } from './run-registry.js';
import { type LiveOutlet, Subscriber } from './subscriber.js';

export interface LiveHubDeps {
  readonly registry: RunRegistry;
  readonly clock: Clock;
  readonly instruments: LiveInstruments;
}

export interface LiveHubOptions {
  readonly subscribersMax: number;
  readonly tenantSubscribersMax: number;
  readonly queueBytesMax: number;
}

/** Events of this long go out together: a tenth of what a person sees as at once, and 50 messages a second at most. */
const flushMs = 20;
const progressMs = 250;
const sweepMs = 5_000;
/** Runs whose progress is told in one round; the others wait for the next. */
const progressRunsMax = 1_000;
/** Runs (latest heard of first) and tasks (latest opened first) in a snapshot; it says how many there are. */
const snapshotItemsMax = 200;

/**
 * Subscriptions to what happens now. Nothing here asks the store: events come with the batches that have become
 * durable, the state of runs from the registry. Subscribers with one filter are a group, for which a message is made
 * once; while nobody listens, only the registry is kept.
 */
export class LiveHub implements LiveSink {
  readonly #deps: LiveHubDeps;
  readonly #options: LiveHubOptions;
  readonly #sinceMs: number;
  readonly #groups = new Map<string, LiveGroup>();
  readonly #groupsByNumber = new Map<number, LiveGroup>();
  readonly #groupOf = new Map<Subscriber, LiveGroup>();
  readonly #subscribersOfTenant = new Map<string, number>();
  #nextGroup = 1;
  #version = 0;
  #interest: LiveInterest | null = null;
  /** Who wants the progress of a run, by agent and run; the rest of a filter is about events only. */
  #audience = new LiveAudience([]);
  #flushTimer: Timer | null = null;
  #progressTimer: Timer | null = null;
  #sweepTimer: Timer | null = null;
  #stopped = false;

  constructor(deps: LiveHubDeps, options: LiveHubOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#sinceMs = deps.clock.nowMs();
  }

  get subscribers(): number {
    return this.#groupOf.size;
  }

  interest(): LiveInterest | null {
    return this.#interest;
  }

  // Hot path: once a batch.
  add({ lifecycle, live }: Pick<DecodedBatch, 'lifecycle' | 'live'>): void {
    const { registry, clock } = this.#deps;
    registry.add(lifecycle, clock.nowMs());
    if (registry.runs + registry.open > 0 && this.#sweepTimer === null) this.#scheduleSweep();
    if (this.#groups.size === 0) return;
    if (live !== null) {
      const { ranges } = live;
      for (let at = 0; at < ranges.length; at += 3) {
        this.#groupsByNumber.get(ranges[at]!)?.add(live, ranges[at + 1]!, ranges[at + 2]!);
      }
      this.#flushTimer ??= clock.setTimer(flushMs, () => this.#flush());
    }
    this.#progressTimer ??= clock.setTimer(progressMs, () => this.#tellProgress());
  }

  /**
   * Greets the subscriber with `hello` and a snapshot; events follow from the next decoded batch on. Throws
   * CollectorError: `subscribers_exhausted`, `stopping`.
   */
  subscribe(tenant: string, query: LiveQuery, outlet: LiveOutlet): Subscriber {
    this.#admit(tenant);
    const key = groupKey(tenant, query);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new LiveGroup(this.#nextGroup++, tenant, query);
      this.#groups.set(key, group);
      this.#groupsByNumber.set(group.number, group);
      this.#adjustInterest();
    }
    const { instruments } = this.#deps;
    const { queueBytesMax } = this.#options;
    const snapshot = () => this.#snapshot(group);
    const subscriber = new Subscriber({ outlet, instruments, snapshot }, { queueBytesMax });
    // What was put together for the group before is not for the newcomer.
    group.flush();
    group.subscribers.add(subscriber);
    this.#groupOf.set(subscriber, group);
    this.#subscribersOfTenant.set(tenant, (this.#subscribersOfTenant.get(tenant) ?? 0) + 1);
    subscriber.offer(helloMessage(query, this.#sinceMs));
    subscriber.offer(snapshot());
    return subscriber;
  }

  /** Idempotent. */
  unsubscribe(subscriber: Subscriber): void {
    const group = this.#groupOf.get(subscriber);
    if (group === undefined) return;
    subscriber.end();
    this.#groupOf.delete(subscriber);
    group.subscribers.delete(subscriber);
    const left = (this.#subscribersOfTenant.get(group.tenant) ?? 1) - 1;
    if (left === 0) this.#subscribersOfTenant.delete(group.tenant);
    else this.#subscribersOfTenant.set(group.tenant, left);
    if (group.subscribers.size > 0) return;
    this.#groups.delete(groupKey(group.tenant, group.query));
    this.#groupsByNumber.delete(group.number);
    this.#adjustInterest();
  }

  /** Ends every subscription; no new one is taken. Idempotent. */
  stop(): void {
    this.#stopped = true;
    for (const timer of [this.#flushTimer, this.#progressTimer, this.#sweepTimer]) timer?.cancel();
    for (const group of this.#groups.values()) group.flush();
    for (const subscriber of [...this.#groupOf.keys()]) {
      this.unsubscribe(subscriber);
      subscriber.goAway();
    }
  }

  #admit(tenant: string): void {
    const { subscribersMax, tenantSubscribersMax } = this.#options;
    const { refused } = this.#deps.instruments;
    if (this.#stopped) throw new CollectorError('stopping', 'the collector is shutting down');
    if (this.#groupOf.size >= subscribersMax) {
      refused.inc({ reason: 'total' });
      throw new CollectorError('subscribers_exhausted', `the collector has ${subscribersMax} live subscribers`);
    }
    if ((this.#subscribersOfTenant.get(tenant) ?? 0) >= tenantSubscribersMax) {
      refused.inc({ reason: 'tenant' });
      throw new CollectorError('subscribers_exhausted', `the tenant has ${tenantSubscribersMax} live subscribers`);
    }
  }

  #adjustInterest(): void {
    const filters = [...this.#groups.values()].map((group) => group.toFilter());
    this.#version += 1;
    this.#interest = filters.length === 0 ? null : { version: this.#version, filters: JSON.stringify(filters) };
    this.#audience = new LiveAudience(filters.map((filter): LiveFilter => ({ ...filter, types: [] })));
    this.#deps.registry.track(filters.length > 0);
  }

  #flush(): void {
    this.#flushTimer = null;
    for (const group of this.#groups.values()) group.flush();
  }

  #tellProgress(): void {
    this.#progressTimer = null;
    const { registry, clock } = this.#deps;
    const told = new Map<number, RunState[]>();
    const changed = registry.takeChanged(progressRunsMax);
    for (const slot of changed) this.#addProgress(slot, told);
    // Events that were put together before come before the progress that counts them.
    for (const [number, runs] of told) {
      const group = this.#groupsByNumber.get(number);
      group?.flush();
      group?.offer(progressMessage(runs));
    }
    if (changed.length === progressRunsMax) {
      this.#progressTimer = clock.setTimer(progressMs, () => this.#tellProgress());
    }
  }

  #addProgress(slot: number, told: Map<number, RunState[]>): void {
    const { registry } = this.#deps;
    const tenant = registry.tenantOf(slot);
    const runId = registry.idOf(slot);
    const groups = new Set<number>();
    for (const agent of registry.agentsOf(slot)) {
      for (const { group, runs } of this.#audience.ofAgent(tenant, agent)) {
        if (runs === null || runs.has(runId)) groups.add(group);
      }
    }
    for (const { group } of this.#audience.ofRun(tenant, runId)) groups.add(group);
    if (groups.size === 0) return;
    const state = registry.stateOf(slot);
    for (const group of groups) {
      if (this.#groupsByNumber.get(group)?.takesProgress !== true) continue;
      const runs = told.get(group);
      if (runs === undefined) told.set(group, [state]);
      else runs.push(state);
    }
  }

  #scheduleSweep(): void {
    const { registry, clock } = this.#deps;
    if (this.#stopped) return;
    this.#sweepTimer = clock.setTimer(sweepMs, () => {
      this.#sweepTimer = null;
      registry.sweep(clock.nowMs());
      if (registry.runs + registry.open > 0) this.#scheduleSweep();
    });
  }

  #snapshot(group: LiveGroup): LiveMessage {
    const { registry, clock } = this.#deps;
    const slots: number[] = [];
    for (const slot of registry.runningOf(group.tenant)) {
      if (group.takesRun(registry.idOf(slot), registry.agentsOf(slot))) slots.push(slot);
    }
    const tasks: LiveTask[] = [];
    for (const task of registry.tasksOf(group.tenant)) if (group.takesTask(task)) tasks.push(task);
    return snapshotMessage({
      nowMs: clock.nowMs(),
      runsTotal: slots.length,
      runs: latest(slots).map((slot) => registry.stateOf(slot)),
      tasksTotal: tasks.length,
      tasks: latest(tasks),
    });
  }
}

/** The last ones, the very last first. */
function latest<Item>(items: readonly Item[]): Item[] {
  return items.slice(-snapshotItemsMax).reverse();
}
