import { KeyTable } from '../core/key-table.js';
import { type LifecycleChanges, runPlaces, runSumCount, runSums } from '../core/live-batch.js';
import type { LiveTask, RunState, RunStatus, StateCounts } from './live-run.js';

/** Behind the sums of a run: what else is a number. */
const places = { startedMs: runSumCount, lastMs: runSumCount + 1, heardMs: runSumCount + 2, endedMs: runSumCount + 3 };
const stride = runSumCount + 4;
const slotsInitial = 256;
/** Agents of one run by which a filter finds it. */
const runAgentsMax = 64;
const statuses: readonly RunStatus[] = ['running', 'completed', 'failed', 'cancelled'];
const none = -1;

/**
 * Runs as rows of parallel arrays, reused when a run goes: as objects they cost the garbage collector more than all
 * else. A doubly linked list keeps them in the order in which they were last heard of; a Map from which the first is
 * deleted again and again searches longer and longer for its first.
 */
export class RunTable {
  readonly #slots = new KeyTable();
  readonly #free: number[] = [];
  #used = 0;
  #numbers = new Float64Array(slotsInitial * stride);
  #older = new Int32Array(slotsInitial);
  #newer = new Int32Array(slotsInitial);
  #oldest = none;
  #newest = none;
  readonly #keys: number[] = [];
  readonly #tenants: string[] = [];
  readonly #ids: string[] = [];
  readonly #names: string[] = [];
  readonly #agents: (readonly string[])[] = [];
  readonly #states: number[] = [];
  readonly #open: (Set<LiveTask> | null)[] = [];

  get size(): number {
    return this.#slots.size;
  }

  /** The run longest silent, -1 when there is none. */
  get oldest(): number {
    return this.#oldest;
  }

  /** The one that was heard of next, -1 behind the last. */
  newerThan(slot: number): number {
    return this.#newer[slot]!;
  }

  find(key: number): number {
    return this.#slots.get(key);
  }

  add(key: number, tenant: string, id: string): number {
    const slot = this.#free.pop() ?? this.#used++;
    if (slot * stride >= this.#numbers.length) this.#grow();
    this.#numbers.fill(0, slot * stride, (slot + 1) * stride);
    this.#keys[slot] = key;
    this.#tenants[slot] = tenant;
    this.#ids[slot] = id;
    this.#names[slot] = '';
    this.#agents[slot] = nobody;
    this.#states[slot] = 0;
    this.#open[slot] = null;
    this.#slots.add(key, slot);
    this.#append(slot);
    return slot;
  }

  /** Nothing may be open in it. */
  remove(slot: number): void {
    this.#unlink(slot);
    this.#slots.remove(this.#keys[slot]!);
    this.#tenants[slot] = '';
    this.#ids[slot] = '';
    this.#names[slot] = '';
    this.#agents[slot] = nobody;
    this.#open[slot] = null;
    this.#free.push(slot);
  }

  /** Hot path: once a run and batch. Adds the sums of a run of a batch, which begins at `at`. */
  hear(slot: number, { runs, texts }: LifecycleChanges, at: number, nowMs: number): void {
    const numbers = this.#numbers;
    const base = slot * stride;
    for (let sum = 0; sum < runSumCount; sum++) numbers[base + sum]! += runs[at + runPlaces.sums + sum]!;
    const lastMs = runs[at + runPlaces.lastMs]!;
    if (lastMs > numbers[base + places.lastMs]!) numbers[base + places.lastMs] = lastMs;
    numbers[base + places.heardMs] = nowMs;
    const agents = this.#agents[slot]!;
    const agent = texts[runs[at + runPlaces.agent]!]!;
    if (agents[0] !== agent && !agents.includes(agent) && agents.length < runAgentsMax) {
      this.#agents[slot] = agents.length === 0 ? [agent] : [...agents, agent];
    }
    if (slot === this.#newest) return;
    this.#unlink(slot);
    this.#append(slot);
  }

  start(slot: number, name: string, startedMs: number): void {
    this.#names[slot] = name;
    this.#numbers[slot * stride + places.startedMs] = startedMs;
  }

  end(slot: number, status: RunStatus, nowMs: number): void {
    this.#states[slot] = statuses.indexOf(status);
    this.#numbers[slot * stride + places.endedMs] = nowMs;
  }

  isRunning(slot: number): boolean {
    return this.#states[slot] === 0;
  }

  heardMs(slot: number): number {
    return this.#numbers[slot * stride + places.heardMs]!;
  }

  endedMs(slot: number): number {
    return this.#numbers[slot * stride + places.endedMs]!;
  }

  tenant(slot: number): string {
    return this.#tenants[slot]!;
  }

  id(slot: number): string {
    return this.#ids[slot]!;
  }

  agents(slot: number): readonly string[] {
    return this.#agents[slot]!;
  }

  /** Tasks and steps that are open in it. */
  openOf(slot: number): ReadonlySet<LiveTask> {
    return this.#open[slot] ?? nothingOpen;
  }

  addOpen(slot: number, task: LiveTask): void {
    const open = this.#open[slot] ?? new Set();
    open.add(task);
    this.#open[slot] = open;
  }

  removeOpen(slot: number, task: LiveTask): void {
    this.#open[slot]?.delete(task);
  }

  /** A copy of what is known of it. */
  state(slot: number): RunState {
    const base = slot * stride;
    const number = (place: number): number => this.#numbers[base + place]!;
    const startedMs = number(places.startedMs);
    const tasks: StateCounts = {
      pending: 0,
      running: 0,
      completed: number(runSums.tasksCompleted),
      failed: number(runSums.tasksFailed),
      cancelled: number(runSums.tasksCancelled),
    };
    const stepsCompleted = number(runSums.stepsCompleted);
    const steps = { running: 0, completed: stepsCompleted, failed: number(runSums.stepsFailed) };
    for (const { kind, status } of this.openOf(slot)) {
      if (kind === 'task') tasks[status] += 1;
      else steps.running += 1;
    }
    return {
      runId: this.#ids[slot]!,
      agents: this.#agents[slot]!,
      name: this.#names[slot]!,
      status: statuses[this.#states[slot]!]!,
      startedMs: startedMs === 0 ? null : startedMs,
      lastMs: number(places.lastMs),
      events: number(runSums.events),
      tasks,
      steps,
      tokensIn: number(runSums.tokensIn),
      tokensOut: number(runSums.tokensOut),
      costMicros: number(runSums.costReports) === 0 ? null : number(runSums.costMicros),
      tokensUnpriced: number(runSums.tokensUnpriced),
    };
  }

  #append(slot: number): void {
    this.#older[slot] = this.#newest;
    this.#newer[slot] = none;
    if (this.#newest === none) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
  }

  #unlink(slot: number): void {
    const older = this.#older[slot]!;
    const newer = this.#newer[slot]!;
    if (older === none) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === none) this.#newest = older;
    else this.#older[newer] = older;
  }

  #grow(): void {
    const numbers = new Float64Array(2 * this.#numbers.length);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const older = new Int32Array(2 * this.#older.length);
    older.set(this.#older);
    this.#older = older;
    const newer = new Int32Array(2 * this.#newer.length);
    newer.set(this.#newer);
    this.#newer = newer;
  }
}

const nobody: readonly string[] = [];
const nothingOpen: ReadonlySet<LiveTask> = new Set();
