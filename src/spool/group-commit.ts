import type { Clock, Timer } from '../core/clock.js';
import type { SpoolInstruments } from '../core/instruments.js';
import type { SpoolBatch } from '../core/ports/spool-appender.js';
import type { OpenSegment } from './open-segment.js';
import { LogEncoder } from './segment-log.js';

/** Where group commit reports to. */
export interface GroupOutcomes {
  committed(segment: OpenSegment, rows: number): void;
  /** `segments`: every segment a pending group belonged to, the one that failed first. */
  failed(segments: readonly OpenSegment[], cause: unknown): void;
  /** The error the batches of a failed group are rejected with. */
  rejection(segment: OpenSegment, cause: unknown): Error;
}

export interface PositionUndo {
  restore(low: number, high: number, seq: number): void;
}

class Group {
  readonly segment: OpenSegment;
  readonly dataOffset: number;
  readonly logOffset: number;
  readonly log: LogEncoder;
  readonly chunks: Uint8Array[] = [];
  /** Positions this group advanced: fingerprint low, high and what the position was, one after another. */
  readonly undo: number[] = [];
  readonly durable: Promise<void>;
  dataBytes = 0;
  rows = 0;
  batches = 0;
  due = false;
  resolve!: () => void;
  reject!: (error: Error) => void;

  constructor(segment: OpenSegment, log: LogEncoder) {
    this.segment = segment;
    this.dataOffset = segment.dataBytes;
    this.logOffset = segment.logBytes;
    this.log = log;
    this.durable = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // The appender's callers hold this promise; a rejection nobody waits for is not a defect.
    this.durable.catch(() => {});
  }
}

/**
 * Gathers batches into groups and commits one group after another. While one is being synced the next gathers;
 * it goes when it is old or large enough, or when its segment is closing.
 *
 * When a commit fails, everything pending fails with it: a later frame of a producer must not become durable
 * when an earlier one was not, or the earlier one's resend would be taken for a duplicate.
 */
export class GroupCommit {
  readonly #clock: Clock;
  readonly #instruments: SpoolInstruments;
  readonly #positions: PositionUndo;
  readonly #outcomes: GroupOutcomes;
  readonly #options: { readonly groupAgeMsMax: number; readonly groupBytesMax: number };
  /** The last one gathers. */
  #queue: Group[] = [];
  #committing: Group | null = null;
  #committingSinceMs = 0;
  #timer: Timer | null = null;
  #spareLog: LogEncoder | null = null;
  #idleWaiters: (() => void)[] = [];
  #pendingBytes = 0;

  constructor(
    deps: {
      readonly clock: Clock;
      readonly instruments: SpoolInstruments;
      readonly positions: PositionUndo;
      readonly outcomes: GroupOutcomes;
    },
    options: { readonly groupAgeMsMax: number; readonly groupBytesMax: number },
  ) {
    this.#clock = deps.clock;
    this.#instruments = deps.instruments;
    this.#positions = deps.positions;
    this.#outcomes = deps.outcomes;
    this.#options = options;
  }

  /** Bytes of rows that are not durable yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** How long the group that is being written has been at it; 0 when there is none. */
  get commitMs(): number {
    return this.#committing === null ? 0 : this.#clock.monotonicMs() - this.#committingSinceMs;
  }

  /** Hot path: once a batch. The caller adds to `undo` the positions it advances. */
  add(segment: OpenSegment, batch: SpoolBatch): { readonly durable: Promise<void>; readonly undo: number[] } {
    let group = this.#queue.at(-1);
    if (group === undefined || group.segment !== segment) {
      group = new Group(segment, this.#spareLog ?? new LogEncoder());
      this.#spareLog = null;
      this.#queue.push(group);
      segment.groupsPending++;
      this.#startTimer();
    }
    segment.place(batch, group.log, group.logOffset);
    if (batch.rows.length > 0) group.chunks.push(batch.rows);
    group.dataBytes += batch.rows.length;
    group.rows += batch.rowCount;
    group.batches++;
    this.#pendingBytes += batch.rows.length;
    const { groupAgeMsMax, groupBytesMax } = this.#options;
    if (groupAgeMsMax === 0 || group.dataBytes + group.log.length >= groupBytesMax) this.flush();
    return group;
  }

  /** Lets what has been gathered go without waiting for its age. */
  flush(): void {
    const group = this.#queue.at(-1);
    if (group !== undefined) group.due = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#pump();
  }

  /** Resolves when nothing is pending. */
  async idle(): Promise<void> {
    this.flush();
    if (this.#committing === null && this.#queue.length === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #startTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const { groupAgeMsMax } = this.#options;
    if (groupAgeMsMax > 0) this.#timer = this.#clock.setTimer(groupAgeMsMax, () => this.flush());
  }

  #pump(): void {
    const head = this.#queue[0];
    if (this.#committing !== null || head === undefined) return;
    if (!head.due && this.#queue.length === 1) return;
    this.#queue.shift();
    this.#committing = head;
    void this.#commit(head);
  }

  async #commit(group: Group): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    this.#committingSinceMs = startedMs;
    let failure: { readonly cause: unknown } | null = null;
    try {
      await group.segment.commit(group);
    } catch (cause) {
      failure = { cause };
    }
    this.#committing = null;
    this.#instruments.syncSeconds.observe((this.#clock.monotonicMs() - startedMs) / 1_000);
    if (failure === null) this.#succeed(group);
    else this.#fail(group, failure.cause);
    this.#pump();
    if (this.#committing === null && this.#queue.length === 0) {
      for (const resolve of this.#idleWaiters.splice(0)) resolve();
    }
  }

  #succeed(group: Group): void {
    this.#pendingBytes -= group.dataBytes;
    this.#instruments.syncGroupBatches.observe(group.batches);
    this.#instruments.bytesWritten.inc(group.dataBytes + group.log.length);
    group.log.clear();
    this.#spareLog = group.log;
    group.segment.groupsPending--;
    group.resolve();
    this.#outcomes.committed(group.segment, group.rows);
  }

  #fail(group: Group, cause: unknown): void {
    const failed = [group, ...this.#queue];
    this.#queue = [];
    this.#pendingBytes = 0;
    this.#timer?.cancel();
    this.#timer = null;
    this.#instruments.syncFailures.inc();
    const segments = new Set<OpenSegment>();
    for (const each of failed) {
      each.segment.groupsPending = 0;
      segments.add(each.segment);
    }
    for (const each of failed.toReversed()) this.#takeBack(each.undo);
    this.#outcomes.failed([...segments], cause);
    const error = this.#outcomes.rejection(group.segment, cause);
    for (const each of failed) each.reject(error);
  }

  /** Positions go back in the reverse order of their advances, to what is durable. */
  #takeBack(undo: readonly number[]): void {
    for (let at = undo.length - 3; at >= 0; at -= 3) {
      this.#positions.restore(undo[at]!, undo[at + 1]!, undo[at + 2]!);
    }
  }
}
