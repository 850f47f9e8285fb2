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
/** Bytes of an id that is kept as it came until somebody asks for it; a longer one is a text from the start. */
const idBytesMax = 64;

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
  /** Null: in `#idBytes`. */
  readonly #ids: (string | null)[] = [];
  #idBytes = Buffer.alloc(slotsInitial * idBytesMax);
  readonly #idLengths: number[] = [];
  readonly #names: string[] = [];
  /** The first agent of a run, empty until it is heard of, and all of them when there are several. */
  readonly #firstAgents: string[] = [];
  readonly #agents: (readonly string[] | null)[] = [];
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

  /** Its id lies in `ids` from `idOffset` to `idEnd`. Most runs go without anybody having asked for it. */
  add(key: number, tenant: string, ids: Buffer, idOffset: number, idEnd: number): number {
    const slot = this.#free.pop() ?? this.#used++;
    if (slot * stride >= this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    for (let at = slot * stride; at < (slot + 1) * stride; at++) numbers[at] = 0;
    this.#keys[slot] = key;
    this.#tenants[slot] = tenant;
    this.#keepId(slot, ids, idOffset, idEnd);
    this.#names[slot] = '';
    this.#firstAgents[slot] = '';
    this.#agents[slot] = null;
    this.#states[slot] = 0;
    this.#open[slot] = null;
    this.#slots.add(key, slot);
    this.#append(slot);
    return slot;
  }

  #keepId(slot: number, ids: Buffer, idOffset: number, idEnd: number): void {
    const length = idEnd - idOffset;
    this.#ids[slot] = length > idBytesMax ? ids.toString('utf8', idOffset, idEnd) : null;
    if (length > idBytesMax) return;
    const bytes = this.#idBytes;
    for (let at = 0; at < length; at++) bytes[slot * idBytesMax + at] = ids[idOffset + at]!;
    this.#idLengths[slot] = length;
  }

  /** Nothing may be open in it. */
  remove(slot: number): void {
    this.#unlink(slot);
    this.#slots.remove(this.#keys[slot]!);
    this.#tenants[slot] = '';
    this.#ids[slot] = '';
    this.#names[slot] = '';
    this.#firstAgents[slot] = '';
    this.#agents[slot] = null;
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
    const agent = texts[runs[at + runPlaces.agent]!]!;
    const first = this.#firstAgents[slot]!;
    if (first === '') this.#firstAgents[slot] = agent;
    else if (first !== agent) this.#addAgent(slot, agent);
    if (slot === this.#newest) return;
    this.#unlink(slot);
    this.#append(slot);
  }

  #addAgent(slot: number, agent: string): void {
    const agents = this.agents(slot);
    if (!agents.includes(agent) && agents.length < runAgentsMax) this.#agents[slot] = [...agents, agent];
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
    const known = this.#ids[slot] ?? null;
    if (known !== null) return known;
    const start = slot * idBytesMax;
    const id = this.#idBytes.toString('utf8', start, start + this.#idLengths[slot]!);
    this.#ids[slot] = id;
    return id;
  }

  agents(slot: number): readonly string[] {
    return this.#agents[slot] ?? [this.#firstAgents[slot]!];
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
      runId: this.id(slot),
      agents: this.agents(slot),
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
    const idBytes = Buffer.alloc(2 * this.#idBytes.length);
    idBytes.set(this.#idBytes);
    this.#idBytes = idBytes;
    const older = new Int32Array(2 * this.#older.length);
    older.set(this.#older);
    this.#older = older;
    const newer = new Int32Array(2 * this.#newer.length);
    newer.set(this.#newer);
    this.#newer = newer;
  }
}

const nothingOpen: ReadonlySet<LiveTask> = new Set();
