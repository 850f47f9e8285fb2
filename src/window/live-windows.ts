import type { Clock } from '../core/clock.js';
import type { WindowSlice } from '../core/event-batch.js';
import type { WindowInstruments } from '../core/instruments.js';
import { windowSliceMs } from '../core/limits.js';
import type { Logger } from '../core/logger.js';
import type { LiveWindows, WindowName, WindowSnapshot } from '../core/ports/live-windows.js';
import type { WindowSink } from '../core/ports/window-sink.js';
import type { WindowRestoreRow, WindowRestorer } from '../core/window-restore.js';
import { ActivityList } from './activity-list.js';
import { AgentWindows } from './agent-windows.js';
import { CellArena } from './cell-arena.js';
import { DurationTotals } from './durations.js';
import { EvictedAgents, stillTold } from './evicted-agents.js';
import { oldestSlice, windowLevels } from './window-levels.js';

/**
 * Rolling 1m, 5m, 15m, 1h and 24h windows of every agent, by event time, in memory.
 *
 * A batch adds to one slice at each of three widths (5 s, 1 min, 10 min); a read merges the few slices that cover its
 * window. Nothing is ever subtracted: a slice is counted while its number is within the window and freed later, so a
 * window is exact to the width of its first slice however time passes.
 *
 * Limits: `keysMax` agents and `bytesMax` bytes; beyond either the least recently active agent is evicted and
 * counted. An event older than 24 h is counted as late and is in the store only. One dated more than `futureMs` ahead
 * (after the clock was set back) goes into the last slice within that bound.
 */
export interface LiveWindowsDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instruments: WindowInstruments;
}

export interface LiveWindowsOptions {
  readonly keysMax: number;
  /** Of slices and digests, bookkeeping included. */
  readonly bytesMax: number;
  /** The accepted clock skew; bounds the slices an agent can have ahead of time. */
  readonly futureMs: number;
}

export interface WindowStats {
  readonly keys: number;
  readonly bytes: number;
}

export function createLiveWindows(deps: LiveWindowsDeps, options: LiveWindowsOptions): RollingWindows {
  return new RollingWindows(deps, options);
}

/** Objects, strings and list entries of an agent outside the arena, measured over 10,000 agents. */
const agentBytes = 1_300;
/** Agents looked at for expiry with each batch: 10,000 agents take 20 s at 60 batches a second. */
const expirePerBatch = 8;
const evictionLogMs = 60_000;

export class RollingWindows implements WindowSink, LiveWindows, WindowRestorer {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #instruments: WindowInstruments;
  readonly #options: LiveWindowsOptions;
  readonly #arena = new CellArena();
  readonly #tenants = new Map<string, Map<string, AgentWindows>>();
  readonly #activity = new ActivityList();
  /** Every agent once, in no order: what expiry walks. */
  readonly #agents: AgentWindows[] = [];
  #expireNext = 0;
  readonly #durations = new DurationTotals();
  readonly #evicted: EvictedAgents;
  #evictionLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: LiveWindowsDeps, options: LiveWindowsOptions) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#instruments = deps.instruments;
    this.#options = options;
    this.#evicted = new EvictedAgents(options.keysMax);
  }

  /** Hot path: once a batch, after it is durable. */
  add(slices: readonly WindowSlice[]): void {
    const nowMs = this.#clock.nowMs();
    const atMs = this.#clock.monotonicMs();
    const { widthMs } = windowLevels[windowLevels.length - 1]!;
    const oldestMs = oldestSlice(windowLevels[windowLevels.length - 1]!, nowMs) * widthMs;
    const newestMs = Math.floor((nowMs + this.#options.futureMs) / windowSliceMs) * windowSliceMs;
    for (const slice of slices) {
      if (slice.sliceMs < oldestMs) {
        this.#instruments.eventsLate.inc(slice.completed + slice.failed + slice.cancelled);
        continue;
      }
      const agent = this.#find(slice.tenant, slice.agentId) ?? this.#admit(slice.tenant, slice.agentId);
      this.#activity.touch(agent, atMs);
      agent.add(slice, Math.min(slice.sliceMs, newestMs), nowMs);
    }
    this.#expireSome(nowMs);
    while (this.stats().bytes > this.#options.bytesMax && this.#agents.length > 1) this.#evictOldest();
  }

  snapshot(tenant: string, agentId: string, window: WindowName): WindowSnapshot | undefined {
    const nowMs = this.#clock.nowMs();
    const agent = this.#find(tenant, agentId);
    if (agent === undefined || !agent.isLive(nowMs)) return undefined;
    return agent.snapshot(window, nowMs, this.#durations);
  }

  lastSeenMs(tenant: string, agentId: string): number | undefined {
    const nowMs = this.#clock.nowMs();
    const agent = this.#find(tenant, agentId);
    return agent?.isLive(nowMs) ? agent.lastSeenMs(nowMs) : undefined;
  }

  evictedMs(tenant: string, agentId: string): number | undefined {
    const nowMs = this.#clock.nowMs();
    const agent = this.#find(tenant, agentId);
    return agent === undefined ? this.#evicted.of(tenant, agentId, nowMs) : stillTold(agent.evictedMs, nowMs);
  }

  *keys(): Generator<{ readonly tenant: string; readonly agentId: string }> {
    const nowMs = this.#clock.nowMs();
    for (const agent of this.#activity) {
      if (agent.isLive(nowMs)) yield { tenant: agent.tenant, agentId: agent.agentId };
    }
  }

  restore(rows: readonly WindowRestoreRow[]): 'taken' | 'full' {
    const nowMs = this.#clock.nowMs();
    const taken = new Set<AgentWindows>();
    for (const row of rows) {
      let agent = this.#find(row.tenant, row.agentId);
      if (agent === undefined) {
        if (this.#isFull()) return this.#leaveOut(nowMs);
        agent = this.#create(row.tenant, row.agentId);
        this.#activity.addOldest(agent);
      }
      if (agent.restored && !taken.has(agent)) continue;
      agent.restored = true;
      taken.add(agent);
      restoreRow(agent, row, nowMs);
    }
    return this.#isFull() ? this.#leaveOut(nowMs) : 'taken';
  }

  #leaveOut(nowMs: number): 'full' {
    this.#evicted.noteAll(nowMs);
    return 'full';
  }

  stats(): WindowStats {
    return { keys: this.#agents.length, bytes: this.#arena.usedBytes + this.#agents.length * agentBytes };
  }

  #find(tenant: string, agentId: string): AgentWindows | undefined {
    return this.#tenants.get(tenant)?.get(agentId);
  }

  #isFull(): boolean {
    const { keys, bytes } = this.stats();
    return keys >= this.#options.keysMax || bytes >= this.#options.bytesMax;
  }

  #admit(tenant: string, agentId: string): AgentWindows {
    // Before another one is noted, for which the oldest note may go.
    const evictedMs = this.#evicted.take(tenant, agentId);
    if (this.#agents.length >= this.#options.keysMax) this.#evictOldest();
    const agent = this.#create(tenant, agentId);
    agent.evictedMs = evictedMs;
    this.#activity.addNewest(agent);
    return agent;
  }

  #create(tenant: string, agentId: string): AgentWindows {
    const agent = new AgentWindows(this.#arena, { tenant, agentId });
    let agents = this.#tenants.get(tenant);
    if (agents === undefined) {
      agents = new Map();
      this.#tenants.set(tenant, agents);
    }
    agents.set(agentId, agent);
    agent.slot = this.#agents.push(agent) - 1;
    return agent;
  }

  #evictOldest(): void {
    const agent = this.#activity.oldest();
    if (agent === null) return;
    this.#remove(agent);
    this.#evicted.note(agent.tenant, agent.agentId, this.#clock.nowMs());
    this.#instruments.keysEvicted.inc();
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#evictionLoggedMs < evictionLogMs) return;
    this.#evictionLoggedMs = nowMs;
    this.#logger.warn(
      { ...this.stats(), keysMax: this.#options.keysMax, bytesMax: this.#options.bytesMax },
      'live windows are full: the least recently active agents are evicted',
    );
  }

  #remove(agent: AgentWindows): void {
    agent.clear();
    this.#activity.remove(agent);
    const last = this.#agents.pop()!;
    if (last !== agent) {
      this.#agents[agent.slot] = last;
      last.slot = agent.slot;
    }
    const agents = this.#tenants.get(agent.tenant)!;
    agents.delete(agent.agentId);
    if (agents.size === 0) this.#tenants.delete(agent.tenant);
  }

  #expireSome(nowMs: number): void {
    const count = Math.min(expirePerBatch, this.#agents.length);
    for (let index = 0; index < count; index++) {
      if (this.#expireNext >= this.#agents.length) this.#expireNext = 0;
      const agent = this.#agents[this.#expireNext++];
      if (agent !== undefined && !agent.expire(nowMs)) this.#remove(agent);
    }
  }
}

const dayLevel = windowLevels.length - 1;

/**
 * A row of a minute stands, among the 5-second slices, in the middle of its minute (or now, while that is ahead):
 * after a restart the 1m, 5m and 15m windows are exact to the minute for what came before it.
 */
function restoreRow(agent: AgentWindows, row: WindowRestoreRow, nowMs: number): void {
  if (row.spanMs > windowLevels[1]!.widthMs) {
    agent.addAt(dayLevel, row, row.startMs, nowMs);
    return;
  }
  const middleMs = row.startMs + row.spanMs / 2;
  agent.addAt(0, row, row.startMs <= nowMs && nowMs < middleMs ? nowMs : middleMs, nowMs);
  for (let level = 1; level <= dayLevel; level++) agent.addAt(level, row, row.startMs, nowMs);
}
