import type { WindowSlice } from '../core/event-batch.js';
import { durationBucketsMs } from '../core/event-batch.js';
import {
  type ErrorCategory,
  type EventType,
  errorCategories,
  eventTypes,
  terminalTypes,
  usageScopes,
} from '../core/event-types.js';
import { windowSliceMs } from '../core/limits.js';
import type { DictionaryColumn } from './columns/dictionary-column.js';
import type { EnumColumn, Float64Column } from './columns/number-columns.js';
import type { Word64Column } from './columns/word64-column.js';
import { digestDurations } from './duration-digest.js';
import { type EventBlock, sliceFields } from './event-block.js';
import type { GrowingList } from './growing-list.js';

/** What a terminal event counts as: 0 is none, 1 usage only (a run or step), 2… an execution by outcome. */
const roles = { none: 0, usage: 1, completed: 2, failed: 3, cancelled: 4 } as const;

const roleOfType = (() => {
  const table = new Uint8Array(128);
  for (const type of terminalTypes) table[eventTypes[type]] = roles.usage;
  const outcomes: Partial<Record<EventType, number>> = {
    'task.completed': roles.completed,
    'task.failed': roles.failed,
    'task.cancelled': roles.cancelled,
  };
  for (const [type, role] of Object.entries(outcomes)) table[eventTypes[type as EventType]] = role;
  return table;
})();

const categoryNames = Object.entries(errorCategories).reduce<(ErrorCategory | null)[]>((names, [name, code]) => {
  names[code] = name === '' ? null : (name as ErrorCategory);
  return names;
}, []);

/** A slice while rows are added to it. */
interface OpenSlice extends Writable<WindowSlice> {
  errors: Partial<Record<ErrorCategory, number>>;
  readonly tenantKey: number;
  readonly index: number;
  /** Its own place among the slices of the batch. */
  readonly place: number;
  /** Its durations, gathered before they are digested. */
  readonly gathered: number[];
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * What the rows of a batch add to the live windows, grouped by tenant, agent and slice of event time.
 * Runs over the finished columns, once a batch, so that rows of malformed frames are already gone and the
 * groups are small integers: dictionary keys of the block.
 */
export function sliceRows(block: EventBlock, lacking: LackingDurations): WindowSlice[] {
  lacking.clear();
  return block.rows === 0 ? [] : new SliceBuilder(block, lacking).build();
}

/** Of each execution that does not tell its duration, in the order of the rows: the index of its slice. */
export type LackingDurations = GrowingList<Uint32Array>;

class SliceBuilder {
  readonly #block: EventBlock;
  readonly #lacking: LackingDurations;
  readonly #types: EnumColumn;
  readonly #agents: DictionaryColumn;
  readonly #times: Word64Column;
  readonly #durations: Float64Column;
  readonly #usage: readonly Word64Column[];
  readonly #scopes: EnumColumn;
  readonly #categories: EnumColumn;
  readonly #confidence: Float64Column;
  readonly #memory: Float64Column;
  readonly #slices: OpenSlice[] = [];
  readonly #slots = new Map<number, OpenSlice>();
  /** By agent: the slice it had last. Events of an agent mostly come in the order of time, of one tenant. */
  readonly #latest: (OpenSlice | undefined)[];

  constructor(block: EventBlock, lacking: LackingDurations) {
    this.#block = block;
    this.#lacking = lacking;
    this.#types = block.column(sliceFields.type) as EnumColumn;
    this.#agents = block.column(sliceFields.agentId) as DictionaryColumn;
    this.#times = block.column(sliceFields.ts) as Word64Column;
    this.#durations = block.column(sliceFields.durationMs) as Float64Column;
    const { llmCalls, tokensIn, tokensOut, costMicros } = sliceFields;
    this.#usage = [llmCalls, tokensIn, tokensOut, costMicros].map((field) => block.column(field) as Word64Column);
    this.#scopes = block.column(sliceFields.usageScope) as EnumColumn;
    this.#categories = block.column(sliceFields.errorCategory) as EnumColumn;
    this.#confidence = block.column(sliceFields.confidence) as Float64Column;
    this.#memory = block.column(sliceFields.memoryMb) as Float64Column;
    this.#latest = new Array<OpenSlice | undefined>(this.#agents.keyCount).fill(undefined);
  }

  /** Hot path: a loop over the rows. */
  build(): WindowSlice[] {
    const { rows } = this.#block;
    const types = this.#types.values;
    const scopes = this.#scopes.values;
    const { conflicts } = this.#block;
    for (let row = 0; row < rows; row++) {
      const role = roleOfType[types[row]!]!;
      if (role === roles.none || conflicts[row] !== 0) continue;
      const slice = this.#sliceOf(row);
      if (scopes[row] === usageScopes.own) this.#addUsage(slice, row);
      if (role !== roles.usage) this.#addExecution(slice, row, role);
    }
    return this.#slices.map(closeSlice);
  }

  #sliceOf(row: number): OpenSlice {
    const tenantKey = this.#block.tenants.keyAt(row);
    const agentKey = this.#agents.keyAt(row);
    const index = Math.floor(this.#times.valueAt(row) / windowSliceMs);
    const latest = this.#latest[agentKey];
    if (latest !== undefined && latest.index === index && latest.tenantKey === tenantKey) return latest;
    const slice = this.#findOrOpen(tenantKey, agentKey, index);
    this.#latest[agentKey] = slice;
    return slice;
  }

  #findOrOpen(tenantKey: number, agentKey: number, index: number): OpenSlice {
    // Below 2^53: slices up to the year 2299 need 31 bits, and a batch has fewer than 2^22 tenants times agents.
    const key = (tenantKey * this.#agents.keyCount + agentKey) * 0x8000_0000 + index;
    let slice = this.#slots.get(key);
    if (slice === undefined) {
      const tenant = this.#block.tenants.keyText(tenantKey);
      const agentId = this.#agents.keyText(agentKey);
      slice = openSlice({ tenant, tenantKey, agentId, index, place: this.#slices.length });
      this.#slots.set(key, slice);
      this.#slices.push(slice);
    }
    return slice;
  }

  #addUsage(slice: OpenSlice, row: number): void {
    const [llmCalls, tokensIn, tokensOut, costMicros] = this.#usage;
    const rowIn = tokensIn!.valueAt(row);
    const rowOut = tokensOut!.valueAt(row);
    slice.llmCalls += llmCalls!.valueAt(row);
    slice.tokensIn += rowIn;
    slice.tokensOut += rowOut;
    if (costMicros!.isNull(row)) slice.tokensUnpriced += rowIn + rowOut;
    else slice.costMicros = (slice.costMicros ?? 0) + costMicros!.valueAt(row);
  }

  #addExecution(slice: OpenSlice, row: number, role: number): void {
    if (role === roles.completed) slice.completed++;
    else if (role === roles.failed) slice.failed++;
    else slice.cancelled++;
    if (this.#durations.nulls[row] === 0) addDuration(slice, this.#durations.values[row]!);
    else this.#lacking.push(slice.place);
    const category = categoryNames[this.#categories.values[row]!];
    if (category != null) slice.errors[category] = (slice.errors[category] ?? 0) + 1;
    if (this.#confidence.nulls[row] === 0) {
      slice.confidenceSum += this.#confidence.values[row]!;
      slice.confidenceCount++;
    }
    if (this.#memory.nulls[row] === 0) slice.memoryMbMax = Math.max(slice.memoryMbMax, this.#memory.values[row]!);
  }
}

function addDuration(slice: OpenSlice, durationMs: number): void {
  slice.gathered.push(durationMs);
  slice.durationSumMs += durationMs;
  if (durationMs < slice.durationMinMs) slice.durationMinMs = durationMs;
  if (durationMs > slice.durationMaxMs) slice.durationMaxMs = durationMs;
  let bucket = 0;
  while (bucket < durationBucketsMs.length && durationMs > durationBucketsMs[bucket]!) bucket++;
  slice.durationBuckets[bucket]!++;
}

/** Every field by itself: an object made by a spread costs a microsecond more. */
function openSlice(key: Pick<OpenSlice, 'tenant' | 'tenantKey' | 'agentId' | 'index' | 'place'>): OpenSlice {
  return {
    tenant: key.tenant,
    tenantKey: key.tenantKey,
    agentId: key.agentId,
    index: key.index,
    place: key.place,
    sliceMs: key.index * windowSliceMs,
    completed: 0,
    failed: 0,
    cancelled: 0,
    durations: noDurations,
    gathered: [],
    durationSumMs: 0,
    durationMinMs: Number.POSITIVE_INFINITY,
    durationMaxMs: Number.NEGATIVE_INFINITY,
    durationBuckets: new Uint32Array(durationBucketsMs.length + 1),
    llmCalls: 0,
    tokensIn: 0,
    tokensOut: 0,
    costMicros: null,
    tokensUnpriced: 0,
    errors: {},
    confidenceSum: 0,
    confidenceCount: 0,
    memoryMbMax: 0,
  };
}

const noDurations = new Float64Array(0);

/** The slice without what only its making needs. */
function closeSlice(slice: OpenSlice): WindowSlice {
  return {
    tenant: slice.tenant,
    agentId: slice.agentId,
    sliceMs: slice.sliceMs,
    completed: slice.completed,
    failed: slice.failed,
    cancelled: slice.cancelled,
    durations: digestDurations(slice.gathered),
    durationSumMs: slice.durationSumMs,
    durationMinMs: slice.durationMinMs,
    durationMaxMs: slice.durationMaxMs,
    durationBuckets: slice.durationBuckets,
    llmCalls: slice.llmCalls,
    tokensIn: slice.tokensIn,
    tokensOut: slice.tokensOut,
    costMicros: slice.costMicros,
    tokensUnpriced: slice.tokensUnpriced,
    errors: slice.errors,
    confidenceSum: slice.confidenceSum,
    confidenceCount: slice.confidenceCount,
    memoryMbMax: slice.memoryMbMax,
  };
}
