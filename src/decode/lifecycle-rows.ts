import { type EventType, eventTypes, terminalTypes, usageScopes } from '../core/event-types.js';
import { KeyTable } from '../core/key-table.js';
import {
  fingerprintKey,
  type LifecycleChanges,
  noLifecycle,
  noRun,
  openingFields,
  openingPlaces,
  runFields,
  runPlaces,
  runSums,
  subjectFields,
} from '../core/live-batch.js';
import { type WorkRows, workSays } from '../core/work-rows.js';
import { equalRanges } from './byte-range.js';
import type { DictionaryColumn } from './columns/dictionary-column.js';
import type { EnumColumn, Float64Column, Uint16Column } from './columns/number-columns.js';
import type { TextColumn, TextCursor } from './columns/text-column.js';
import type { Word64Column } from './columns/word64-column.js';
import type { EventBlock } from './event-block.js';
import { fieldIndex } from './field-table.js';
import { GrowingList, IdList } from './growing-list.js';
import { RowKeys } from './row-keys.js';
import type { SideBuffer } from './side-buffer.js';
import { wide } from './wide-hash.js';
import type { LackingDurations } from './window-slices.js';
import { attemptKey } from './work-keys.js';
import { WorkList } from './work-list.js';

/** What an event of a type says of its subject, as bits. */
const says = { run: 1, task: 2, step: 4, starts: 8, usage: 16, heartbeat: 32, pending: 64, failure: 128 } as const;
const subjectBits = says.run | says.task | says.step;

const saidByType = (() => {
  const table: number[] = Array.from({ length: 128 }, () => 0);
  const starts: readonly EventType[] = ['run.started', 'task.pending', 'task.running', 'step.started'];
  for (const [type, code] of Object.entries(eventTypes)) {
    const subject = type.slice(0, type.indexOf('.'));
    if (subject === 'run' || subject === 'task' || subject === 'step') table[code]! |= says[subject];
    if (starts.includes(type as EventType)) table[code]! |= says.starts;
    if ((terminalTypes as readonly string[]).includes(type)) table[code]! |= says.usage;
    if (type.endsWith('.failed')) table[code]! |= says.failure;
  }
  table[eventTypes.heartbeat]! |= says.heartbeat;
  table[eventTypes['task.pending']]! |= says.pending;
  return table;
})();

/** Which sum of its run an end adds to; `events`, to which nothing is added here, when it is none. */
const sumByType = (() => {
  const table: number[] = Array.from({ length: 128 }, () => 0);
  table[eventTypes['task.completed']] = runSums.tasksCompleted;
  table[eventTypes['task.failed']] = runSums.tasksFailed;
  table[eventTypes['task.cancelled']] = runSums.tasksCancelled;
  table[eventTypes['step.completed']] = runSums.stepsCompleted;
  table[eventTypes['step.failed']] = runSums.stepsFailed;
  return table;
})();

const fields = {
  type: fieldIndex('type'),
  agentId: fieldIndex('agent_id'),
  runId: fieldIndex('run_id'),
  taskId: fieldIndex('task_id'),
  stepId: fieldIndex('step_id'),
  ts: fieldIndex('ts'),
  startedAt: fieldIndex('started_at'),
  endedAt: fieldIndex('ended_at'),
  durationMs: fieldIndex('duration_ms'),
  attempt: fieldIndex('attempt'),
  name: fieldIndex('name'),
  stepKind: fieldIndex('step_kind'),
  tokensIn: fieldIndex('tokens_in'),
  tokensOut: fieldIndex('tokens_out'),
  costMicros: fieldIndex('cost_micros'),
  usageScope: fieldIndex('usage_scope'),
} as const;

/**
 * Finds what starts and ends in a batch. One instance a thread: its lists are reused. Runs over the finished columns,
 * as the window slices do. A run is known by its id; a task by its run, or by its agent if it names none, and its id; a
 * step by its task (or else run, or agent), its id and its attempt.
 */
export class LifecycleRows {
  readonly #runs = new GrowingList(Float64Array, 64 * runFields);
  readonly #subjects = new GrowingList(Uint32Array, 1_024 * subjectFields);
  readonly #openings = new GrowingList(Float64Array, 64 * openingFields);
  readonly #heartbeats = new GrowingList(Uint32Array, 64);
  readonly #ids = new IdList();
  readonly #runIndexes = new KeyTable();
  readonly #work = new WorkList();

  /** What `changes` found last, for the memory of what is under way. */
  work(block: EventBlock, events: Uint32Array, side: SideBuffer): WorkRows {
    return this.#work.copy(block, events, side);
  }

  changes(block: EventBlock, lacking: LackingDurations, side: SideBuffer): LifecycleChanges {
    this.#work.begin(lacking);
    if (block.rows === 0) return noLifecycle;
    this.#runIndexes.clear();
    for (const list of [this.#runs, this.#subjects, this.#openings, this.#heartbeats, this.#ids]) list.clear();
    const pass = new BatchPass(block, {
      runs: this.#runs,
      subjects: this.#subjects,
      openings: this.#openings,
      heartbeats: this.#heartbeats,
      ids: this.#ids,
      runIndexes: this.#runIndexes,
      work: this.#work,
    });
    pass.read();
    return {
      texts: pass.texts,
      ids: this.#ids.copy(side),
      runs: this.#runs.copy(side),
      subjects: this.#subjects.copy(side),
      openings: this.#openings.copy(side),
      heartbeats: this.#heartbeats.copy(side),
    };
  }
}

interface Lists {
  readonly runs: GrowingList<Float64Array>;
  readonly subjects: GrowingList<Uint32Array>;
  readonly openings: GrowingList<Float64Array>;
  readonly heartbeats: GrowingList<Uint32Array>;
  readonly ids: IdList;
  /** Place of a run in `runs`, by fingerprint and agent. */
  readonly runIndexes: KeyTable;
  readonly work: WorkList;
}

class BatchPass {
  readonly texts: string[] = [];
  readonly #block: EventBlock;
  readonly #lists: Lists;
  readonly #types: Int8Array;
  readonly #scopes: Int8Array;
  readonly #attempts: Uint16Array;
  readonly #stepKinds: Int8Array;
  readonly #agents: DictionaryColumn;
  readonly #names: DictionaryColumn;
  readonly #times: Word64Column;
  readonly #starts: Word64Column;
  readonly #ends: Word64Column;
  readonly #durationNulls: Uint8Array;
  readonly #conflicts: Int8Array;
  readonly #tokensIn: Word64Column;
  readonly #tokensOut: Word64Column;
  readonly #costs: Word64Column;
  readonly #runIds: TextCursor;
  readonly #taskIds: TextCursor;
  readonly #stepIds: TextCursor;
  /** Index in `texts` by key of each dictionary, -1 until it is needed. */
  readonly #tenantTexts: number[];
  readonly #agentTexts: number[];
  readonly #nameTexts: number[];
  readonly #keys: RowKeys;
  readonly #runIndexes: KeyTable;
  /** The run of the row before: rows of one run mostly come together. */
  #lastRun: number = noRun;
  #lastOffset = 0;
  #lastLength = -1;
  #lastAgent = -1;
  #lastTenant = -1;

  constructor(block: EventBlock, lists: Lists) {
    this.#block = block;
    this.#lists = lists;
    this.#runIndexes = lists.runIndexes;
    this.#types = (block.column(fields.type) as EnumColumn).values;
    this.#scopes = (block.column(fields.usageScope) as EnumColumn).values;
    this.#attempts = (block.column(fields.attempt) as Uint16Column).values;
    this.#stepKinds = (block.column(fields.stepKind) as EnumColumn).values;
    this.#agents = block.column(fields.agentId) as DictionaryColumn;
    this.#names = block.column(fields.name) as DictionaryColumn;
    this.#times = block.column(fields.ts) as Word64Column;
    this.#starts = block.column(fields.startedAt) as Word64Column;
    this.#ends = block.column(fields.endedAt) as Word64Column;
    this.#durationNulls = (block.column(fields.durationMs) as Float64Column).nulls;
    this.#conflicts = block.conflicts;
    this.#tokensIn = block.column(fields.tokensIn) as Word64Column;
    this.#tokensOut = block.column(fields.tokensOut) as Word64Column;
    this.#costs = block.column(fields.costMicros) as Word64Column;
    this.#runIds = (block.column(fields.runId) as TextColumn).cursor();
    this.#taskIds = (block.column(fields.taskId) as TextColumn).cursor();
    this.#stepIds = (block.column(fields.stepId) as TextColumn).cursor();
    this.#tenantTexts = Array.from({ length: block.tenants.keyCount }, () => -1);
    this.#agentTexts = Array.from({ length: this.#agents.keyCount }, () => -1);
    this.#nameTexts = Array.from({ length: this.#names.keyCount }, () => -1);
    this.#keys = new RowKeys(block, this.#agents, this.#attempts);
  }

  /** Hot path: a loop over the rows. */
  read(): void {
    const { rows } = this.#block;
    for (let row = 0; row < rows; row++) {
      const said = saidByType[this.#types[row]!]!;
      this.#runIds.seek(row);
      this.#taskIds.seek(row);
      const hasRun = this.#runIds.length > 0;
      const tenant = this.#block.tenants.keyAt(row);
      const run = hasRun ? this.#runOf(row, tenant) : noRun;
      if (hasRun) this.#addToRun(run, row, said);
      else if (this.#taskIds.length > 0) this.#askForRun(row, tenant, said);
      if ((said & subjectBits) !== 0) this.#addSubject(row, said, tenant, run);
      if (!hasRun && (said & (says.run | says.task)) === 0) this.#renew(row, said, tenant);
    }
  }

  #runOf(row: number, tenant: number): number {
    const { source, offset, length } = this.#runIds;
    const agent = this.#agents.keyAt(row);
    const isLast =
      agent === this.#lastAgent &&
      tenant === this.#lastTenant &&
      length === this.#lastLength &&
      equalRanges(source, offset, source, this.#lastOffset, length);
    if (isLast) return this.#lastRun;
    this.#keys.hashRun(this.#runIds, tenant);
    this.#lastOffset = offset;
    this.#lastLength = length;
    this.#lastAgent = agent;
    this.#lastTenant = tenant;
    // A run rarely has several agents in one batch; the product keeps them apart within 53 bits often enough.
    const key = fingerprintKey(wide.low ^ Math.imul(agent, 0x9e37_79b1), wide.high);
    const known = this.#runIndexes.get(key);
    this.#lastRun = known >= 0 ? known : this.#openRun(key, tenant, agent);
    return this.#lastRun;
  }

  #openRun(key: number, tenant: number, agent: number): number {
    const { runs, ids } = this.#lists;
    const index = runs.length / runFields;
    this.#runIndexes.add(key, index);
    const at = runs.extend(runFields);
    const { values } = runs;
    values[at + runPlaces.key] = fingerprintKey(this.#keys.runLow, this.#keys.runHigh);
    values[at + runPlaces.tenant] = this.#textOf(this.#tenantTexts, this.#block.tenants, tenant);
    values[at + runPlaces.agent] = this.#textOf(this.#agentTexts, this.#agents, agent);
    values[at + runPlaces.idOffset] = ids.length;
    values[at + runPlaces.idEnd] = ids.append(this.#runIds);
    return index;
  }

  #addToRun(run: number, row: number, said: number): void {
    const { values } = this.#lists.runs;
    const at = run * runFields;
    const sums = at + runPlaces.sums;
    values[sums + runSums.events]! += 1;
    const ms = this.#times.valueAt(row);
    if (ms > values[at + runPlaces.lastMs]!) values[at + runPlaces.lastMs] = ms;
    if ((said & says.usage) === 0 || this.#conflicts[row] !== 0) return;
    const sum = sumByType[this.#types[row]!]!;
    if (sum !== runSums.events) values[sums + sum]! += 1;
    if (this.#scopes[row] !== usageScopes.own) return;
    const tokensIn = this.#tokensIn.valueAt(row);
    const tokensOut = this.#tokensOut.valueAt(row);
    values[sums + runSums.tokensIn]! += tokensIn;
    values[sums + runSums.tokensOut]! += tokensOut;
    if (this.#costs.isNull(row)) {
      values[sums + runSums.tokensUnpriced]! += tokensIn + tokensOut;
      return;
    }
    values[sums + runSums.costMicros]! += this.#costs.valueAt(row);
    values[sums + runSums.costReports]! += 1;
  }

  #addSubject(row: number, said: number, tenant: number, run: number): void {
    if ((said & says.run) !== 0) {
      wide.low = this.#keys.runLow;
      wide.high = this.#keys.runHigh;
    } else if ((said & says.task) !== 0) {
      this.#keys.hashTask(this.#taskIds, row, tenant, run);
    } else {
      this.#stepIds.seek(row);
      this.#keys.hashStep(this.#taskIds, this.#stepIds, row, tenant, run);
    }
    this.#pushSubject(this.#types[row]!, run);
    // Steps are told apart by their attempt already.
    const attempt = (said & says.step) !== 0 ? 1 : Math.max(1, this.#attempts[row]!);
    const key = attemptKey(attempt);
    if ((said & says.usage) !== 0) this.#pushEnd(row, said, key);
    else if ((said & says.pending) === 0) this.#pushStart(row, key);
    if ((said & says.starts) === 0) return;
    if ((said & says.task) !== 0 && run !== noRun) this.#tellRun(row, tenant, run, key);
    this.#pushOpening(row, said, tenant);
  }

  #startedMs(row: number): number {
    const startedMs = this.#starts.valueAt(row);
    return startedMs > 0 ? startedMs : this.#times.valueAt(row);
  }

  #pushStart(row: number, key: number): void {
    const name = this.#names.keyAt(row);
    const text = name === 0 ? -1 : this.#textOf(this.#nameTexts, this.#names, name);
    this.#lists.work.start(key, row, this.#startedMs(row), text, this.#stepKinds[row]!);
  }

  #pushEnd(row: number, said: number, key: number): void {
    const endedMs = this.#ends.valueAt(row);
    let lacks = 0;
    if (this.#starts.valueAt(row) === 0) lacks |= workSays.lacksStart;
    if (this.#durationNulls[row] !== 0) lacks |= workSays.lacksDuration;
    if (this.#conflicts[row] !== 0) lacks |= workSays.conflicts;
    if ((said & says.failure) !== 0 && this.#names.keyAt(row) === 0) lacks |= workSays.lacksName;
    const isExecution = (said & says.task) !== 0;
    this.#lists.work.end(key, row, endedMs > 0 ? endedMs : this.#times.valueAt(row), lacks, isExecution);
  }

  /** A start that tells the run of its task: what leaves it out later is of that run. */
  #tellRun(row: number, tenant: number, run: number, key: number): void {
    const ids = this.#taskIds;
    this.#keys.hashTaskOfAgent(ids, row, tenant);
    this.#lists.work.naming(fingerprintKey(wide.low, wide.high), row, run, key);
  }

  /** An event of a task that leaves out the run. */
  #askForRun(row: number, tenant: number, said: number): void {
    this.#keys.hashTask(this.#taskIds, row, tenant, noRun);
    const at = this.#lists.work.naming(fingerprintKey(wide.low, wide.high), row, -1, 0);
    if ((said & says.task) === 0) return;
    this.#lists.work.ofTask(at, Math.max(1, this.#attempts[row]!), (said & says.usage) !== 0);
  }

  #pushSubject(type: number, run: number): void {
    const { subjects } = this.#lists;
    const at = subjects.extend(subjectFields);
    const { values } = subjects;
    values[at] = wide.low;
    values[at + 1] = wide.high;
    values[at + 2] = type;
    values[at + 3] = run;
  }

  #pushOpening(row: number, said: number, tenant: number): void {
    const { openings, ids } = this.#lists;
    const at = openings.extend(openingFields);
    const { values } = openings;
    values[at + openingPlaces.tenant] = this.#textOf(this.#tenantTexts, this.#block.tenants, tenant);
    values[at + openingPlaces.agent] = this.#textOf(this.#agentTexts, this.#agents, this.#agents.keyAt(row));
    values[at + openingPlaces.name] = this.#textOf(this.#nameTexts, this.#names, this.#names.keyAt(row));
    values[at + openingPlaces.idOffset] = ids.length;
    values[at + openingPlaces.idEnd] = (said & says.task) !== 0 ? ids.append(this.#taskIds) : ids.length;
    values[at + openingPlaces.startedMs] = this.#startedMs(row);
  }

  /** An event without run keeps its task alive; a heartbeat without both keeps all of its agent. */
  #renew(row: number, said: number, tenant: number): void {
    if (this.#taskIds.length > 0) {
      this.#keys.hashTask(this.#taskIds, row, tenant, noRun);
      this.#pushSubject(0, noRun);
    } else if ((said & says.heartbeat) !== 0) {
      const { heartbeats } = this.#lists;
      const at = heartbeats.extend(2);
      heartbeats.values[at] = this.#textOf(this.#tenantTexts, this.#block.tenants, tenant);
      heartbeats.values[at + 1] = this.#textOf(this.#agentTexts, this.#agents, this.#agents.keyAt(row));
    }
  }

  #textOf(indexes: number[], column: DictionaryColumn, key: number): number {
    const known = indexes[key]!;
    if (known >= 0) return known;
    indexes[key] = this.texts.length;
    return this.texts.push(column.keyText(key)) - 1;
  }
}
