import type { EventErrorCode, FrameErrorCode } from './errors.js';
import type { ErrorCategory } from './event-types.js';
import type { LifecycleChanges, LiveEvents, LiveInterest } from './live-batch.js';
import type { WorkRows } from './work-rows.js';

/**
 * The unit that moves between stages: several frames, end to end in one buffer, decoded together into
 * one ClickHouse Native block. Large blocks are why: with 44 columns a block of 100 rows costs the engine
 * 10.5 us a row, one of 4,000 rows 3.4 us (chdb 3.4.0), and RowBinary 2.8 us a row more than Native.
 *
 * Who owns the bytes: ingest fills `FrameBatch.bytes`, a worker reads them where they lie, and until it has answered
 * nobody writes to them. Then the batch can be decoded again (without frames or events that turn out to be duplicates)
 * or its buffer reused. `DecodedBatch.rows` has its buffer for itself. It belongs to the spool from the append on and
 * is not written to until the append is settled; then the decoder may have it back (`FrameDecoder.takeBack`).
 */
export interface FrameBatch {
  /** Frames end to end; only the ranges named by `frames` are meaningful. */
  readonly bytes: ArrayBufferLike;
  readonly frames: readonly FrameRange[];
  /** Time of receipt of every event of the batch, ms since the epoch: one batch lies in one partition. */
  readonly receivedMs: number;
  /** The wall clock then: what an event without a time gets, and what its skew is measured by. See receipt-clock.ts. */
  readonly clockMs: number;
  /** What live subscribers want of it; absent or null: nothing. */
  readonly live?: LiveInterest | null;
  /** A buffer that the rows may be written to, whatever it holds. */
  readonly spare?: ArrayBufferLike | null;
  /** The same for the lists. */
  readonly side?: ArrayBufferLike | null;
}

export type FrameFormat = 'msgpack' | 'json' | 'ndjson';

export interface FrameRange {
  readonly offset: number;
  readonly length: number;
  readonly format: FrameFormat;
  readonly tenant: string;
  /** The tenant opted in to content keys. */
  readonly contentAllowed: boolean;
  /** Events are of this user, and one that names another is refused. Absent or null: whoever they name. */
  readonly user?: string | null;
  /** Already known as seen: decoded for its answer (seq, counts, errors) but adds no row and no slice. */
  readonly duplicate: boolean;
  /** Indices, within the frame, of events seen before by `event_id`, ascending: they add no row and no slice. */
  readonly duplicateEvents: readonly number[];
  /** Indices of events that end what had ended otherwise before, ascending: rows that count nothing. */
  readonly conflictingEvents?: readonly number[];
  /** What events leave out and earlier ones told, ascending by index. */
  readonly contexts?: readonly EventContext[];
}

/** What an event does not tell and is known: the run its task was open in, or the name its start told. */
export interface EventContext {
  readonly event: number;
  readonly runId?: string;
  readonly name?: string;
  /** Number of its step kind, 0 for none. */
  readonly stepKind?: number;
}

export interface DecodedBatch {
  /** The input buffer, which nobody reads any more. */
  readonly bytes: ArrayBufferLike;
  /** One Native block, in the order of `rawColumns` and without those that no row sets; empty without a row. */
  readonly rows: Uint8Array;
  readonly rowCount: number;
  /** CRC-32 (zlib) of `rows`; null while cells may still be filled (`work.cells`). */
  readonly rowsCrc: number | null;
  /** One for each frame of the input, in order. */
  readonly frames: readonly DecodedFrame[];
  /** 64-bit fingerprints of the block's events that carry an event_id, and of ends by what they say; or `null`. */
  readonly eventIds: EventFingerprints | null;
  /** What the accepted events add to the live windows. */
  readonly slices: readonly WindowSlice[];
  /** What starts and ends in it, for the registry of open runs. */
  readonly lifecycle: LifecycleChanges;
  /** The same for the memory of what is under way. */
  readonly work: WorkRows;
  /** The events that live subscribers want; null when there is none. */
  readonly live: LiveEvents | null;
  /** Accepted events whose `ts` was clamped to the accepted skew. */
  readonly clampedCount: number;
  /** Values in which a secret was masked. */
  readonly redactedCount: number;
  /** Fields or columns the schema does not know, ignored. */
  readonly unknownFieldCount: number;
  /** Where the lists of `eventIds`, `lifecycle` and `work` lie; null when each has a buffer of its own. */
  readonly side: ArrayBufferLike | null;
}

export interface DecodedFrame {
  /** `seq` as sent, `null` when the frame carries none. */
  readonly seq: number | null;
  /** Events in the frame: `accepted` + rejected + those dropped as duplicates. */
  readonly events: number;
  /** Valid events; each is a row of the block unless the frame or the event is a duplicate. */
  readonly accepted: number;
  /** Rows this frame added to the block. */
  readonly rows: number;
  readonly rejected: number;
  /** At most `errorsListedMax`; notices come last: unknown names once a frame, then events whose `ts` was clamped. */
  readonly errors: readonly EventError[];
  /** Rejected events by code, all of them. */
  readonly rejectedByCode: Readonly<Partial<Record<EventErrorCode, number>>>;
  /** The frame as a whole cannot be taken: `events`, `accepted` and `rows` are 0. */
  readonly fault: FrameFault | null;
}

export interface EventError {
  /** Index of the event within its frame. */
  readonly index: number;
  readonly code: EventErrorCode;
  /** Field, with the key of a map or the index of a list: `inputs.topic`, `columns.3`. Empty for the event itself. */
  readonly path: string;
  readonly message: string;
}

interface FrameFault {
  readonly code: FrameErrorCode;
  readonly message: string;
}

/** Low and high halves of 64-bit hashes of tenant and event_id, as parallel arrays. */
export interface EventIdList {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

/** One entry for each event with an event_id that is a row of the block, in frame and event order. */
export interface EventFingerprints extends EventIdList {
  /** Index of the frame within the batch, and of the event within its frame. */
  readonly frame: Uint32Array;
  readonly event: Uint32Array;
}

/** What one batch adds for one tenant and agent in one slice of event time (`windowSliceMs` wide). */
export interface WindowSlice {
  readonly tenant: string;
  readonly agentId: string;
  /** Start of the slice, ms since the epoch, a multiple of `windowSliceMs`. */
  readonly sliceMs: number;
  /** Executions: terminal task events. */
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Durations of executions that carry one, as t-digest centroids: mean, weight, mean, weight, … in ms. */
  readonly durations: Float64Array;
  readonly durationSumMs: number;
  /** Infinity and -Infinity when there is no duration. */
  readonly durationMinMs: number;
  readonly durationMaxMs: number;
  /** Durations of the batch by histogram bucket of `durationBucketsMs`; the last is +Inf. Not cumulative. */
  readonly durationBuckets: Uint32Array;
  /** Usage of terminal events with scope `own`. */
  readonly llmCalls: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  /** Null: none of them reported one. */
  readonly costMicros: number | null;
  /** Tokens, in and out, of those that reported no cost. */
  readonly tokensUnpriced: number;
  readonly errors: Readonly<Partial<Record<ErrorCategory, number>>>;
  readonly confidenceSum: number;
  readonly confidenceCount: number;
  readonly memoryMbMax: number;
}

/** Upper bounds of the duration histogram, in ms: 10 ms doubling to 655.36 s. */
export const durationBucketsMs: readonly number[] = Array.from({ length: 17 }, (_, power) => 10 * 2 ** power);
