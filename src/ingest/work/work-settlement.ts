import { crc32 } from 'node:zlib';
import type { DecodedBatch } from '../../core/event-batch.js';
import type { IngestInstruments } from '../../core/instruments.js';
import { runFields, runPlaces } from '../../core/live-batch.js';
import { namingFields, namingPlaces, type WorkCells, workFields, workPlaces, workSays } from '../../core/work-rows.js';
import type { PendingBatch } from '../pending-batch.js';
import type { PendingFrame } from '../pending-frame.js';
import { addDurations } from './late-durations.js';
import type { OpenWork } from './open-starts.js';
import type { WorkMemory } from './work-memory.js';

export interface SettlementDeps {
  readonly work: WorkMemory;
  readonly instruments: Pick<
    IngestInstruments,
    'endsConflicting' | 'endsWithoutStart' | 'runsInferred' | 'settlementsCut'
  >;
}

/** What one decode finds out may tell the next one more: a run, then an end that contradicts another of that run. */
const settlementsMax = 8;

/**
 * Tells the memory of what is under way what starts and ends in a batch, just before its append, and tells the batch
 * what it left out: the start and the duration of an end go into cells of its block, and into its window slices. True
 * when something else turned out, what an event left out or an end that contradicts an earlier one: the batch must be
 * decoded again and settled then.
 */
export function settleWork(batch: PendingBatch, decoded: DecodedBatch, deps: SettlementDeps): boolean {
  const settlement = new Settlement(batch, decoded, deps);
  settlement.run();
  batch.settlements += 1;
  if (settlement.again && batch.settlements < settlementsMax) {
    unsettleWork(batch, deps.work);
    return true;
  }
  if (settlement.again) deps.instruments.settlementsCut.inc();
  settlement.finish();
  return false;
}

/** The ends of a batch that is not kept, or not as it was, did not happen. */
export function unsettleWork(batch: PendingBatch, work: WorkMemory): void {
  if (batch.settledWork === null) return;
  const { attempts } = batch.settledWork;
  batch.settledWork = null;
  const heardMs = batch.mustReceipt().receivedMs;
  for (let at = attempts.length - workFields; at >= 0; at -= workFields) {
    if ((attempts[at + workPlaces.says]! & workSays.taken) === 0) continue;
    const startedMs = attempts[at + workPlaces.momentMs]!;
    const name = attempts[at + workPlaces.name]!;
    work.reopen(attempts[at + workPlaces.key]!, {
      startedMs,
      heardMs,
      name,
      stepKind: attempts[at + workPlaces.stepKind]!,
    });
  }
}

/** Of 128 starts and ends. */
const numbersFetched = 128 * workFields;

class Settlement {
  readonly #batch: PendingBatch;
  readonly #decoded: DecodedBatch;
  readonly #deps: SettlementDeps;
  readonly #cells: CellWriter | null;
  /** Durations found, by index of the slice. */
  readonly #durations = new Map<number, number[]>();
  /** Tasks that end in this batch by an event that leaves out the run. */
  readonly #closed = new Set<number>();
  /** By index of the text. */
  readonly #nameNumbers: number[] = [];
  readonly #opened: OpenWork;
  #withoutStart = 0;
  again = false;

  constructor(batch: PendingBatch, decoded: DecodedBatch, deps: SettlementDeps) {
    this.#batch = batch;
    this.#decoded = decoded;
    this.#deps = deps;
    const { receivedMs } = batch.mustReceipt();
    this.#opened = { startedMs: 0, heardMs: receivedMs, name: -1, stepKind: 0 };
    const { cells } = decoded.work;
    this.#cells = cells === null ? null : new CellWriter(decoded.rows, cells);
    batch.settledWork = decoded.work;
  }

  /** Hot path: a loop over the starts and ends, and over the events that tell or leave out a run, by row. */
  run(): void {
    const { attempts, namings } = this.#decoded.work;
    let naming = 0;
    let fetchedTo = 0;
    for (let at = 0; at < attempts.length; at += workFields) {
      if (at === fetchedTo) {
        fetchedTo = Math.min(attempts.length, at + numbersFetched);
        this.#deps.work.prefetch(attempts, at + workPlaces.key, fetchedTo, workFields);
      }
      const row = attempts[at + workPlaces.row]!;
      for (; naming < namings.length && namings[naming + namingPlaces.row]! <= row; naming += namingFields) {
        this.#name(naming);
      }
      this.#attempt(at, row);
    }
    for (; naming < namings.length; naming += namingFields) this.#name(naming);
  }

  #attempt(at: number, row: number): void {
    const { attempts } = this.#decoded.work;
    const key = attempts[at + workPlaces.key]!;
    const says = attempts[at + workPlaces.says]!;
    const momentMs = attempts[at + workPlaces.momentMs]!;
    if ((says & workSays.starts) !== 0) {
      this.#start(at, key, momentMs);
      return;
    }
    if ((says & workSays.conflicts) !== 0) return;
    const { conflicts, startedMs, name, stepKind } = this.#deps.work.end(key, momentMs);
    if (conflicts) {
      this.#conflict(row);
      return;
    }
    // So that it can be taken back. A list of them a batch would be most of what this thread's collector has to copy.
    attempts[at + workPlaces.says] = says | workSays.taken;
    attempts[at + workPlaces.momentMs] = startedMs;
    attempts[at + workPlaces.name] = name;
    attempts[at + workPlaces.stepKind] = stepKind;
    if ((says & workSays.lacksName) !== 0 && name >= 0) this.#fillName(row, name, stepKind);
    if ((says & (workSays.lacksStart | workSays.lacksDuration)) === 0) return;
    if (Number.isNaN(startedMs)) {
      if ((says & workSays.lacksDuration) !== 0) this.#withoutStart++;
      return;
    }
    this.#fill({ row, says, startedMs, durationMs: momentMs - startedMs, slice: attempts[at + workPlaces.slice]! });
  }

  #start(at: number, key: number, startedMs: number): void {
    const { attempts } = this.#decoded.work;
    const opened = this.#opened;
    opened.startedMs = startedMs;
    opened.name = this.#numberOf(attempts[at + workPlaces.name]!);
    opened.stepKind = attempts[at + workPlaces.stepKind]!;
    this.#deps.work.start(key, opened);
  }

  /** The number of a name of the batch, looked up once. */
  #numberOf(text: number): number {
    if (text < 0) return -1;
    this.#nameNumbers[text] ??= this.#deps.work.numberOf(this.#decoded.lifecycle.texts[text] ?? '');
    return this.#nameNumbers[text];
  }

  #fillName(row: number, name: number, stepKind: number): void {
    const event = this.#decoded.work.events[row]!;
    this.#frameOf(row).contexts.push({ event, name: this.#deps.work.nameOf(name), stepKind });
    this.again = true;
  }

  #fill(end: { row: number; says: number; startedMs: number; durationMs: number; slice: number }): void {
    const { row, says, startedMs, durationMs, slice } = end;
    // Clocks that disagree tell no duration, and no start before the end.
    if (durationMs < 0) return;
    if ((says & workSays.lacksStart) !== 0) this.#cells?.start(row, startedMs);
    if ((says & workSays.lacksDuration) === 0) return;
    this.#cells?.duration(row, durationMs);
    if (slice < 0) return;
    const durations = this.#durations.get(slice);
    if (durations === undefined) this.#durations.set(slice, [durationMs]);
    else durations.push(durationMs);
  }

  #name(at: number): void {
    const { work, lifecycle } = this.#decoded;
    const alias = work.namings[at + namingPlaces.alias]!;
    const run = work.namings[at + namingPlaces.run]!;
    if (run >= 0) {
      this.#closed.delete(alias);
      const place = run * runFields;
      const runKey = lifecycle.runs[place + runPlaces.key]!;
      this.#deps.work.tellRun(alias, work.namings[at + namingPlaces.key]!, runKey, () => {
        const { idOffset, idEnd } = runPlaces;
        return decoder.decode(
          lifecycle.ids.subarray(lifecycle.runs[place + idOffset]!, lifecycle.runs[place + idEnd]!),
        );
      });
      return;
    }
    const attempt = work.namings[at + namingPlaces.attempt]!;
    const named = attempt <= 1 && this.#closed.has(alias) ? null : this.#deps.work.runOf(alias, attempt);
    if (named === null) return;
    const row = work.namings[at + namingPlaces.row]!;
    // What follows the end of a task in this batch is no longer of its run, but for a further attempt; the memory does
    // not know yet.
    if (work.namings[at + namingPlaces.ends] === 1) this.#closed.add(alias);
    else if (attempt > 1) this.#closed.delete(alias);
    this.#frameOf(row).contexts.push({ event: work.events[row]!, runId: named.runId });
    this.again = true;
  }

  #conflict(row: number): void {
    this.#frameOf(row).conflictingEvents.push(this.#decoded.work.events[row]!);
    this.#deps.instruments.endsConflicting.inc();
    this.again = true;
  }

  #frameOf(row: number): PendingFrame {
    let rows = 0;
    for (const frame of this.#batch.frames) {
      rows += frame.fault === null ? (frame.result?.rows ?? 0) : 0;
      if (row < rows) return frame;
    }
    throw new RangeError(`cannot find frame of row ${row}: the batch has ${rows} rows`);
  }

  finish(): void {
    const { slices, rows, rowsCrc } = this.#decoded;
    for (const [slice, durations] of this.#durations) addDurations(slices[slice]!, durations);
    this.#batch.rowsCrc = rowsCrc ?? crc32(rows);
    if (this.#withoutStart > 0) this.#deps.instruments.endsWithoutStart.inc(this.#withoutStart);
    const inferred = this.#batch.frames.reduce(
      (sum, frame) => sum + frame.contexts.filter(({ runId }) => runId !== undefined).length,
      0,
    );
    if (inferred > 0) this.#deps.instruments.runsInferred.inc(inferred);
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Writes cells of the columns `started_at` (DateTime64(3), ms) and `duration_ms` (Float64), both nullable. */
class CellWriter {
  readonly #rows: Uint8Array;
  readonly #view: DataView;
  readonly #cells: WorkCells;

  constructor(rows: Uint8Array, cells: WorkCells) {
    this.#rows = rows;
    this.#view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    this.#cells = cells;
  }

  start(row: number, ms: number): void {
    this.#rows[this.#cells.startedNulls + row] = 0;
    const at = this.#cells.startedValues + 8 * row;
    this.#view.setUint32(at, ms % 0x1_0000_0000, true);
    this.#view.setUint32(at + 4, Math.floor(ms / 0x1_0000_0000), true);
  }

  duration(row: number, ms: number): void {
    this.#rows[this.#cells.durationNulls + row] = 0;
    this.#view.setFloat64(this.#cells.durationValues + 8 * row, ms, true);
  }
}
