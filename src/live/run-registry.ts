import { type EventType, eventTypes } from '../core/event-types.js';
import type { LiveInstruments } from '../core/instruments.js';
import {
  fingerprintKey,
  type LifecycleChanges,
  noRun,
  openingFields,
  openingPlaces,
  runFields,
  runPlaces,
  subjectFields,
} from '../core/live-batch.js';
import { EndedMemory } from './ended-memory.js';
import type { LiveTask, RunState, RunStatus } from './live-run.js';
import { OpenTasks } from './open-tasks.js';
import { RunTable } from './run-table.js';

export interface RunRegistryOptions {
  /** Runs kept; beyond it the one that was silent longest is dropped. */
  readonly runsMax: number;
  /** Open tasks and steps kept; beyond it the oldest are dropped. */
  readonly openTasksMax: number;
  /** Silence after which a run or task counts as orphaned and is dropped. */
  readonly leaseMs: number;
}

/** An ended run stays this long, so that its last numbers are seen and events that come late still count. */
const endedKeptMs = 30_000;
const noSlot = -1;

/** What an event of a type does to its subject. */
const deeds = { renew: 0, openPending: 1, open: 2, close: 3, startRun: 4, endRun: 5 } as const;

const deedOfType: readonly number[] = (() => {
  const table: number[] = Array.from({ length: 128 }, () => deeds.renew);
  for (const [type, code] of Object.entries(eventTypes) as [EventType, number][]) {
    const [subject, word] = type.split('.');
    if (subject !== 'run' && subject !== 'task' && subject !== 'step') continue;
    const starts = word === 'pending' || word === 'running' || word === 'started';
    if (subject === 'run') table[code] = starts ? deeds.startRun : deeds.endRun;
    else if (word === 'pending') table[code] = deeds.openPending;
    else table[code] = starts ? deeds.open : deeds.close;
  }
  return table;
})();

const stepStarted = eventTypes['step.started'];

const endOfRun: Readonly<Record<number, Exclude<RunStatus, 'running'>>> = {
  [eventTypes['run.completed']]: 'completed',
  [eventTypes['run.failed']]: 'failed',
  [eventTypes['run.cancelled']]: 'cancelled',
};

/**
 * Runs, tasks and steps that are under way, from the events of this process: empty after a restart until events come.
 * An event that names an unknown run opens it, so a lost start costs only its name and time. What has ended does not
 * start again, as far as the ended are remembered (`EndedMemory`). Everything is bounded; what is dropped is counted.
 */
export class RunRegistry {
  readonly #options: RunRegistryOptions;
  readonly #instruments: LiveInstruments;
  readonly #runs = new RunTable();
  readonly #open = new OpenTasks();
  readonly #ended = new EndedMemory();
  /** When an agent's last heartbeat came that names neither run nor task. */
  readonly #heartbeats = new Map<string, number>();
  /** Runs that changed since they were last taken; kept only while somebody wants them. */
  readonly #changed = new Set<number>();
  #tracking = false;
  /** Slots of the runs of the batch in hand, by their index in it. */
  readonly #batchRuns: number[] = [];

  constructor(instruments: LiveInstruments, options: RunRegistryOptions) {
    this.#instruments = instruments;
    this.#options = options;
  }

  get runs(): number {
    return this.#runs.size;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Whether changed runs are remembered for `takeChanged`. */
  track(tracking: boolean): void {
    this.#tracking = tracking;
    if (!tracking) this.#changed.clear();
  }

  /** Up to `countMax` runs that changed, in the order of their change; the others stay for the next call. */
  takeChanged(countMax: number): number[] {
    const taken: number[] = [];
    for (const slot of this.#changed) {
      if (taken.length === countMax) break;
      taken.push(slot);
    }
    for (const slot of taken) this.#changed.delete(slot);
    return taken;
  }

  tenantOf(slot: number): string {
    return this.#runs.tenant(slot);
  }

  stateOf(slot: number): RunState {
    return this.#runs.state(slot);
  }

  /** Runs of a tenant that have not ended, from the one longest silent to the latest heard of. */
  *runningOf(tenant: string): Iterable<number> {
    for (let slot = this.#runs.oldest; slot !== noSlot; slot = this.#runs.newerThan(slot)) {
      if (this.#runs.isRunning(slot) && this.#runs.tenant(slot) === tenant) yield slot;
    }
  }

  /** Open tasks of a tenant; steps are counted by their run only. */
  *tasksOf(tenant: string): Iterable<LiveTask> {
    for (const task of this.#open.values()) if (task.kind === 'task' && task.tenant === tenant) yield task;
  }

  idOf(slot: number): string {
    return this.#runs.id(slot);
  }

  agentsOf(slot: number): readonly string[] {
    return this.#runs.agents(slot);
  }

  /** Hot path: once a batch. */
  add(batch: LifecycleChanges, nowMs: number): void {
    const ids = Buffer.from(batch.ids.buffer, batch.ids.byteOffset, batch.ids.byteLength);
    this.#batchRuns.length = 0;
    for (let at = 0; at < batch.runs.length; at += runFields) this.#batchRuns.push(this.#addRun(batch, at, ids, nowMs));
    this.#addSubjects(batch, ids, nowMs);
    const { heartbeats, texts } = batch;
    for (let at = 0; at < heartbeats.length; at += 2) {
      this.#heard(texts[heartbeats[at]!]!, texts[heartbeats[at + 1]!]!, nowMs);
    }
  }

  /** Its slot; none when it has ended and was let go. */
  #addRun(batch: LifecycleChanges, at: number, ids: Buffer, nowMs: number): number {
    const { runs, texts } = batch;
    const key = runs[at + runPlaces.key]!;
    let slot = this.#runs.find(key);
    if (slot === noSlot) {
      if (this.#ended.has(key)) return noSlot;
      if (this.#runs.size >= this.#options.runsMax) this.#evictRun(nowMs);
      const { tenant, idOffset, idEnd } = runPlaces;
      slot = this.#runs.add(key, texts[runs[at + tenant]!]!, ids, runs[at + idOffset]!, runs[at + idEnd]!);
    }
    this.#runs.hear(slot, batch, at, nowMs);
    if (this.#tracking) this.#changed.add(slot);
    return slot;
  }

  #addSubjects(batch: LifecycleChanges, ids: Buffer, nowMs: number): void {
    const { subjects } = batch;
    let opening = 0;
    for (let at = 0; at < subjects.length; at += subjectFields) {
      const key = fingerprintKey(subjects[at]!, subjects[at + 1]!);
      const type = subjects[at + 2]!;
      const runIndex = subjects[at + 3]!;
      const deed = deedOfType[type]!;
      if (deed === deeds.close) {
        this.#ended.remember(key);
        if (this.#open.size > 0) this.#closeKnown(key);
        continue;
      }
      const run = runIndex === noRun ? noSlot : this.#batchRuns[runIndex]!;
      if (deed === deeds.renew) this.#renew(key, nowMs);
      else if (deed === deeds.endRun) this.#endRun(key, type, run, nowMs);
      else {
        this.#start(type, key, run, { batch, at: opening, ids, nowMs });
        opening += openingFields;
      }
    }
  }

  #closeKnown(key: number): void {
    const task = this.#open.get(key);
    if (task !== undefined) this.#close(task);
  }

  #renew(key: number, nowMs: number): void {
    const task = this.#open.get(key);
    if (task !== undefined) task.heardMs = nowMs;
  }

  #start(type: number, key: number, run: number, from: Opening): void {
    const { batch, at, ids, nowMs } = from;
    const { openings, texts } = batch;
    const name = texts[openings[at + openingPlaces.name]!]!;
    const startedMs = openings[at + openingPlaces.startedMs]!;
    const deed = deedOfType[type]!;
    if (deed === deeds.startRun) {
      if (run !== noSlot) this.#runs.start(run, name, startedMs);
      return;
    }
    const known = this.#open.get(key);
    if (known !== undefined) {
      known.heardMs = nowMs;
      if (known.status === 'running' || deed === deeds.openPending) return;
      known.status = 'running';
      known.startedMs = startedMs;
      return;
    }
    if (this.#ended.has(key) || (run !== noSlot && !this.#runs.isRunning(run))) return;
    if (this.#open.size >= this.#options.openTasksMax) this.#evictOpen();
    const task: LiveTask = {
      key,
      kind: type === stepStarted ? 'step' : 'task',
      run,
      runId: run === noSlot ? '' : this.#runs.id(run),
      tenant: texts[openings[at + openingPlaces.tenant]!]!,
      agent: texts[openings[at + openingPlaces.agent]!]!,
      name,
      taskId: ids.toString('utf8', openings[at + openingPlaces.idOffset], openings[at + openingPlaces.idEnd]),
      status: deed === deeds.openPending ? 'pending' : 'running',
      startedMs,
      heardMs: nowMs,
      older: null,
      newer: null,
    };
    this.#open.add(task);
    if (run !== noSlot) this.#runs.addOpen(run, task);
  }

  /** What was open in a run that ended is no longer running, whatever became of it. */
  #endRun(key: number, type: number, run: number, nowMs: number): void {
    this.#ended.remember(key);
    const status = endOfRun[type];
    if (run === noSlot || status === undefined || !this.#runs.isRunning(run)) return;
    this.#runs.end(run, status, nowMs);
    this.#closeAll(run);
  }

  #closeAll(run: number): void {
    for (const task of this.#runs.openOf(run)) this.#close(task);
  }

  #close(task: LiveTask): void {
    this.#open.remove(task);
    if (task.run !== noSlot) this.#runs.removeOpen(task.run, task);
  }

  #heard(tenant: string, agent: string, nowMs: number): void {
    const key = agentKey(tenant, agent);
    if (this.#heartbeats.size < this.#options.runsMax || this.#heartbeats.has(key)) this.#heartbeats.set(key, nowMs);
    else this.#instruments.evicted.inc({ kind: 'heartbeat' });
  }

  #evictRun(nowMs: number): void {
    const { oldest } = this.#runs;
    if (oldest === noSlot) return;
    if (this.#runs.isRunning(oldest)) this.#instruments.evicted.inc({ kind: 'run' });
    // A batch of more runs than there may be pushes out runs of its own.
    const index = this.#runs.heardMs(oldest) === nowMs ? this.#batchRuns.indexOf(oldest) : -1;
    if (index >= 0) this.#batchRuns[index] = noSlot;
    this.#forget(oldest);
  }

  #evictOpen(): void {
    const { oldest } = this.#open;
    if (oldest === null) return;
    this.#instruments.evicted.inc({ kind: oldest.kind });
    this.#close(oldest);
  }

  #forget(run: number): void {
    this.#closeAll(run);
    this.#changed.delete(run);
    this.#runs.remove(run);
  }

  /** Lets ended runs go, and what was not heard of within its lease. Called every few seconds. */
  sweep(nowMs: number): void {
    const sinceMs = nowMs - this.#options.leaseMs;
    for (let slot = this.#runs.oldest; slot !== noSlot; ) {
      const next = this.#runs.newerThan(slot);
      if (!this.#runs.isRunning(slot)) {
        if (nowMs - this.#runs.endedMs(slot) >= endedKeptMs) this.#forget(slot);
      } else if (this.#runs.heardMs(slot) < sinceMs && !this.#anyHeard(slot, sinceMs)) {
        this.#instruments.orphaned.inc({ kind: 'run' });
        this.#forget(slot);
      }
      slot = next;
    }
    for (const task of this.#open.values()) {
      if (task.run !== noSlot || task.heardMs >= sinceMs) continue;
      if ((this.#heartbeats.get(agentKey(task.tenant, task.agent)) ?? 0) >= sinceMs) continue;
      this.#instruments.orphaned.inc({ kind: task.kind });
      this.#close(task);
    }
    for (const [key, heardMs] of this.#heartbeats) if (heardMs < sinceMs) this.#heartbeats.delete(key);
  }

  #anyHeard(slot: number, sinceMs: number): boolean {
    const tenant = this.#runs.tenant(slot);
    return this.#runs.agents(slot).some((agent) => (this.#heartbeats.get(agentKey(tenant, agent)) ?? 0) >= sinceMs);
  }
}

interface Opening {
  readonly batch: LifecycleChanges;
  readonly at: number;
  readonly ids: Buffer;
  readonly nowMs: number;
}

function agentKey(tenant: string, agent: string): string {
  return `${tenant}\n${agent}`;
}
